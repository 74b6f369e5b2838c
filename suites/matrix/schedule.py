# SPDX-License-Identifier: GPL-2.0-only
"""Runs rows in parallel on this host, each under a guard that ends with us."""

import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from suites.matrix import folder
from suites.matrix.budget import Budget
from suites.matrix.folder import Record
from suites.matrix.rows import Row
from vmlab import guard
from vmlab.build.builder import CORES
from vmlab.guard import Guarded

_REPORT_SECONDS = 1.0
"""Seconds between two reports of the matrix's progress."""
_CODES = frozenset({0, 1})
"""The exit codes of a row's process that has written a record."""


class Watcher(Protocol):
    """An observer of the rows."""

    def begins(self, row: Row) -> None:
        """A row begins."""

    def ends(self, row: Row, record: Record | None, why: str) -> None:
        """A row has ended; if it has no record, the text says why."""

    def waits(
        self, running: Sequence[tuple[Row, float]], waiting: Sequence[Row]
    ) -> None:
        """Called now and then, with the running rows, their seconds, and the rest."""


@dataclass(slots=True)
class _Running:
    row: Row
    guarded: Guarded
    begun: float = field(default_factory=time.monotonic)


def run(
    waiting: Sequence[Row],
    words: Callable[[Row], Sequence[str]],
    budget: Budget,
    watcher: Watcher,
) -> list[Record | None]:
    """Run rows; return how each ended, None for one whose process died.

    Rows begin in their order; while one does not fit beside the running ones, smaller
    ones overtake it. However this process ends, its rows end, too.

    Args:
        waiting: the rows.
        words: returns the command that runs a row and leaves its record.
        budget: the resources that they may use together.
        watcher: the observer.

    Raises:
        LabError: a record that a row has left is damaged.
    """
    queue, running = list(waiting), list[_Running]()
    records: list[Record | None] = []
    try:
        while queue or running:
            for row in list(queue):
                if budget.fits(row, [one.row for one in running]):
                    queue.remove(row)
                    running.append(_begin(row, words(row), budget))
                    watcher.begins(row)
            now = time.monotonic()
            watcher.waits([(one.row, now - one.begun) for one in running], queue)
            waits = [one.guarded.descriptor for one in running]
            ready, _, _ = select.select(waits, [], [], _REPORT_SECONDS)
            for one in [one for one in running if one.guarded.descriptor in ready]:
                running.remove(one)
                code = one.guarded.wait()
                record = folder.read(one.row.results) if code in _CODES else None
                records.append(record)
                watcher.ends(one.row, record, "" if record else _why(one.row, code))
    finally:
        # Stop all rows at once, since each has its own time to end in order.
        for one in running:
            one.guarded.let_go()
        for one in running:
            one.guarded.wait()
    return records


def _begin(row: Row, words: Sequence[str], budget: Budget) -> _Running:
    row.results.mkdir(parents=True, exist_ok=True)
    cores = str(min(row.cores, budget.cores))
    with (row.results / folder.LAB).open("wb") as file:
        guarded = guard.start(
            words,
            output=file,
            environment={CORES: cores, "PYTHONPATH": _path()},
        )
    return _Running(row, guarded)


def _path() -> str:
    """Return PYTHONPATH for a process that must find the same packages as this one."""
    root = str(Path(__file__).parents[2])
    others = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(filter(None, [root, others]))


def _why(row: Row, code: int) -> str:
    log_lines = (
        (row.results / folder.LAB).read_text(errors="replace").strip().splitlines()
    )
    last = f": {log_lines[-1]}" if log_lines else ""
    return f"its process ended with code {code} and has left no record{last}"


def worker(file: Path, row: Row, results: Path, *, resumes: bool) -> list[str]:
    """Return the command that runs a row of a file in a process of its own."""
    words = [sys.executable, "-m", "vmlab", "matrix", "row", str(file), row.name]
    words += ["--results", str(results)]
    return [*words, "--resume"] if resumes else words
