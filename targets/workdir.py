# SPDX-License-Identifier: GPL-2.0-only
"""A directory for each instance, locked while its owner lives.

The kernel drops the lock when the owner dies, however it dies. Directories of killed
runs can therefore be distinguished from those of parallel runs, and are removed.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "assay-"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class WorkDirectory:
    """A locked directory."""

    path: Path
    lock: int
    """The file descriptor that holds the lock."""

    def remove(self) -> None:
        """Remove the directory and its contents."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def make(kind: str) -> WorkDirectory:
    """Create a directory for an instance of a kind of target."""
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{kind}-"))
    # Lock the file before naming it, so that a visible lock file is always locked.
    unnamed = path / f"{_LOCK}.new"
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    unnamed.rename(path / _LOCK)
    return WorkDirectory(path, lock)


def sweep() -> None:
    """Remove the directories of this user whose owners are dead."""
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _is_own(entry):
                _remove_if_unlocked(Path(entry.path))


def _is_own(entry: os.DirEntry[str]) -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False  # another run has just removed it
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _remove_if_unlocked(path: Path) -> None:
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return
    WorkDirectory(path, lock).remove()
