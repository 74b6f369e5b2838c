# SPDX-License-Identifier: GPL-2.0-only
"""The output of a matrix run: a line for each row, the progress, and a page."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.printable import one_line
from suites.matrix import collected, page
from suites.matrix.budget import Budget, expected, predict_end
from suites.matrix.folder import Record
from suites.matrix.page import State
from suites.matrix.rows import Row

PAGE = "matrix.html"
_LOG_SECONDS = 60.0
"""Seconds between two lines of progress in a log that is not a terminal."""


class Board:
    """Prints to a terminal or a log, and writes the page.

    Args:
        waiting: all rows that will run.
        done: rows of the same run that have ended before.
        took: the seconds that rows took last time, by name.
        budget: the resources that rows may use together.
        path: the path of the page.
    """

    def __init__(
        self,
        waiting: Sequence[Row],
        records: Mapping[str, Record],
        took: Mapping[str, float],
        budget: Budget,
        path: Path,
    ) -> None:
        self._states = {row.name: State(row.name) for row in waiting}
        for name, record in records.items():
            self._states[name] = State(name, record=record)
        self._took = dict(took)
        self._budget = budget
        self._path = path
        self._printed_at = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._write()

    def begins(self, row: Row) -> None:
        """Note the start of a row on the page."""
        self._states[row.name] = State(row.name, is_running=True)
        self._write()

    def ends(self, row: Row, record: Record | None, why: str) -> None:
        """Print the row's line."""
        self._states[row.name] = State(row.name, record=record, why=why)
        word, message = "DIED", why
        if record is not None:
            word, message = "ok" if record.is_good else "FAILED", record.message
            self._took[row.name] = record.seconds
        took = f"{record.seconds:6.0f} s  " if record is not None else ""
        self._print(f"{word:8}{took}{row.name}: {one_line(message, 160)}")
        self._write()

    def waits(
        self, running: Sequence[tuple[Row, float]], waiting: Sequence[Row]
    ) -> None:
        """Print the progress of the matrix, if it is time to."""
        now = time.monotonic()
        if not self._is_terminal and now - self._printed_at < _LOG_SECONDS:
            return
        self._printed_at = now
        remaining = [(row, self._expected(row) - so_far) for row, so_far in running]
        ends = predict_end(waiting, self._expected, self._budget, running=remaining)
        ended = len(self._states) - len(running) - len(waiting)
        names = ", ".join(f"{row.name} {so_far:.0f} s" for row, so_far in running)
        # Rows that take longer than last time say nothing of when they will end.
        left = f"about {words(ends)} left" if ends >= 1 else "longer than expected"
        text = f"{ended} of {len(self._states)} rows, {left}: {names}"
        if self._is_terminal:
            sys.stdout.write(f"\r{one_line(text, 110)}\x1b[K")
            sys.stdout.flush()
        else:
            print(text, flush=True)

    def _expected(self, row: Row) -> float:
        return expected(row, self._took)

    def close(self, *, is_complete: bool) -> None:
        """Write the page for the last time.

        Args:
            is_complete: whether all rows have ended.
        """
        if self._is_terminal:
            sys.stdout.write("\r\x1b[K")
        for name, state in self._states.items():
            if state.is_running:
                self._states[name] = State(name, why="it was broken off")
        self._write(is_over=True)
        hint = "" if is_complete else "; continue with --resume"
        print(f"{self._path}{hint}", flush=True)

    def _print(self, text: str) -> None:
        print(f"\r\x1b[K{text}" if self._is_terminal else text, flush=True)

    def _write(self, *, is_over: bool = False) -> None:
        states = [self._states[name] for name in sorted(self._states)]
        folder = self._path.parent
        runs = {
            state.name: collected.run_of(folder / state.name)
            for state in states
            if state.record is not None
        }
        page.write(page.live(states, runs, is_over=is_over), self._path)


def words(seconds: float) -> str:
    """Return a time in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
