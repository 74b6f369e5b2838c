# SPDX-License-Identifier: GPL-2.0-only
"""A capture file of what passes, as Wireshark reads it.

The target sees PDUs, not packets: TCP and IP headers are made up around them, with the
addresses and ports that are real and sequence numbers that fit.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

Address = tuple[str, int]

_FILE_HEADER: Final = struct.Struct("<IHHiIII")
_RECORD: Final = struct.Struct("<IIII")
_IPV4: Final = struct.Struct(">BBHHHBBH4s4s")
_IPV6: Final = struct.Struct(">IHBB16s16s")
_TCP: Final = struct.Struct(">HHIIBBHHH")
_MAGIC: Final = 0xA1B2C3D4
_RAW_IP: Final = 101
_SNAP_LENGTH: Final = 1 << 18
_TCP_PROTOCOL: Final = 6
_HOP_LIMIT: Final = 64
_WINDOW: Final = 0xFFFF
_ACK_PSH: Final = 0x18
_SEGMENT: Final = 32768


class Capture:
    """Writes PDUs as TCP segments."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sent: dict[tuple[Address, Address], int] = {}
        file.write(_FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, _SNAP_LENGTH, _RAW_IP))

    def write(
        self, source: Address, destination: Address, data: bytes, now: float
    ) -> None:
        """Write bytes that went from one address to another."""
        for start in range(0, len(data), _SEGMENT):
            self._write_segment(
                source, destination, data[start : start + _SEGMENT], now
            )
        self._file.flush()

    def _write_segment(
        self, source: Address, destination: Address, data: bytes, now: float
    ) -> None:
        sequence = self._sent.get((source, destination), 1)
        acknowledged = self._sent.get((destination, source), 1)
        self._sent[source, destination] = sequence + len(data) & 0xFFFFFFFF
        tcp = _TCP.pack(
            source[1],
            destination[1],
            sequence,
            acknowledged,
            _TCP.size // 4 << 4,
            _ACK_PSH,
            _WINDOW,
            0,
            0,
        )
        packet = _ip_header(source[0], destination[0], len(tcp) + len(data)) + tcp
        seconds, fraction = divmod(now, 1)
        length = len(packet) + len(data)
        self._file.write(
            _RECORD.pack(int(seconds), int(fraction * 1e6), length, length)
        )
        self._file.write(packet)
        self._file.write(data)


def _ip_header(source: str, destination: str, length: int) -> bytes:
    start, end = ip_address(source), ip_address(destination)
    if start.version == 4:
        return _IPV4.pack(
            0x45,
            0,
            _IPV4.size + length,
            0,
            0,
            _HOP_LIMIT,
            _TCP_PROTOCOL,
            0,
            start.packed,
            end.packed,
        )
    return _IPV6.pack(
        6 << 28, length, _TCP_PROTOCOL, _HOP_LIMIT, start.packed, end.packed
    )
