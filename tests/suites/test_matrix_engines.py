# SPDX-License-Identifier: GPL-2.0-only
"""Which rows the scripts of GNU parallel and Slurm hand to their engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suites.matrices import CHEAP, ROOT

pytestmark = pytest.mark.integration

PARALLEL, SBATCH = "scripts/matrix-parallel", "scripts/matrix-slurm"


def started(
    tmp_path: Path, script: str, *words: str | Path
) -> "subprocess.CompletedProcess[str]":
    """Run a script whose engine does nothing; it writes its arguments to a file."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("parallel", "sbatch"):
        (programs / name).write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/words'
        )
        (programs / name).chmod(0o755)
    return subprocess.run(
        [script, *words],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("script", [PARALLEL, SBATCH])
def test_an_engine_is_given_the_rows_that_fit(tmp_path: Path, script: str) -> None:
    matrix, hosts = tmp_path / "matrix.toml", tmp_path / "hosts"
    matrix.write_text(CHEAP)
    results = tmp_path / "results"
    places = [matrix, hosts, results] if script == PARALLEL else [matrix, results]
    chosen = ["--only", "nop or text or logout", "--no", "logout"]

    process = started(tmp_path, script, *chosen, *places)

    names = ["reference_nop", "reference_text"]
    assert (results / "rows").read_text().split() == names, process.stderr
    if script == SBATCH:
        assert "--array=1-2" in (tmp_path / "words").read_text().split()


@pytest.mark.parametrize("script", [PARALLEL, SBATCH])
def test_too_few_arguments_show_the_usage(tmp_path: Path, script: str) -> None:
    process = started(tmp_path, script, "--only")

    assert process.returncode == 2
    assert f"usage: {script} [--only EXPRESSION]" in process.stdout
