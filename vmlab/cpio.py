# SPDX-License-Identifier: GPL-2.0-only
"""Writes archives in the format of an initramfs (cpio "newc"), reproducibly.

cpio(1) is not used, since an archive contains device nodes, which an ordinary user
cannot create as files; and the bytes of an archive must depend only on its content, not
on times and owners of files.
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a folder, a symbolic link or a device."""

    path: str
    """Without a slash at its start."""
    mode: int
    """Type and permissions, as in stat(2)."""
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(path: str, data: bytes, *, executable: bool = False) -> Entry:
    """Return an ordinary file."""
    return Entry(path, stat.S_IFREG | (0o755 if executable else 0o644), data)


def folder(path: str) -> Entry:
    """Return a folder."""
    return Entry(path, stat.S_IFDIR | 0o755)


def link(path: str, target: str) -> Entry:
    """Return a symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def device(path: str, major: int, minor: int) -> Entry:
    """Return a character device."""
    return Entry(path, stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the archive; missing parent folders are added before their files."""
    out = bytearray()
    paths: set[str] = set()
    number = 0
    for entry in entries:
        parts = entry.path.split("/")
        for length in range(1, len(parts)):
            parent = "/".join(parts[:length])
            if parent not in paths:
                paths.add(parent)
                number += 1
                out += _record(folder(parent), number)
        if entry.path in paths and stat.S_ISDIR(entry.mode):
            continue
        paths.add(entry.path)
        number += 1
        out += _record(entry, number)
    out += _record(Entry(_TRAILER, 0), 0)
    return bytes(out) + bytes(-len(out) % 512)


def _record(entry: Entry, number: int) -> bytes:
    name = entry.path.encode() + b"\0"
    fields = (
        number,
        entry.mode,
        0,  # user
        0,  # group
        2 if stat.S_ISDIR(entry.mode) else 1,
        0,  # time of change: always the same, for equal archives
        len(entry.data),
        0,
        0,
        *entry.device,
        len(name),
        0,
    )
    header = _MAGIC + b"".join(f"{value:08x}".encode() for value in fields)
    head = header + name
    padded = head + bytes(-len(head) % 4) + entry.data
    return padded + bytes(-len(entry.data) % 4)
