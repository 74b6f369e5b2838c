# SPDX-License-Identifier: GPL-2.0-only
"""Conformance runs in a process of their own, as a user starts them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 300
"""None takes longer, on a machine with ten times as much to do as it can."""

ENV = shutil.which("env") or "env"
"""Found in our own PATH: a run may be given one without programs."""


def run(
    *arguments: str,
    path: str = "suites/conformance/nop",
    seconds: float = SECONDS,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run pytest on the suites; nothing of the outer run leaks in."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    # A process that a shell starts in the background ignores SIGINT, and so do its
    # children.
    command = [ENV, "--default-signal=INT", sys.executable, "-m", "pytest", path]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says what is wrong; fail if there is a traceback."""
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    assert "INTERNALERROR" not in output, output
    lines = [
        line.removeprefix("ERROR: ").removeprefix("Exit: ")
        for line in output.splitlines()
        if line.startswith(("ERROR: ", "Exit: "))
    ]
    assert len(lines) == 1, output
    return lines[0]
