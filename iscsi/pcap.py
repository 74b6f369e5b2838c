# SPDX-License-Identifier: GPL-2.0-only
"""A capture file for Wireshark, built from the bytes of TCP connections.

The format is pcapng with one Ethernet interface. Ethernet, IP and TCP headers are
synthesised around the real bytes: one stream for each connection, with consistent
sequence numbers, a handshake and an end. Scapy's writer is not used, since only three
kinds of block are needed, and it opens the file itself, which nothing here may do.
"""

import ipaddress
import struct
from dataclasses import dataclass, field

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ETHERNET = 1
_COMMENT, _END = 1, 0
_TIME_RESOLUTION, _NANOSECONDS = 9, 9

_SYN, _FIN, _RST, _PSH, _ACK = 0x02, 0x01, 0x04, 0x08, 0x10
_MAX_SEGMENT = 60000
"""The maximum length of a synthesised segment: an IP packet's length has 16 bits."""

_LONGEST_OPTION = 0xFFFF

Address = tuple[str, int]


@dataclass(slots=True)
class _Stream:
    near: Address
    far: Address
    sequence: dict[bool, int] = field(default_factory=lambda: {True: 1, False: 1})


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    # The length has 16 bits. Truncation may end within a character.
    if len(value) > _LONGEST_OPTION:
        value = value[:_LONGEST_OPTION].decode(errors="ignore").encode()
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Capture:
    """Collects the bytes of connections and returns those of a pcapng file.

    Times are seconds since the epoch.

    Args:
        comment: the comment of the file.
    """

    def __init__(self, comment: str = "") -> None:
        header = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        if comment:
            header += _option(_COMMENT, comment.encode()) + _option(_END, b"")
        resolution = _option(_TIME_RESOLUTION, bytes([_NANOSECONDS])) + _option(
            _END, b""
        )
        interface = struct.pack("<HHI", _ETHERNET, 0, 0) + resolution
        self._parts = [_block(_SECTION, header), _block(_INTERFACE, interface)]
        self._streams: dict[int, _Stream] = {}

    def open(self, number: int, time: float, near: Address, far: Address) -> None:
        """Record a TCP connection that the near end opens."""
        self._streams[number] = _Stream(near, far, {True: 0, False: 0})
        self._segment(number, time, from_near=True, flags=_SYN)
        self._streams[number].sequence[True] = 1
        self._segment(number, time, from_near=False, flags=_SYN | _ACK)
        self._streams[number].sequence[False] = 1
        self._segment(number, time, from_near=True, flags=_ACK)

    def data(
        self,
        number: int,
        time: float,
        data: bytes,
        *,
        from_near: bool,
        comment: str = "",
    ) -> None:
        """Record bytes that passed on a connection."""
        for start in range(0, len(data), _MAX_SEGMENT):
            part = data[start : start + _MAX_SEGMENT]
            self._segment(
                number,
                time,
                from_near=from_near,
                flags=_PSH | _ACK,
                data=part,
                comment="" if start else comment,
            )
            stream = self._streams[number]
            ahead = stream.sequence[from_near] + len(part)
            stream.sequence[from_near] = ahead % (1 << 32)

    def close(
        self, number: int, time: float, *, from_near: bool, reset: bool = False
    ) -> None:
        """Record the end of a connection."""
        flags = _RST | _ACK if reset else _FIN | _ACK
        self._segment(number, time, from_near=from_near, flags=flags)

    def take(self) -> bytes:
        """Return the bytes of the file since the last call."""
        fresh = b"".join(self._parts)
        self._parts.clear()
        return fresh

    def _segment(
        self,
        number: int,
        time: float,
        *,
        from_near: bool,
        flags: int,
        data: bytes = b"",
        comment: str = "",
    ) -> None:
        stream = self._streams[number]
        ends = (stream.near, stream.far) if from_near else (stream.far, stream.near)
        packet = _packet(
            *ends,
            sequence=stream.sequence[from_near],
            acknowledged=stream.sequence[not from_near] if flags & _ACK else 0,
            flags=flags,
            data=data,
        )
        stamp = int(time * 1_000_000) * 1000
        body = struct.pack(
            "<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(packet), len(packet)
        )
        body += packet + bytes(-len(packet) % 4)
        if comment:
            body += _option(_COMMENT, comment.encode()) + _option(_END, b"")
        self._parts.append(_block(_PACKET, body))


def _packet(
    source: Address,
    destination: Address,
    *,
    sequence: int,
    acknowledged: int,
    flags: int,
    data: bytes,
) -> bytes:
    near, far = (
        ipaddress.ip_address(end[0].split("%")[0]) for end in (source, destination)
    )
    addresses = near.packed + far.packed
    length = 20 + len(data)
    tcp = struct.pack(
        ">HHIIBBHHH",
        source[1],
        destination[1],
        sequence,
        acknowledged,
        5 << 4,
        flags,
        0xFFFF,
        0,
        0,
    )
    pseudo = addresses + struct.pack(">II", length, 6)
    tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo + tcp + data)) + tcp[18:]
    if near.version == 6:
        network = struct.pack(">IHBB", 6 << 28, length, 6, 64) + addresses
        kind = b"\x86\xdd"
    else:
        network = struct.pack(">BBHIBBH", 0x45, 0, 20 + length, 0, 64, 6, 0) + addresses
        network = network[:10] + struct.pack(">H", _checksum(network)) + network[12:]
        kind = b"\x08\x00"
    return bytes(12) + kind + network + tcp + data
