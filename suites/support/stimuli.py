# SPDX-License-Identifier: GPL-2.0-only
"""Stimuli from the field tables of `iscsi`: the wrong contents of one PDU.

A stimulus is a change of a well-formed PDU of the current position
(`suites.support.positions`), so it has the numbers and tags of the session. Nothing is
sent here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.headers.layout import Bits, field_bits
from iscsi.pdu import PDU

Segments = tuple[bytes, bytes]
"""Header segments, and the data segment with its padding."""

_ALL_VALUES = 4
"""The maximum size in bits of a field of which every value is tried."""

_OPCODE_BITS = 6
_RESETS = frozenset({6, 7})
"""TARGET WARM RESET and TARGET COLD RESET, which may disturb other initiators."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One thing to send, by the PDU from which it is made."""

    name: str
    kind: str
    """The name of the changed PDU in the table of positions."""
    change: Callable[[Segments], Segments]
    """From the segments of the well-formed PDU to those that are sent."""
    header_digest: bool | bytes | None = None
    """As `Connection.send`: None for what was negotiated."""
    data_digest: bool | bytes | None = None
    ends: str = ""
    """What follows the PDU: nothing, or "FIN" or "RST"."""

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.kind}: {self.name}"


def claims(header: bytes) -> int:
    """Return the length of a PDU as a receiver without digests sees it."""
    length = int.from_bytes(header[5:8], "big")
    return BHS_LENGTH + header[4] * 4 + length + -length % 4


def asks_for_reset(wire: bytes) -> bool:
    """Tell whether bytes begin with a task management request that resets a target."""
    is_function = wire[0] & 0x3F == Opcode.TASK_MANAGEMENT_REQUEST
    return is_function and wire[1] & 0x7F in _RESETS


def names_of_fields(layer: type[PDU]) -> list[str]:
    """Return the fields of a PDU's Basic Header Segment, in order."""
    return list(field_bits(layer))


def field_values(kind: str, layer: type[PDU], name: str) -> Iterator[Stimulus]:
    """Yield a stimulus for each boundary value and each wrong value of a field.

    Args:
        kind: the name of the PDU.
        layer: its class.
        name: the field.
    """
    bits = field_bits(layer)[name]
    if not bits.is_number:
        yield from _byte_values(kind, name, bits)
        return
    for words, value in _numbers(bits.width).items():
        yield Stimulus(f"{name} = {words}", kind, _setting(bits, value))


def _numbers(width: int) -> Mapping[str, Callable[[int], int]]:
    """Return the values to which a number is set, from its bits and its right value."""
    maximum = (1 << width) - 1
    if width <= _ALL_VALUES or width == _OPCODE_BITS:
        return {f"{n:#x}": _always(n) for n in range(maximum + 1)}
    sign = 1 << width - 1
    fixed = {0, 1, 2, 0x7F, 0x80, 0xFF, sign - 1, sign, sign + 1, maximum - 1, maximum}
    values = {f"{n:#x}": _always(n) for n in sorted(fixed) if n <= maximum}
    return {
        **values,
        "one less than true": lambda true: true - 1 & maximum,
        "one more than true": lambda true: true + 1 & maximum,
        "the complement": lambda true: true ^ maximum,
    }


def _always(value: int) -> Callable[[int], int]:
    return lambda _true: value


def _setting(bits: Bits, value: Callable[[int], int]) -> Callable[[Segments], Segments]:
    def change(true: Segments) -> Segments:
        header, data = true
        header_bits = int.from_bytes(header[:BHS_LENGTH], "big")
        shift = BHS_LENGTH * 8 - bits.end
        mask = (1 << bits.width) - 1
        changed = value(header_bits >> shift & mask)
        header_bits = header_bits & ~(mask << shift) | changed << shift
        return header_bits.to_bytes(BHS_LENGTH, "big") + header[BHS_LENGTH:], data

    return change


def _byte_values(kind: str, name: str, bits: Bits) -> Iterator[Stimulus]:
    start, size = bits.start // 8, bits.width // 8
    for words, value in {
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "rising": bytes(range(size)),
        "a sign": b"\x80" + bytes(size - 1),
        "text": b"%n%s"[:size].ljust(size, b"A"),
    }.items():
        yield Stimulus(f"{name} = {words}", kind, replacing(start, value))


def replacing(start: int, value: bytes) -> Callable[[Segments], Segments]:
    """Return a change that writes bytes into a header."""

    def change(true: Segments) -> Segments:
        header, data = true
        return header[:start] + value + header[start + len(value) :], data

    return change


# Additional header segments --------------------------------------------------------

