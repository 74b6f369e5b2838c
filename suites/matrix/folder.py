# SPDX-License-Identifier: GPL-2.0-only
"""A row's folder: the files of a row, whichever host ran it.

`row.json` is written last, in one step, so a row that was killed has none and runs
again. A folder may be copied.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from vmlab.errors import LabError

NAME = "row.json"
LOG = "log"
VERDICTS = "run.json"
LAB = "lab.log"
"""The output of the build and of the boot."""
_BEFORE = "before.json"
"""How the row ended before the current or interrupted run."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a row has ended."""

    row: str
    made_from: str
    """The hash of the row's definition (see `suites.matrix.rows.Row.made_from`)."""
    is_good: bool
    message: str = msgspec.field(name="said")
    """One line."""
    host: str
    started: str
    """In ISO 8601, UTC."""
    seconds: float


def write(folder: Path, record: Record) -> None:
    """Write how a row ended, in one step: the file is complete or missing."""
    path = folder / NAME
    part = path.with_name(f".{NAME}.{os.getpid()}")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
    part.replace(path)


def read(folder: Path) -> Record | None:
    """Return how the row of a folder has ended; None if it has not.

    Raises:
        LabError: its file is damaged, or another version's.
    """
    return _read(folder / NAME)


def begin(folder: Path) -> None:
    """Mark a row's folder as not ended; the time that it took is kept."""
    with suppress(FileNotFoundError):
        (folder / NAME).replace(folder / _BEFORE)
    (folder / VERDICTS).unlink(missing_ok=True)


def last_seconds(folder: Path) -> float | None:
    """Return how long a row took when it last ended; None if it never has.

    Raises:
        LabError: its file is damaged, or another version's.
    """
    record = _read(folder / NAME) or _read(folder / _BEFORE)
    return None if record is None else record.seconds


def _read(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise LabError(
            f"{path} is not a record of a row: {error}",
            hint="remove the file; the row then runs again",
        ) from error
