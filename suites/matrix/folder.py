# SPDX-License-Identifier: GPL-2.0-only
"""A row's folder: what a row leaves, whichever host has run it.

`row.json` is written last, in one step: a row that was killed has none, and runs again.
A folder may be copied as it is.
"""

import os
from pathlib import Path

import msgspec

from vmlab.errors import LabError

NAME = "row.json"
LOG = "log"
VERDICTS = "run.json"


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a row has ended."""

    row: str
    made_from: str
    """The hash of what the row was (see `suites.matrix.rows.Row.made_from`)."""
    is_good: bool
    said: str
    """One line."""
    host: str
    started: str
    """In ISO 8601, UTC."""
    seconds: float


def write(folder: Path, record: Record) -> None:
    """Write how a row has ended; it is there whole or not at all."""
    path = folder / NAME
    part = path.with_name(f".{NAME}.{os.getpid()}")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
    part.replace(path)


def read(folder: Path) -> Record | None:
    """Return how the row of a folder has ended; None if it has not.

    Raises:
        LabError: its file is damaged, or another version's.
    """
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise LabError(
            f"{path} is no record of a row: {error}",
            hint="remove it, and the row runs again",
        ) from error
