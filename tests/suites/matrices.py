# SPDX-License-Identifier: GPL-2.0-only
"""A matrix of cheap rows, and what its tests on several hosts have in common."""

import subprocess
import sys
from pathlib import Path

import pytest

from suites.matrix import folder
from vmlab.poll import poll

ROOT = Path(__file__).parents[2]
SECONDS = 500.0

MATRIX = """
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
ROWS = 5


def page_of_a_loop(matrix: Path, results: Path) -> str:
    words = [sys.executable, "-m", "vmlab", "matrix", "run", str(matrix)]
    words += [f"--results={results}", "--cores=1"]
    subprocess.run(words, check=True, cwd=ROOT, timeout=SECONDS, capture_output=True)
    return page_of(results)


def page_of(results: Path) -> str:
    output = results / "page.html"
    words = [sys.executable, "-m", "vmlab", "matrix", "collect", str(results)]
    words += ["-o", str(output)]
    subprocess.run(words, check=True, cwd=ROOT, timeout=SECONDS, capture_output=True)
    return output.read_text()


def begun(disk: Path) -> str:
    """Return the name of a row that is under way on a host."""
    for _ in poll(SECONDS):
        for path in disk.iterdir():
            if (path / folder.LOG).exists() and folder.read(path) is None:
                return path.name
    pytest.fail("no row has begun")
