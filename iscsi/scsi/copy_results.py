# SPDX-License-Identifier: GPL-2.0-only
"""RECEIVE COPY RESULTS data and the Third-party Copy VPD page.

SPC-4 sections 6.24 to 6.28 and 7.8.17.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import ClassVar, Self

from iscsi.errors import DecodeError
from iscsi.scsi.extended_copy import THIS_LOGICAL_UNIT
from iscsi.scsi.layout import Structure


class CopyManagerStatus(IntEnum):
    """COPY MANAGER STATUS (SPC-4 section 6.24.2)."""

    IN_PROGRESS = 0x00
    COMPLETED = 0x01
    FAILED = 0x02


_AVAILABLE = struct.Struct(">I")


def _with_available(body: bytes) -> bytes:
    return _AVAILABLE.pack(len(body)) + body


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """RECEIVE COPY STATUS (LID1) data."""

    status: int
    segments_processed: int = 0
    transfer_count: int = 0
    transfer_count_units: int = 0
    """Zero is bytes, one KiB, and so on."""
    held_data_discarded: bool = False

    _BODY: ClassVar = Structure(
        "RECEIVE COPY STATUS data",
        8,
        held_data_discarded=(0, 7, 1),
        status=(0, 6, 7),
        segments_processed=(1, 7, 16),
        transfer_count_units=(3, 7, 8),
        transfer_count=(4, 7, 32),
    )

    def build(self) -> bytes:
        """Return the parameter data."""
        return _with_available(self._BODY.build(**asdict(self)))

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the parameter data.

        Raises:
            DecodeError: it is cut short.
        """
        fields = cls._BODY.parse(data[_AVAILABLE.size :])
        is_discarded = bool(fields.pop("held_data_discarded"))
        return cls(**fields, held_data_discarded=is_discarded)


@dataclass(frozen=True, slots=True)
class OperatingParameters:
    """RECEIVE COPY OPERATING PARAMETERS data: the copy manager's limits."""

    maximum_cscd_count: int
    maximum_segment_count: int
    maximum_descriptor_list_length: int
    maximum_segment_length: int = 0
    maximum_inline_data_length: int = 0
    held_data_limit: int = 0
    maximum_stream_device_transfer_size: int = 0
    total_concurrent_copies: int = 1
    maximum_concurrent_copies: int = 1
    data_segment_granularity: int = 0
    """Powers of two, as the next two."""
    inline_data_granularity: int = 0
    held_data_granularity: int = 0
    supports_no_list_identifier: bool = True
    descriptor_types: tuple[int, ...] = ()

    _BODY: ClassVar = Structure(
        "RECEIVE COPY OPERATING PARAMETERS data",
        40,
        supports_no_list_identifier=(0, 0, 1),
        maximum_cscd_count=(4, 7, 16),
        maximum_segment_count=(6, 7, 16),
        maximum_descriptor_list_length=(8, 7, 32),
        maximum_segment_length=(12, 7, 32),
        maximum_inline_data_length=(16, 7, 32),
        held_data_limit=(20, 7, 32),
        maximum_stream_device_transfer_size=(24, 7, 32),
        total_concurrent_copies=(30, 7, 16),
        maximum_concurrent_copies=(32, 7, 8),
        data_segment_granularity=(33, 7, 8),
        inline_data_granularity=(34, 7, 8),
        held_data_granularity=(35, 7, 8),
        descriptor_list_length=(39, 7, 8),
    )

    def build(self) -> bytes:
        """Return the parameter data."""
        fields = asdict(self)
        types = bytes(fields.pop("descriptor_types"))
        body = self._BODY.build(**fields, descriptor_list_length=len(types))
        return _with_available(body + types)

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the parameter data.

        Raises:
            DecodeError: it is cut short.
        """
        body = bytes(data[_AVAILABLE.size :])
        fields = cls._BODY.parse(body)
        count = fields.pop("descriptor_list_length")
        types = body[cls._BODY.length : cls._BODY.length + count]
        has_no_list = bool(fields.pop("supports_no_list_identifier"))
        return cls(
            **fields,
            supports_no_list_identifier=has_no_list,
            descriptor_types=tuple(types),
        )


_FAILURE_DETAILS = struct.Struct(">52xBxH")


def build_failure_details(status: int, sense: bytes) -> bytes:
    """Return RECEIVE COPY FAILURE DETAILS (LID1) data."""
    return _with_available(_FAILURE_DETAILS.pack(status, len(sense)) + sense)


def parse_failure_details(data: bytes | memoryview) -> tuple[int, bytes]:
    """Return the status and the sense data of the failed EXTENDED COPY.

    Raises:
        DecodeError: it is cut short.
    """
    body = bytes(data[_AVAILABLE.size :])
    if len(body) < _FAILURE_DETAILS.size:
        raise DecodeError(
            f"{len(body)} bytes of failure details", field="AVAILABLE DATA", data=body
        )
    status, length = _FAILURE_DETAILS.unpack_from(body)
    return status, body[_FAILURE_DETAILS.size : _FAILURE_DETAILS.size + length]


_VPD_DESCRIPTOR = struct.Struct(">HH")


def build_third_party_copy_page(
    limits: OperatingParameters, commands: Mapping[int, Iterable[int]]
) -> bytes:
    """Return the body of the Third-party Copy VPD page (SPC-4 section 7.8.17).

    Args:
        limits: what the copy manager takes.
        commands: the service actions offered, by operation code.
    """
    supported = b"".join(
        bytes([opcode, len(actions := tuple(service_actions)), *actions])
        for opcode, service_actions in commands.items()
    )
    descriptors = {
        0x0001: bytes([len(supported)]) + supported,
        0x0004: struct.pack(
            ">8xHHII8x",
            limits.maximum_cscd_count,
            limits.maximum_segment_count,
            limits.maximum_descriptor_list_length,
            limits.maximum_inline_data_length,
        ),
        0x0008: bytes([len(limits.descriptor_types), *limits.descriptor_types]),
        0x000C: struct.pack(">HH", 2, THIS_LOGICAL_UNIT),
        0x8001: struct.pack(
            ">IIIBB18x",
            limits.total_concurrent_copies,
            limits.maximum_concurrent_copies,
            limits.maximum_segment_length,
            limits.data_segment_granularity,
            limits.inline_data_granularity,
        ),
    }
    page = b""
    for kind, content in descriptors.items():
        # Each length is a multiple of four bytes and counts its own length field.
        padded = content + bytes(-len(content) % 4)
        page += _VPD_DESCRIPTOR.pack(kind, len(padded)) + padded
    return page
