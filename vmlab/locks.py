# SPDX-License-Identifier: GPL-2.0-only
"""Locks that the kernel drops when their owner dies, however it dies.

They use flock(2): a released lock leaves no file, and a process that gets a lock checks
that its file is still the one at the path.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held."""

    path: Path
    _descriptor: int

    def release(self) -> None:
        """Release it; its file is deleted first, so that none is left."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


@overload
def take(path: Path, *, wait: Literal[True]) -> Lock: ...
@overload
def take(path: Path, *, wait: bool = False) -> Lock | None: ...
def take(path: Path, *, wait: bool = False) -> Lock | None:
    """Take the lock whose file is at a path; None if another process has it.

    Args:
        path: the file, which is created if it is missing, in an existing folder.
        wait: whether to wait until it is released.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_at(descriptor, path):
                return Lock(path, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        # The last owner has released and removed the lock meanwhile.
        os.close(descriptor)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock in a block, and wait for it before."""
    lock = take(path, wait=True)
    try:
        yield
    finally:
        lock.release()


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
