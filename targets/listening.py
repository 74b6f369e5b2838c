# SPDX-License-Identifier: GPL-2.0-only
"""Where a process listens, according to the kernel (proc(5))."""

import ipaddress
import re
import struct
from pathlib import Path

_LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h


def listening_portals(pid: int) -> set[tuple[str, int]]:
    """Return the TCP addresses at which a process of ours listens; Linux only."""
    inodes = _socket_inodes(pid)
    return {
        _parse_address(local)
        for table in ("tcp", "tcp6")
        for local, state, inode in _rows(pid, table)
        if state == _LISTEN and inode in inodes
    }


def _socket_inodes(pid: int) -> set[str]:
    inodes: set[str] = set()
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return inodes
    for descriptor in descriptors:
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
        except FileNotFoundError:
            continue
        if match:
            inodes.add(match[1])
    return inodes


def _rows(pid: int, table: str) -> list[tuple[str, str, str]]:
    try:
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    return [(row[1], row[3], row[9]) for row in map(str.split, lines)]


def _parse_address(text: str) -> tuple[str, int]:
    """Parse ADDRESS:PORT in hexadecimal; address words are in the host's byte order."""
    address, port = text.split(":")
    words = struct.unpack(f">{len(address) // 8}I", bytes.fromhex(address))
    packed = struct.pack(f"={len(words)}I", *words)
    return str(ipaddress.ip_address(packed)), int(port, 16)
