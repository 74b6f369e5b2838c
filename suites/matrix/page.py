# SPDX-License-Identifier: GPL-2.0-only
"""A matrix as a page, while it runs, or the rows of several hosts afterwards."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.model import Run
from reports.templates import render
from suites.matrix import folder
from suites.matrix.collected import HEADS, Collected, counts
from suites.matrix.folder import Record

_REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class State:
    """The state of a row in a run."""

    name: str
    is_running: bool = False
    record: Record | None = None
    why: str = ""
    """Why the row has no record, although it began."""

    @property
    def word(self) -> str:
        """The state in a word."""
        if self.record is not None:
            return "ok" if self.record.is_good else "FAILED"
        if self.is_running:
            return "running"
        return "DIED" if self.why else "waiting"


def live(
    states: Sequence[State], runs: Mapping[str, Run | None], *, is_over: bool
) -> str:
    """Return the page of a running matrix, which reloads itself until the run is over.

    Args:
        states: all rows.
        runs: the runs of rows that have ended, by name.
        is_over: whether all rows have begun and ended.
    """
    rows = [
        _row(
            state.name,
            state.word,
            runs.get(state.name),
            state.record.message if state.record is not None else state.why,
            seconds=None if state.record is None else state.record.seconds,
            is_here=state.word != "waiting",
        )
        for state in states
    ]
    refresh = None if is_over else _REFRESH_SECONDS
    return _page(rows, refresh=refresh, has_times=True)


def merged(collected: Sequence[Collected]) -> str:
    """Return the page of rows that have ended, without hosts and times.

    So the page does not depend on the number of hosts.
    """
    rows = [
        _row(
            one.record.row,
            "ok" if one.record.is_good else "FAILED",
            one.run,
            one.record.message if one.run is None else "",
        )
        for one in collected
    ]
    return _page(rows, refresh=None, has_times=False)


def _row(
    name: str,
    word: str,
    run: Run | None,
    message: str,
    *,
    seconds: float | None = None,
    is_here: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "word": word,
        "css": {"ok": "holds", "FAILED": "broken", "DIED": "broken"}.get(word, "soft"),
        "cells": [""] * (len(HEADS) - 2) if run is None else counts(run),
        "why": "" if run is None or run.is_complete else "incomplete",
        "said": message,
        "seconds": "" if seconds is None else f"{seconds:.0f} s",
        "log": f"{name}/{folder.LOG}" if is_here else "",
    }


def _page(
    rows: Sequence[Mapping[str, Any]], *, refresh: int | None, has_times: bool
) -> str:
    words = [str(row["word"]) for row in rows]
    return render(
        "matrix.html.j2",
        rows=rows,
        heads=HEADS[2:],
        refresh=refresh,
        has_times=has_times,
        sums=[(word, words.count(word)) for word in dict.fromkeys(sorted(words))],
    )


def write(text: str, path: Path) -> None:
    """Write a page in one step, so that a reader always sees a complete one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
