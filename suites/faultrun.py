# SPDX-License-Identifier: GPL-2.0-only
"""One run of checks against the reference target with a fault."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from reftarget.faults import Fault

ROOT = Path(__file__).parents[1]

PATIENCE = 1.0
"""Seconds that an answer of the reference target is waited for."""


def run_with(fault: Fault, checks: Sequence[str], path: Path, seconds: int) -> str:
    """Run checks against a target with a fault; return why there is no verdict.

    Args:
        fault: the fault.
        checks: folders, files or node IDs.
        path: the file that the verdicts are written to.
        seconds: how long the run may last.
    """
    command = [sys.executable, "-m", "pytest", *checks]
    command += ["--target=reference", f"--fault={fault.name}", "-q", "--no-header"]
    command += [f"--verdicts={path}", "-p", "no:cacheprovider"]
    # Its plugin imports all of Hypothesis at a run's end: half of the time.
    command += ["-p", "no:hypothesispytest"]
    # What a fault leaves unsaid is not waited for as long as a slow target is.
    command += [f"--peer-timeout={PATIENCE:g}"]
    try:
        done = subprocess.run(  # our own interpreter
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return f"not done in {seconds} s"
    if path.exists():
        return ""
    words = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
    return words[-1 if words[0].startswith("INTERNALERROR") else 0]
