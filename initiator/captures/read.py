# SPDX-License-Identifier: GPL-2.0-only
"""Reads TCP streams from a capture file of any program: pcap or pcapng.

Scapy reads the records. Link layers and reassembly are implemented here, since only a
few fields of each header are needed, and a gap in a stream must be reported.
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, cast

from scapy.error import Scapy_Exception
from scapy.utils import RawPcapReader

from iscsi import serial

End = tuple[str, int]
"""An address and a port."""

_ETHERNET, _RAW_IP, _LOOP, _NULL = 1, 101, 108, 0
_SLL, _SLL2, _RAW_IP_BSD, _IPV4, _IPV6 = 113, 276, 12, 228, 229
_VLAN = (0x8100, 0x88A8)
_TCP = 6
_FIN, _SYN, _RST = 0x01, 0x02, 0x04
# IPv6 extension headers that may precede TCP.
_EXTENSIONS = (0, 43, 60)


_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_GZIP = b"\x1f\x8b"
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_PCAP = (0xA1B2C3D4, 0xA1B23C4D)
_MAGICS = frozenset(
    {_PCAPNG, *(number.to_bytes(4, order) for number in _PCAP for order in _ORDERS)}
)


class CaptureError(Exception):
    """A file is not a capture; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes, or the end, of one direction of a TCP stream, in order."""

    time: float
    """Seconds since the epoch."""
    source: End
    destination: End
    data: bytes = b""
    ending: str = ""
    """FIN or RST."""
    is_after_gap: bool = False
    """Whether bytes before it are missing in the capture."""


@dataclass(slots=True)
class _Way:
    """One direction of a stream."""

    next_sequence: int
    waiting: dict[int, tuple[float, bytes]] = field(default_factory=dict)
    is_ended: bool = False


_MOST_WAITING = 256

MOST_BYTES = 512 << 20
"""The maximum size of a capture, unpacked."""

MOST_BLOCK = 16 << 20
"""The maximum size of one packet or block; the file is read up to a longer one."""


class _Bounded:
    """A file that limits the size of a capture and of each block."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._read = 0

    def read(self, count: int = -1) -> bytes:
        """Return bytes of the file.

        Raises:
            CaptureError: the file is longer than `MOST_BYTES`.
            EOFError: a block claims more than `MOST_BLOCK` bytes, or the file is cut.
        """
        if not 0 <= count <= MOST_BLOCK:
            raise EOFError
        content: bytes = self._file.read(count)
        self._read += len(content)
        if self._read > MOST_BYTES:
            raise CaptureError(
                f"{self._path} holds more than {MOST_BYTES >> 20} MiB: cut it first"
            )
        return content

    def close(self) -> None:
        """Do not close the file, which its owner closes."""


def segments(path: Path) -> Iterator[Segment]:
    """Yield the contents of every TCP stream, without repetitions and in order.

    A truncated file is read up to its end.

    Raises:
        CaptureError: the file is not a capture, or its link layer is unknown.
    """
    ways: dict[tuple[End, End], _Way] = {}
    for time, link, packet in _packets(path):
        fields = _tcp(link, packet)
        if fields is None:
            continue
        source, destination, sequence, flags, data = fields
        way = ways.setdefault((source, destination), _Way(sequence))
        if flags & _SYN:
            way = ways[source, destination] = _Way(serial.add(sequence, 1))
        if data:
            way.waiting.setdefault(sequence, (time, data))
            yield from _ready(way, source, destination)
        if flags & (_FIN | _RST) and not way.is_ended:
            way.is_ended = True
            ending = "RST" if flags & _RST else "FIN"
            yield Segment(time, source, destination, ending=ending)


def _ready(way: _Way, source: End, destination: End) -> Iterator[Segment]:
    """Yield the bytes that continue a stream; at its end also those behind a gap."""
    while way.waiting:
        sequence = min(
            way.waiting, key=lambda one: serial.distance(way.next_sequence, one)
        )
        ahead = serial.distance(way.next_sequence, sequence)
        if ahead > 0 and len(way.waiting) < _MOST_WAITING:
            return
        time, data = way.waiting.pop(sequence)
        fresh = data[max(0, -ahead) :]
        if fresh:
            start = serial.add(sequence, max(0, -ahead))
            way.next_sequence = serial.add(start, len(fresh))
            yield Segment(time, source, destination, fresh, is_after_gap=ahead > 0)


