# SPDX-License-Identifier: GPL-2.0-only
"""Additional Header Segments (RFC 7143 section 11.2.2)."""

from typing import TYPE_CHECKING, Any, ClassVar

from scapy.fields import (
    ByteEnumField,
    ByteField,
    IntField,
    PacketListField,
    ShortField,
    StrLenField,
)
from scapy.packet import NoPayload, Packet

from iscsi.constants import AHSType

_TYPE_NAMES = {int(member): member.name for member in AHSType}
_UNCOUNTED = 3  # bytes of AHSLength and AHSType, which AHSLength does not count
_COMPUTED: Any = None  # computed when the segment is built


class AHS(Packet):
    """An Additional Header Segment of any type: length, type, specific bytes."""

    name = "AHS"

    if TYPE_CHECKING:
        # Scapy's own signature has parameters that our callers never pass.
        def __init__(self, wire: bytes = b"", /, **fields: Any) -> None: ...

    fields_desc: ClassVar[list[Any]] = [
        ShortField("ahs_length", _COMPUTED),
        ByteEnumField("ahs_type", 0, _TYPE_NAMES),
        StrLenField("specific", b"", length_from=lambda pkt: pkt.ahs_length or 0),
        StrLenField(
            "padding",
            _COMPUTED,
            length_from=lambda pkt: -(_UNCOUNTED + pkt.ahs_length) % 4,
        ),
    ]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fill in the length and the padding unless they are set."""
        explicit = self.padding
        counted = len(pkt) - _UNCOUNTED - len(explicit or b"")
        if self.ahs_length is None:
            pkt = (counted & 0xFFFF).to_bytes(2, "big") + pkt[2:]
        if explicit is None:
            pkt += bytes(-len(pkt) % 4)
        return pkt + pay

    def default_payload_class(self, _payload: bytes) -> type[Packet]:
        """Leave no payload behind a segment: the next segment follows."""
        return NoPayload

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """End the segment at its length."""
        return b"", s


class ExtendedCDB(AHS):
    """The part of a CDB beyond its 16th byte (RFC 7143 section 11.2.2.3)."""

    name = "Extended CDB AHS"
    fields_desc: ClassVar[list[Any]] = [
        ShortField("ahs_length", _COMPUTED),
        ByteEnumField("ahs_type", AHSType.EXTENDED_CDB, _TYPE_NAMES),
        ByteField("reserved1", 0),
        StrLenField(
            "extended_cdb", b"", length_from=lambda pkt: max(0, pkt.ahs_length - 1)
        ),
        StrLenField(
            "padding",
            _COMPUTED,
            length_from=lambda pkt: -(_UNCOUNTED + pkt.ahs_length) % 4,
        ),
    ]


class BidirectionalReadLength(AHS):
    """The read length of a bidirectional command (RFC 7143 section 11.2.2.4)."""

    name = "Bidirectional Read Expected Data Transfer Length AHS"
    fields_desc: ClassVar[list[Any]] = [
        ShortField("ahs_length", _COMPUTED),
        ByteEnumField("ahs_type", AHSType.BIDIRECTIONAL_READ_LENGTH, _TYPE_NAMES),
        ByteField("reserved1", 0),
        IntField("bidirectional_read_expected_data_transfer_length", 0),
        StrLenField("padding", _COMPUTED, length_from=lambda _pkt: 0),
    ]


# AHSLength of the known types; a segment of another length stays raw bytes.
_MINIMUM = 4
_MOST = 255
"""The maximum number of segments in TotalAHSLength: a word each."""


def _class_of(head: bytes) -> type[AHS]:
    length, ahs_type = int.from_bytes(head[:2], "big"), head[2]
    if ahs_type == AHSType.EXTENDED_CDB and length >= 1:
        return ExtendedCDB
    if ahs_type == AHSType.BIDIRECTIONAL_READ_LENGTH and length == 5:
        return BidirectionalReadLength
    return AHS


class AHSListField(PacketListField):  # type: ignore[misc,unused-ignore]
    """The segments in order, each of its own type."""

    def __init__(self, name: str, default: list[Any], *, length_from: Any) -> None:
        super().__init__(
            name,
            default,
            next_cls_cb=self._next_class,
            length_from=length_from,
            max_count=_MOST,
        )

    @staticmethod
    def _next_class(
        _pkt: Packet, _lst: list[Any], _cur: Packet | None, remain: bytes
    ) -> type[Packet] | None:
        if len(remain) < _MINIMUM:
            return None
        return _class_of(remain)
