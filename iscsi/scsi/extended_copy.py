# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY (LID1) parameter lists (SPC-4 section 6.4)."""

import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Self

from iscsi.errors import DecodeError
from iscsi.scsi.layout import Structure
from iscsi.scsi.vpd import CodeSet, Designator, DesignatorType

HEADER_LENGTH = 16
"""Bytes before the descriptors of a parameter list."""

CSCD_LENGTH = 32
"""Bytes in a CSCD descriptor (copy source or copy destination)."""

IDENTIFICATION_DESCRIPTOR = 0xE4
"""DESCRIPTOR TYPE CODE of a CSCD named by a designator of its VPD page 83h."""

BLOCK_TO_BLOCK = 0x02
"""DESCRIPTOR TYPE CODE of a segment from block device to block device."""

THIS_LOGICAL_UNIT = 0xF800
"""The CSCD descriptor ID of the unit that received the command."""

MAX_DESIGNATOR_LENGTH = 20


class ListIDUsage(IntEnum):
    """LIST ID USAGE (SPC-4 table 118)."""

    HOLD = 0b00
    DISCARD = 0b10
    NONE = 0b11


_HEADER = Structure(
    "EXTENDED COPY parameter list",
    HEADER_LENGTH,
    list_identifier=(0, 7, 8),
    sequential_striped=(1, 5, 1),
    list_id_usage=(1, 4, 2),
    priority=(1, 2, 3),
    cscd_length=(2, 7, 16),
    segment_length=(8, 7, 32),
    inline_length=(12, 7, 32),
)
_CSCD = Structure(
    "identification descriptor CSCD descriptor",
    CSCD_LENGTH,
    type_code=(0, 7, 8),
    lu_id_type=(1, 7, 2),
    is_null=(1, 5, 1),
    device_type=(1, 4, 5),
    relative_initiator_port=(2, 7, 16),
    code_set=(4, 3, 4),
    association=(5, 5, 2),
    designator_type=(5, 3, 4),
    designator_length=(7, 7, 8),
    pad=(28, 2, 1),
    block_length=(29, 7, 24),
)
_DESIGNATOR_OFFSET = 8
_SEGMENT_HEADER = struct.Struct(">BxH")
_BLOCK_TO_BLOCK = Structure(
    "block to block segment descriptor",
    28,
    type_code=(0, 7, 8),
    destination_count=(1, 1, 1),
    concatenate=(1, 0, 1),
    descriptor_length=(2, 7, 16),
    source=(4, 7, 16),
    destination=(6, 7, 16),
    blocks=(10, 7, 16),
    source_lba=(12, 7, 64),
    destination_lba=(20, 7, 64),
)


@dataclass(frozen=True, slots=True)
class CSCD:
    """A copy source or destination named by its designator."""

    designator: Designator
    block_length: int = 512
    pad: bool = False
    is_null: bool = False
    """Obsolete since SPC-4."""
    device_type: int = 0
    lu_id_type: int = 0
    relative_initiator_port: int = 0
    type_code: int = IDENTIFICATION_DESCRIPTOR

    def build(self) -> bytes:
        """Return the descriptor."""
        designator = self.designator
        data = bytearray(
            _CSCD.build(
                type_code=self.type_code,
                lu_id_type=self.lu_id_type,
                is_null=self.is_null,
                device_type=self.device_type,
                relative_initiator_port=self.relative_initiator_port,
                code_set=designator.code_set,
                association=designator.association,
                designator_type=designator.type,
                designator_length=len(designator.designator),
                pad=self.pad,
                block_length=self.block_length,
            )
        )
        room = designator.designator[:MAX_DESIGNATOR_LENGTH]
        data[_DESIGNATOR_OFFSET : _DESIGNATOR_OFFSET + len(room)] = room
        return bytes(data)

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read a descriptor of this type.

        Raises:
            DecodeError: it is cut short, of another type or has too long a designator.
        """
        data = bytes(data)
        fields = _CSCD.parse(data)
        if fields["type_code"] != IDENTIFICATION_DESCRIPTOR:
            raise DecodeError(
                f"type {fields['type_code']:#04x} belongs to another descriptor",
                field="DESCRIPTOR TYPE CODE",
                data=data,
            )
        length = fields["designator_length"]
        if length > MAX_DESIGNATOR_LENGTH:
            raise DecodeError(
                f"designator of {length} bytes",
                offset=7,
                field="DESIGNATOR LENGTH",
                data=data,
            )
        return cls(
            Designator(
                fields["designator_type"],
                data[_DESIGNATOR_OFFSET : _DESIGNATOR_OFFSET + length],
                fields["association"],
                fields["code_set"],
            ),
            fields["block_length"],
            bool(fields["pad"]),
            bool(fields["is_null"]),
            fields["device_type"],
            fields["lu_id_type"],
            fields["relative_initiator_port"],
        )


def naa(identifier: bytes, *, block_length: int = 512) -> CSCD:
    """Return the CSCD of a unit by its NAA designator."""
    designator = Designator(DesignatorType.NAA, identifier, code_set=CodeSet.BINARY)
    return CSCD(designator, block_length)


@dataclass(frozen=True, slots=True)
class Segment:
    """A block to block segment: CSCDs by their place in the list."""

    source: int
    destination: int
    blocks: int
    source_lba: int = 0
    destination_lba: int = 0
    destination_count: bool = False
    """Whether blocks are the destination's, not the source's."""
    concatenate: bool = False
    type_code: int = BLOCK_TO_BLOCK
    descriptor_length: int = _BLOCK_TO_BLOCK.length - _SEGMENT_HEADER.size

    def build(self) -> bytes:
        """Return the descriptor."""
        return _BLOCK_TO_BLOCK.build(**asdict(self))

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read a descriptor of this type.

        Raises:
            DecodeError: it is cut short or of another type.
        """
        fields = _BLOCK_TO_BLOCK.parse(data)
        if fields["type_code"] != BLOCK_TO_BLOCK:
            raise DecodeError(
                f"type {fields['type_code']:#04x} belongs to another descriptor",
                field="DESCRIPTOR TYPE CODE",
                data=bytes(data),
            )
        expected = cls.__dataclass_fields__["descriptor_length"].default
        if fields["descriptor_length"] != expected:
            raise DecodeError(
                f"{fields['descriptor_length']} where {expected} are expected",
                offset=2,
                field="DESCRIPTOR LENGTH",
                data=bytes(data),
            )
        return cls(
            fields["source"],
            fields["destination"],
            fields["blocks"],
            fields["source_lba"],
            fields["destination_lba"],
            bool(fields["destination_count"]),
            bool(fields["concatenate"]),
        )