def _packets(path: Path) -> Iterator[tuple[float, int, bytes]]:
    """Yield time, link type and bytes of each packet."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            yield from _packets_of(
                path,
                cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_packed else file,
            )
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error


def _packets_of(path: Path, opened: IO[bytes]) -> Iterator[tuple[float, int, bytes]]:
    try:
        magic = opened.read(4)
        opened.seek(0)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CaptureError(f"{path} is a damaged gzip file") from error
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error
    if magic not in _MAGICS:
        raise CaptureError(f"{path} is not a pcap or pcapng file")
    try:
        # RawPcapReader takes any file object, although its signature names paths only.
        bounded: Any = _Bounded(path, opened)
        reader = RawPcapReader(bounded)
    except (Scapy_Exception, EOFError, struct.error) as error:
        raise CaptureError(f"{path} is not a pcap or pcapng file") from error
    with reader:
        while True:
            try:
                packet, about = next(reader)
            except (EOFError, StopIteration, zlib.error):
                return
            except (Scapy_Exception, struct.error, ValueError, KeyError):
                return  # the file ends within a packet
            # One of pcapng's link types, by interface.
            link = getattr(about, "linktype", None)
            if link is None:
                link = reader.linktype
            yield _time(about), int(link), bytes(packet)


def _time(about: object) -> float:
    high = getattr(about, "tshigh", None)
    if high is not None:
        stamp = (high << 32) | getattr(about, "tslow", 0)
        resolution = getattr(about, "tsresol", None) or 1_000_000
        return float(stamp / resolution)
    return float(getattr(about, "sec", 0) + getattr(about, "usec", 0) / 1e6)


def _tcp(link: int, packet: bytes) -> tuple[End, End, int, int, bytes] | None:
    """Return ends, sequence number, flags and data of a TCP segment."""
    start = _network(link, packet)
    if start is None or start >= len(packet):
        return None
    version = packet[start] >> 4
    if version == 4:
        header = _ipv4(packet, start)
    elif version == 6:
        header = _ipv6(packet, start)
    else:
        return None
    if header is None:
        return None
    source, destination, offset, end = header
    if end < offset + 20:
        return None
    near, far, sequence = struct.unpack_from(">HHI", packet, offset)
    data_start = offset + (packet[offset + 12] >> 4) * 4
    data = packet[data_start:end]
    return (source, near), (destination, far), sequence, packet[offset + 13], data


def _network(link: int, packet: bytes) -> int | None:
    """Return the offset of the IP header.

    Raises:
        CaptureError: the link layer is unknown.
    """
    if link == _ETHERNET:
        offset = 12
        while packet[offset : offset + 2] in [
            kind.to_bytes(2, "big") for kind in _VLAN
        ]:
            offset += 4
        kind = int.from_bytes(packet[offset : offset + 2], "big")
        return offset + 2 if kind in (0x0800, 0x86DD) else None
    fixed = {
        _RAW_IP: 0,
        _RAW_IP_BSD: 0,
        _IPV4: 0,
        _IPV6: 0,
        _NULL: 4,
        _LOOP: 4,
        _SLL: 16,
        _SLL2: 20,
    }
    if link not in fixed:
        raise CaptureError(
            f"link type {link} is not supported: convert the capture to Ethernet"
        )
    return fixed[link]


def _ipv4(packet: bytes, start: int) -> tuple[str, str, int, int] | None:
    if len(packet) < start + 20 or packet[start + 9] != _TCP:
        return None
    if int.from_bytes(packet[start + 6 : start + 8], "big") & 0x1FFF:
        return None  # a later fragment
    total = int.from_bytes(packet[start + 2 : start + 4], "big")
    # Captures on the sending side may show 0 before segmentation offload.
    end = min(len(packet), start + total) if total else len(packet)
    source, destination = (
        ".".join(map(str, packet[start + at : start + at + 4])) for at in (12, 16)
    )
    return source, destination, start + (packet[start] & 0x0F) * 4, end


def _ipv6(packet: bytes, start: int) -> tuple[str, str, int, int] | None:
    if len(packet) < start + 40:
        return None
    length = int.from_bytes(packet[start + 4 : start + 6], "big")
    end = min(len(packet), start + 40 + length) if length else len(packet)
    source, destination = (
        packet[start + at : start + at + 16].hex(":", 2) for at in (8, 24)
    )
    kind, offset = packet[start + 6], start + 40
    while kind in _EXTENSIONS and offset + 2 <= end:
        kind, offset = packet[offset], offset + (packet[offset + 1] + 1) * 8
    return (source, destination, offset, end) if kind == _TCP else None
