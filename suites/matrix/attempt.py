# SPDX-License-Identifier: GPL-2.0-only
"""One row, run in this process: builds its kernel and runs its part of a suite."""

import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from suites.matrix import folder, rows
from suites.matrix.folder import Record
from suites.matrix.rows import Row
from vmlab import locks
from vmlab.build import kernel
from vmlab.errors import LabError

_ROOT = Path(__file__).parents[2]
_SECONDS = 4 * 3600
_LOCK = ".lock"


def ended(row: Row) -> Record | None:
    """Return how an unchanged row ended before; None if it must run.

    Raises:
        LabError: its record is damaged.
    """
    before = folder.read(row.results)
    is_same = before is not None and before.made_from == row.made_from
    return before if is_same else None


def attempt(row: Row, *, resumes: bool = False) -> Record:
    """Run a row; return how it ended.

    Two processes never run the same row in the same folder at once.

    Args:
        row: the row.
        resumes: whether a record of the same row in its folder is returned instead.

    Raises:
        LabError: its folder cannot be used.
    """
    row.results.mkdir(parents=True, exist_ok=True)
    with locks.held(row.results / _LOCK):
        before = ended(row)
        if resumes and before is not None:
            return before
        folder.begin(row.results)
        started, begun = datetime.now(UTC), time.monotonic()
        is_good, message = build_and_test(row)
        record = Record(
            row=row.name,
            made_from=row.made_from,
            is_good=is_good,
            message=message,
            host=platform.node(),
            started=started.isoformat(timespec="microseconds"),
            seconds=round(time.monotonic() - begun, 1),
        )
        folder.write(row.results, record)
    return record


def build_and_test(row: Row) -> tuple[bool, str]:
    """Build a combination and run the suite against it; a failure is a result, too."""
    try:
        if row.order is not None:
            kernel.remember(row.name, kernel.build(row.order))
    except LabError as error:
        return False, str(error)
    log = row.results / folder.LOG
    with log.open("w") as file:
        try:
            process = subprocess.run(
                rows.command(row),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return False, f"no end in {_SECONDS} s; see {log}"
    lines = log.read_text(errors="replace").splitlines()
    last = lines[-1].strip("= ") if lines else "the suite said nothing"
    is_good = process.returncode == 0
    return is_good, last if is_good else f"{last}; see {folder.LOG} in its folder"
