# SPDX-License-Identifier: GPL-2.0-only
"""A run that is killed takes its workers and their targets along."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.suites.runs import ROOT

_SECONDS = 120.0

pytestmark = pytest.mark.integration


def parents() -> Iterator[tuple[int, int]]:
    """Each process that lives, with its parent's number."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # the process has ended meanwhile
        if fields[0] != "Z":
            yield int(path.parent.name), int(fields[1])


def offspring(pid: int) -> set[int]:
    """All that a process has started, and they in turn."""
    parents_found = list(parents())
    matches: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {one for one, parent in parents_found if parent in fresh} - matches
        matches |= fresh
    return matches


def test_nothing_lives_on() -> None:
    words = (
        "-m",
        "pytest",
        "suites/conformance/login",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
    )
    deadline = time.monotonic() + _SECONDS
    with subprocess.Popen(
        [sys.executable, *words, "--target=reference"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    ) as run:
        own: set[int] = set()
        # Two workers, each with a target.
        while len(own) < 4:
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
            own = offspring(run.pid)
        run.kill()

    while own & {one for one, _ in parents()}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
