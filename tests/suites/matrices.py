# SPDX-License-Identifier: GPL-2.0-only
"""A matrix of cheap rows, and what its tests on several hosts have in common.

The environment variable `VARIABLE` names another matrix file, whose rows may boot
machines; docs/matrix.md says how long that takes.
"""

import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from suites.matrix import folder, rows
from suites.matrix.rows import Row
from vmlab.poll import poll

ROOT = Path(__file__).parents[2]
VARIABLE = "ISCSI_ASSAY_MATRIX"

CHEAP = """
[[target]]
name = "reference"
[[part]]
name = "nop"
arguments = ["--area", "nop"]
[[part]]
name = "text"
arguments = ["--area", "text"]
[[part]]
name = "logout"
arguments = ["--area", "logout"]
[[part]]
name = "numbering"
arguments = ["--area", "numbering"]
[[part]]
name = "discovery"
arguments = ["--area", "discovery"]
"""
SECONDS = 4 * 3600.0 if os.environ.get(VARIABLE) else 500.0
"""The longest time of a run of the whole matrix."""


def matrix_file(place: Path) -> Path:
    """Return the matrix; the one of cheap rows is written to a folder."""
    other = os.environ.get(VARIABLE)
    if other:
        return (ROOT / other).resolve()
    path = place / "matrix.toml"
    path.write_text(CHEAP)
    return path


def rows_of(matrix: Path) -> Sequence[Row]:
    return rows.load(matrix)


@functools.cache
def page_of_a_loop() -> str:
    """Return the page of a run on this host, one row after the other."""
    with tempfile.TemporaryDirectory(prefix="matrix-loop-") as place:
        matrix, results = matrix_file(Path(place)), Path(place) / "results"
        words = [sys.executable, "-m", "vmlab", "matrix", "run", str(matrix)]
        words += [f"--results={results}", "--cores=1", "--exit-zero"]
        begun_at = time.monotonic()
        subprocess.run(
            words, check=True, cwd=ROOT, timeout=SECONDS, capture_output=True
        )
        say("one loop", begun_at)
        return page_of(results)


def say(what: str, begun_at: float) -> None:
    """Print a wall time; pytest's option -rP shows it."""
    sys.stdout.write(f"{what}: {time.monotonic() - begun_at:.0f} s\n")


def page_of(results: Path) -> str:
    output = results / "page.html"
    words = [sys.executable, "-m", "vmlab", "matrix", "collect", str(results)]
    words += ["-o", str(output)]
    process = subprocess.run(
        words, check=False, cwd=ROOT, timeout=SECONDS, capture_output=True, text=True
    )
    # 1: a row has failed, which the page says.
    assert process.returncode in (0, 1), process.stderr
    sys.stdout.write(process.stdout)
    return output.read_text()


def begun(disk: Path) -> str:
    """Return the name of a row that is under way on a host."""
    for _ in poll(SECONDS):
        for path in disk.iterdir():
            if (path / folder.LOG).exists() and folder.read(path) is None:
                return path.name
    pytest.fail("no row has begun")
