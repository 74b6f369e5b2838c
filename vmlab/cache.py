# SPDX-License-Identifier: GPL-2.0-only
"""The lab's cache: files named by the hash of their inputs."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from vmlab import locks
from vmlab.errors import LabError

VARIABLE = "ISCSI_ASSAY_CACHE"
"""The environment variable that moves the cache."""

_SHARED = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs"),
        *("gfs2", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3"),
    )
)
"""File systems that several hosts may share, by their names in /proc/self/mountinfo."""
_MOUNTS = Path("/proc/self/mountinfo")
_MAKING, _LOCK = ".making-", ".lock"
# Backup programs recognise a cache by this file, and we recognise our own.
_TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n# of iSCSI Assay\n"


def folder() -> Path:
    """Return the cache's folder, which is created if it is missing.

    Each host has a cache of its own. Locks of flock(2) work between the processes of
    one host. Between hosts they depend on the file system and its mount options, and
    stale data may hide that a lock's file was removed.

    Raises:
        LabError: it cannot be created, or other hosts may share it.
    """
    override = os.environ.get(VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(override) if override else Path(base) / "iscsi-assay"
    try:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            (path / _TAG).write_text(_SIGNATURE)
    except OSError as error:
        raise _unusable(path, error) from error
    kind = file_system(path)
    if kind in _SHARED:
        raise LabError(
            f"the lab's cache {path} is on a network file system ({kind})",
            hint=f"each host needs its own cache: {VARIABLE}=DIR moves it to a disk",
        )
    return path


def file_system(path: Path) -> str:
    """Return the type of a path's file system, such as ext4; or an empty text."""
    try:
        mounts = _MOUNTS.read_text(errors="replace")
    except OSError:
        return ""
    resolved = path.resolve()
    kind, depth = "", -1
    # If several file systems are mounted at one place, the last one counts.
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        place = Path(_unescaped(before.split()[4]))
        if resolved.is_relative_to(place) and len(place.parts) >= depth:
            kind, depth = after.split()[0], len(place.parts)
    return kind


def _unescaped(text: str) -> str:
    """Return a path from a table of mounts, in which spaces are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _unusable(path: Path, error: OSError) -> LabError:
    return LabError(
        f"the lab's cache {path} cannot be used: {error.strerror or error}",
        hint=f"{VARIABLE}=DIR moves it",
    )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key(**ingredients: object) -> str:
    """Return the hash of a file's inputs: names, versions, contents."""
    text = json.dumps(ingredients, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def get(name: str, made_from: str, make: Callable[[Path], None]) -> Path:
    """Return a cached file or folder; create it if it is missing.

    Args:
        name: its name, such as initramfs.
        made_from: the hash of its inputs (see `key`).
        make: creates it at the given path; it may fail and leave a part there.

    Raises:
        LabError: the cache cannot be written, or is full.
    """
    path = folder() / name / made_from
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locks.held(path.with_name(f".{made_from}{_LOCK}")):
            if not path.exists():
                _make(path, make)
    except OSError as error:
        raise _unusable(error.filename or path, error) from error
    return path


def _make(path: Path, make: Callable[[Path], None]) -> None:
    """Create it under a temporary name and rename it, so that it is always complete."""
    making = path.with_name(_MAKING + path.name)
    # An interrupted process left it. We hold the lock, so no process uses it.
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    try:
        part = making / "it"
        make(part)
        part.rename(path)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def sweep() -> None:
    """Delete incomplete files of killed processes, and their locks."""
    for path in folder().glob(f"*/.*{_LOCK}"):
        lock = locks.take(path)
        if lock is not None:
            made_from = path.name.removeprefix(".").removesuffix(_LOCK)
            shutil.rmtree(path.with_name(_MAKING + made_from), ignore_errors=True)
            lock.release()


def clear() -> None:
    """Delete the whole cache.

    Raises:
        LabError: the lab did not create a folder that was named as the cache.
    """
    path = folder()
    if VARIABLE in os.environ and not (path / _TAG).exists():
        raise LabError(
            f"{VARIABLE} names {path}, which the lab did not create",
            hint="remove it by hand",
        )
    shutil.rmtree(path)