@dataclass(frozen=True, slots=True)
class CopyHeader:
    """The header of a parameter list."""

    list_identifier: int = 0
    list_id_usage: int = ListIDUsage.HOLD
    priority: int = 0
    sequential_striped: bool = False
    cscd_length: int = 0
    segment_length: int = 0
    inline_length: int = 0

    def build(self) -> bytes:
        """Return the header."""
        return _HEADER.build(**asdict(self))

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the header.

        Raises:
            DecodeError: it is cut short.
        """
        fields = _HEADER.parse(data)
        return cls(
            fields["list_identifier"],
            fields["list_id_usage"],
            fields["priority"],
            bool(fields["sequential_striped"]),
            fields["cscd_length"],
            fields["segment_length"],
            fields["inline_length"],
        )

    @property
    def total(self) -> int:
        """Bytes in the whole parameter list."""
        return (
            HEADER_LENGTH + self.cscd_length + self.segment_length + self.inline_length
        )


def build_parameter_list(
    cscds: Iterable[CSCD],
    segments: Iterable[Segment],
    *,
    list_identifier: int = 0,
    list_id_usage: int = ListIDUsage.HOLD,
    inline: bytes = b"",
) -> bytes:
    """Return a whole parameter list with the right lengths."""
    targets = b"".join(each.build() for each in cscds)
    moves = b"".join(each.build() for each in segments)
    header = CopyHeader(
        list_identifier,
        list_id_usage,
        cscd_length=len(targets),
        segment_length=len(moves),
        inline_length=len(inline),
    )
    return header.build() + targets + moves + inline


def split_cscds(data: bytes) -> list[bytes]:
    """Cut a list of CSCD descriptors, all of one length, into its entries.

    Raises:
        DecodeError: it is no whole number of them.
    """
    if len(data) % CSCD_LENGTH:
        raise DecodeError(
            f"{len(data)} bytes are not a multiple of the length of a CSCD descriptor",
            offset=2,
            field="CSCD DESCRIPTOR LIST LENGTH",
            data=data,
        )
    starts = range(0, len(data), CSCD_LENGTH)
    return [data[start : start + CSCD_LENGTH] for start in starts]


def split_segments(data: bytes) -> list[bytes]:
    """Cut a list of segment descriptors, each with its length, into its entries.

    Raises:
        DecodeError: the last is cut short.
    """
    entries = []
    offset = 0
    while offset < len(data):
        rest = len(data) - offset
        length = _SEGMENT_HEADER.size
        if rest >= length:
            length += _SEGMENT_HEADER.unpack_from(data, offset)[1]
        if rest < length:
            raise DecodeError(
                "segment descriptor cut short",
                offset=8,
                field="SEGMENT DESCRIPTOR LIST LENGTH",
                data=data,
            )
        entries.append(data[offset : offset + length])
        offset += length
    return entries
