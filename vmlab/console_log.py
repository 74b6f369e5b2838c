# SPDX-License-Identifier: GPL-2.0-only
"""The output of a console, over the several files in which virtlogd keeps it.

virtlogd renames a console's file when it has reached its `max_size` (2 MiB unless it
is configured otherwise) and begins another: `console.log` is the newest,
`console.log.0` is older, `console.log.1` older still. Positions count from the first
byte printed.
"""

import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_MOST_FILES = 64


@dataclass(slots=True)
class ConsoleLog:
    """Reads a console file that is still being written and renamed."""

    path: Path
    _starts: dict[int, int] = field(default_factory=dict)
    """The position at which each file begins, by inode."""
    end: int = 0
    """The end of the output at the last read."""

    def size(self) -> int:
        """Return the position at the present end."""
        with ExitStack() as stack:
            self._look(stack)
            return self.end

    def read(self, position: int = 0) -> bytes:
        """Return the output since a position.

        Output that virtlogd has deleted, since it keeps only `max_backups` files, is
        left out.
        """
        with ExitStack() as stack:
            parts = []
            for start, file in self._look(stack):
                file.seek(max(0, position - start))
                parts.append(file.read())
                if parts[-1]:  # the file may have grown since
                    self.end = start + file.tell()
            return b"".join(parts)

    def _look(self, stack: ExitStack) -> list[tuple[int, BinaryIO]]:
        """Open the files, the oldest first; record and return the beginning of each."""
        files: dict[int, tuple[BinaryIO, int]] = {}
        # Newest first: a file that is renamed meanwhile is read twice rather than
        # missed.
        for path in (self.path, *_backups(self.path)):
            with suppress(FileNotFoundError):
                file = stack.enter_context(path.open("rb"))
                status = os.fstat(file.fileno())
                files.setdefault(status.st_ino, (file, status.st_size))
        oldest_first = list(reversed(files.items()))
        start = self._start_of_oldest(
            [(inode, size) for inode, (_, size) in oldest_first]
        )
        self._starts.clear()
        placed: list[tuple[int, BinaryIO]] = []
        for inode, (older, size) in oldest_first:
            self._starts[inode] = start
            placed.append((start, older))
            start += size
        if placed:
            self.end = start
        return placed

    def _start_of_oldest(self, files: list[tuple[int, int]]) -> int:
        """Return the position of the oldest file, from the first known one."""
        before = 0
        for inode, size in files:
            if inode in self._starts:
                return self._starts[inode] - before
            before += size
        return self.end if self._starts else 0


def _backups(path: Path) -> list[Path]:
    """Return the names of older files, the newest first."""
    names = []
    for number in range(_MOST_FILES):
        older = path.with_name(f"{path.name}.{number}")
        if not older.exists():
            break
        names.append(older)
    return names


def remove(path: Path) -> None:
    """Delete a console's files."""
    for one in (path, *_backups(path)):
        one.unlink(missing_ok=True)
