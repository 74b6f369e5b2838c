# SPDX-License-Identifier: GPL-2.0-only
"""The files of a machine on this host: a folder with its console and its disk."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from vmlab import cache, daemon, domain, locks
from vmlab.errors import LabError
from vmlab.locks import Lock
from vmlab.poll import poll
from vmlab.tool import run

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOCK = "lock"
_SWEEP_SECONDS = 1.0


def machine_folder(name: str) -> Path:
    """Return the folder of a machine's console and disk.

    Raises:
        LabError: this cannot be the name of a machine.
    """
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is not a valid name of a machine: use up to 64 letters, digits, "
            "'.', '_' and '-'"
        )
    return _all() / name


def _all() -> Path:
    return cache.folder() / "machines"


def console(name: str) -> Path:
    """Return the file of a machine's console."""
    return machine_folder(name) / "console.log"


def disk(name: str) -> Path:
    """Return the file of a machine's disk."""
    return machine_folder(name) / "var.qcow2"


def claim(name: str) -> Lock | None:
    """Lock a machine's folder; None if another process has locked it."""
    folder = machine_folder(name)
    # A sweep may hold the lock for a moment.
    for _ in poll(_SWEEP_SECONDS):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # a sweep has just removed it
            lock = locks.take(folder / _LOCK)
            if lock is not None:
                return lock
    return None


def forget(name: str) -> None:
    """Delete a machine's console and disk, and libvirt's files about it."""
    shutil.rmtree(machine_folder(name), ignore_errors=True)
    with suppress(OSError):
        daemon.log_of(domain.PREFIX + name).unlink()


def sweep(is_up: Callable[[str], bool], *, every: bool = False) -> Iterator[str]:
    """Delete the files of machines whose owners were killed; return their names.

    A machine that a user booted has no owner, and its console stays readable.

    Args:
        is_up: whether a machine runs.
        every: the folders of those too.
    """
    existing = sorted(_all().iterdir()) if _all().exists() else []
    for folder in existing:
        if not _NAME.fullmatch(folder.name) or not (every or (folder / _LOCK).exists()):
            continue
        with suppress(OSError):  # another process's sweep may remove it, too
            lock = locks.take(folder / _LOCK)
            if lock is None:
                continue
            # Ask only while the lock prevents others from starting the machine.
            if not is_up(folder.name):
                forget(folder.name)
                yield folder.name
            lock.release()


def new_disk(path: Path, size: int = 1 << 30) -> Path:
    """Return a fresh disk with an empty file system, `size` bytes long.

    Its format can keep the state of the machine's memory as well.
    """
    template = cache.get(
        "disk", cache.key(size=size, layout=2), lambda part: _format(part, size)
    )
    path.unlink(missing_ok=True)
    run("cp", "--sparse=always", template, path)
    return path


def _format(path: Path, size: int) -> None:
    plain = path.with_name(f"{path.name}.raw")
    try:
        with plain.open("wb") as file:
            file.truncate(size)
        run("mkfs.ext4", "-q", "-F", "-m", "0", plain)
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", plain, path)
    finally:
        plain.unlink(missing_ok=True)