_TYPES = (0, 1, 2, 3, 0x3F, 0x80, 0xFF)
_AHS_LENGTHS = (0, 1, 2, 3, 4, 5, 6, 9, 0x7FFF, 0x8000, 0xFFFF)


def ahs_shapes(kind: str) -> Iterator[Stimulus]:
    """Yield additional header segments of all shapes against TotalAHSLength.

    TotalAHSLength matches the sent bytes, so that the stream stays readable; AHSLength
    and AHSType within them are wrong.
    """
    for ahs_type in _TYPES:
        for length in _AHS_LENGTHS:
            head = length.to_bytes(2, "big") + bytes([ahs_type])
            for words in (1, 2, 16):
                segment = head.ljust(4 * words, b"\x5a")
                yield _with_ahs(
                    f"AHSLength {length:#x}, type {ahs_type:#x} in {words} words",
                    kind,
                    segment,
                )
    for words in (1, 2, 63, 64, 127, 128, 254, 255):
        yield _with_ahs(f"{words} words of zeros", kind, bytes(4 * words))
        yield _with_ahs(f"{words} words of ones", kind, b"\xff" * 4 * words)
        start = (4 * words - 3).to_bytes(2, "big") + b"\x01"
        yield _with_ahs(
            f"an extended CDB of {words} words", kind, start.ljust(4 * words, b"\0")
        )
    extended = b"\0\x05\x01\0\x11\x22\x33\x44"
    two_segments = b"\0\x05\x02\0\xff\xff\xff\xff"
    yield _with_ahs("two extended CDBs", kind, extended * 2)
    yield _with_ahs("two bidirectional lengths", kind, two_segments * 2)
    yield _with_ahs("31 bidirectional lengths", kind, two_segments * 31)
    yield _with_ahs("127 segments of length 0", kind, b"\0\0\x01\0" * 127)
    yield _with_ahs("a length that ends in the next segment", kind, b"\0\x09\x01\0" * 2)


def _with_ahs(words: str, kind: str, segment: bytes) -> Stimulus:
    def change(true: Segments) -> Segments:
        header, data = true
        count = bytes([len(segment) // 4])
        return header[:4] + count + header[5:BHS_LENGTH] + segment, data

    return Stimulus(f"AHS: {words}", kind, change)


# DataSegmentLength against what follows --------------------------------------------

_LENGTHS = (0, 1, 2, 3, 4, 5, 47, 48, 511, 512, 8191, 8192, 8193, 65536, 262143, 262145)
_HUGE = (1 << 20, (1 << 23) - 1, 1 << 23, (1 << 24) - 1)


def data_lengths(kind: str) -> Iterator[Stimulus]:
    """Yield data segments of many lengths, with right and wrong DataSegmentLength."""
    for length in _LENGTHS:
        yield _with_data(f"{length} bytes of data", kind, length, length)
        yield _with_data(
            f"{length} said, one less sent", kind, length, max(0, length - 4), "FIN"
        )
        yield _with_data(f"{length} said, none sent", kind, length, 0, "RST")
        yield _with_data(f"{length} sent, none said", kind, 0, length)
    for length in _HUGE:
        yield _with_data(f"{length} said, none sent", kind, length, 0, "FIN")
        yield _with_data(f"{length} said, 64 KiB sent", kind, length, 1 << 16, "RST")


def _with_data(
    words: str, kind: str, claimed: int, sent: int, ends: str = ""
) -> Stimulus:
    def change(true: Segments) -> Segments:
        header, _ = true
        data = bytes(sent)
        length = claimed.to_bytes(3, "big")
        return header[:5] + length + header[8:], data + bytes(-sent % 4)

    return Stimulus(f"DataSegmentLength: {words}", kind, change, ends=ends)


# Digests ---------------------------------------------------------------------------


def wrong_digests(kind: str) -> Iterator[Stimulus]:
    """Yield a PDU whose digests are wrong, missing or superfluous."""
    for words, value in {
        "zeros": bytes(4),
        "ones": b"\xff" * 4,
        "of the wrong order": b"\x11\x22\x33\x44",
    }.items():
        yield Stimulus(
            f"header digest {words}", kind, lambda true: true, header_digest=value
        )
        yield Stimulus(
            f"data digest {words}", kind, lambda true: true, data_digest=value
        )
        yield Stimulus(
            f"both digests {words}",
            kind,
            lambda true: true,
            header_digest=value,
            data_digest=value,
        )
    yield Stimulus("no header digest", kind, lambda true: true, header_digest=False)
    yield Stimulus("no data digest", kind, lambda true: true, data_digest=False)
    yield Stimulus("no data, a data digest", kind, _bare, data_digest=bytes(4))


def _bare(true: Segments) -> Segments:
    header, _ = true
    return header[:5] + bytes(3) + header[8:], b""
