# SPDX-License-Identifier: GPL-2.0-only
"""Prints a capture PDU by PDU; marks broken numbering, negotiation and digests."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from initiator.captures.read import CaptureError, End, Segment, segments
from initiator.captures.watch import Watch
from initiator.describe import describe
from iscsi.constants import ISCSI_PORT, Opcode
from iscsi.errors import DecodeError
from iscsi.framing import Decoder
from iscsi.pdu import decode
from iscsi.printable import printable

_MOST_LENGTH = 1 << 24
_REQUESTS = frozenset(
    {Opcode.LOGIN_REQUEST, Opcode.SCSI_COMMAND, Opcode.NOP_OUT, Opcode.TEXT_REQUEST}
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line to print."""

    text: str
    is_mark: bool = False
    """Whether this PDU breaks a requirement."""


@dataclass(slots=True)
class _Stream:
    number: int
    watch: Watch
    to_target: Decoder = field(default_factory=Decoder)
    to_initiator: Decoder = field(default_factory=Decoder)
    is_lost: bool = False
    """The boundaries of PDUs cannot be found any more."""


def lines(path: Path, *, port: int | None = None) -> Iterator[Line]:
    """Yield the iSCSI PDUs of a capture, as lines.

    Args:
        path: the file.
        port: the target's port; None to find it.

    Raises:
        CaptureError: the file is not a capture, or contains no iSCSI.
    """
    captured = list(segments(path))
    ports = {port} if port is not None else _ports(captured)
    streams: dict[frozenset[End], _Stream] = {}
    start = captured[0].time if captured else 0.0
    for segment in captured:
        to_target = segment.destination[1] in ports
        if not to_target and segment.source[1] not in ports:
            continue
        ends = frozenset((segment.source, segment.destination))
        stream = streams.get(ends)
        if stream is None:
            stream = streams[ends] = _Stream(len(streams) + 1, Watch())
            near, far = segment.source, segment.destination
            if not to_target:
                near, far = far, near
            yield Line(f"c{stream.number} is {_end(near)} to {_end(far)}")
        yield from _take(stream, segment, segment.time - start, to_target=to_target)
    if not streams:
        where = f"at port {port}" if port is not None else "in it"
        raise CaptureError(
            f"{path}: found no iSCSI {where}; give the target's port with --port"
        )
    for stream in streams.values():
        yield from _rest(stream)


def _ports(captured: list[Segment]) -> set[int]:
    """Return the ports at which targets seem to listen.

    This is port 3260 if it occurs, else each port at which requests that look like
    iSCSI arrive.
    """
    if any(ISCSI_PORT in (one.source[1], one.destination[1]) for one in captured):
        return {ISCSI_PORT}
    votes: Counter[int] = Counter()
    for segment in captured:
        data = segment.data
        if len(data) >= 48 and data[0] & 0x3F in _REQUESTS and not data[0] & 0x80:
            length = int.from_bytes(data[5:8], "big")
            is_whole = 48 + length + -length % 4 <= len(data) + 8
            is_login = data[0] & 0x3F == Opcode.LOGIN_REQUEST and data[4] == 0
            votes[segment.destination[1]] += 10 * (is_login and is_whole) + is_whole
    best = votes.most_common(1)
    return {best[0][0]} if best and best[0][1] else set()


def _take(
    stream: _Stream, segment: Segment, at: float, *, to_target: bool
) -> Iterator[Line]:
    arrow = "->" if to_target else "<-"
    prefix = f"{at:11.6f} c{stream.number} {arrow}"
    if segment.ending:
        yield Line(f"{prefix} {segment.ending}")
        return
    if stream.is_lost:
        return
    if segment.is_after_gap:
        stream.is_lost = True
        yield Line(f"{prefix} bytes are missing in the capture: the rest is left out")
        return
    decoder = stream.to_target if to_target else stream.to_initiator
    decoder.max_data_segment_length = _MOST_LENGTH
    decoder.feed(segment.data)
    while True:
        decoder.digests = stream.watch.digests
        try:
            frame = decoder.next_frame()
        except DecodeError as error:
            stream.is_lost = True
            yield Line(f"{prefix} no PDU: {error}")
            return
        if frame is None:
            return
        pdu = decode(frame.header, frame.data)
        yield Line(f"{prefix} {printable(describe(pdu))}")
        for mark in stream.watch.see(pdu, frame, to_target=to_target):
            yield Line(f"{'':11} ! {printable(str(mark))}", is_mark=True)


def _rest(stream: _Stream) -> Iterator[Line]:
    for decoder, arrow in ((stream.to_target, "->"), (stream.to_initiator, "<-")):
        if decoder.pending and not stream.is_lost:
            yield Line(
                f"c{stream.number} {arrow} the capture ends "
                f"{len(decoder.pending)} bytes into a PDU"
            )


def _end(end: End) -> str:
    host, port = end
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
