# SPDX-License-Identifier: GPL-2.0-only
"""The common base of PDUs: the frame of the Basic Header Segment, and the segments.

A PDU is one flat Scapy layer: the 48 bytes of its header under the RFC's names, then
`ahs`, `data` and `padding`. Computed fields (lengths, padding) default to None and are
computed when the PDU is built, only if they are still None, so a test can set any of
them to a wrong value. Digests are not part of a PDU but of the framing
(`iscsi.framing`).
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

from scapy.fields import (
    BitEnumField,
    BitField,
    StrLenField,
    X3BytesField,
    XByteField,
)
from scapy.packet import NoPayload, Packet

from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.pdu import matching
from iscsi.pdu.ahs import AHSListField

_LENGTHS = slice(4, 8)


def first_byte(opcode: Opcode, *, immediate: bool | None = None) -> list[Any]:
    """Return the fields of byte 0: a reserved bit, I (if the PDU has one), Opcode."""
    second = (
        BitField("reserved_immediate", 0, 1)
        if immediate is None
        else BitField("immediate", int(immediate), 1)
    )
    names = {int(member): member.name for member in Opcode}
    return [
        BitField("reserved1", 0, 1),
        second,
        BitEnumField("opcode", int(opcode), 6, names),
    ]


_COMPUTED: Any = None
"""The default of a field that is computed when the PDU is built."""


def lengths() -> list[Any]:
    """Return TotalAHSLength (in words) and DataSegmentLength (in bytes)."""
    return [
        XByteField("total_ahs_length", _COMPUTED),
        X3BytesField("data_segment_length", _COMPUTED),
    ]


def segments() -> list[Any]:
    """Return the fields after the Basic Header Segment."""
    return [
        AHSListField(
            "ahs", [], length_from=lambda pkt: (pkt.total_ahs_length or 0) * 4
        ),
        StrLenField("data", b"", length_from=lambda pkt: pkt.data_segment_length or 0),
        StrLenField("padding", _COMPUTED, length_from=_padding_length),
    ]


def _padding_length(pkt: Packet) -> int:
    return -(pkt.data_segment_length or 0) % 4


class PDU(Packet):
    """An iSCSI PDU (RFC 7143 section 11.2); a subclass for each opcode."""

    opcode_of_class: ClassVar[Opcode | None] = None
    fields_desc: ClassVar[list[Any]] = []

    if TYPE_CHECKING:
        # Scapy's own signature has parameters that our callers never pass.
        def __init__(self, wire: bytes = b"", /, **fields: Any) -> None: ...

    else:

        def __init__(self, *args: Any, **fields: Any) -> None:
            try:
                super().__init__(*args, **fields)
            except AttributeError as error:
                # Scapy's error contains only the name.
                if str(error) not in fields:
                    raise
                raise AttributeError(self._unknown(str(error))) from None

    def __setattr__(self, attr: str, val: Any) -> None:
        if attr in self.__all_slots__:
            object.__setattr__(self, attr, val)
            return
        try:
            self.setfieldval(attr, val)
        except AttributeError:
            # Scapy would set an attribute instead, and the PDU would be sent unchanged.
            raise AttributeError(self._unknown(attr)) from None

    def _unknown(self, name: str) -> str:
        names = [field.name for field in self.fields_desc]
        close = get_close_matches(name, names, 1)
        guess = f"did you mean {close[0]}?" if close else f"it has {', '.join(names)}"
        return f"{type(self).__name__} has no field {name!r}: {guess}"

    def answers(self, other: Packet) -> bool:
        """Tell whether this PDU answers another, by opcodes and tags."""
        return matching.answers(self, other)

    def mysummary(self) -> str:
        """Return its name, tags and numbers in one line, for Scapy's `summary()`."""
        return matching.summary(self)

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Compute the lengths and the padding unless they are set."""
        header_length = self._header_length()
        data_length = len(self._bytes_of("data"))
        total_ahs_length, data_segment_length = pkt[4], pkt[5:8]
        if self.total_ahs_length is None:
            total_ahs_length = (header_length - BHS_LENGTH) // 4 & 0xFF
        if self.data_segment_length is None:
            data_segment_length = (data_length & 0xFFFFFF).to_bytes(3, "big")
        if self.padding is None:
            pkt += bytes(-data_length % 4)
        filled = bytearray(pkt)
        filled[_LENGTHS] = bytes([total_ahs_length]) + bytes(data_segment_length)
        return bytes(filled) + pay

    def segments(self) -> tuple[bytes, bytes]:
        """Return the header segments (BHS and AHS) and the padded data segment.

        They follow the real contents, not the length fields.
        """
        wire = bytes(self)
        cut = self._header_length()
        return wire[:cut], wire[cut:]

    def default_payload_class(self, _payload: bytes) -> type[Packet]:
        """Leave no payload behind a PDU: another PDU follows."""
        return NoPayload

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """End the PDU at its lengths."""
        return b"", s

    def _header_length(self) -> int:
        return BHS_LENGTH + sum(len(bytes(ahs)) for ahs in self.ahs)

    def _bytes_of(self, field: str) -> bytes:
        value = getattr(self, field)
        return b"" if value is None else bytes(value)
