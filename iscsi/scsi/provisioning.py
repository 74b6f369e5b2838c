# SPDX-License-Identifier: GPL-2.0-only
"""UNMAP and GET LBA STATUS parameter data (SBC-3 sections 5.28 and 5.9)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from iscsi.errors import DecodeError

_UNMAP_HEADER = 8
_DESCRIPTOR = 16
_STATUS_HEADER = 8


class ProvisioningStatus(IntEnum):
    """PROVISIONING STATUS of an LBA status descriptor (SBC-3 section 5.9.2.2)."""

    MAPPED = 0x0
    DEALLOCATED = 0x1
    ANCHORED = 0x2


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of logical blocks."""

    lba: int
    blocks: int


@dataclass(frozen=True, slots=True)
class LBAStatus:
    """A run of logical blocks in one state."""

    lba: int
    blocks: int
    status: int


def build_unmap(extents: Iterable[Extent]) -> bytes:
    """Build an UNMAP parameter list."""
    descriptors = b"".join(
        struct.pack(">QI4x", extent.lba, extent.blocks) for extent in extents
    )
    return struct.pack(">HH4x", len(descriptors) + 6, len(descriptors)) + descriptors


def parse_unmap(data: bytes | memoryview) -> list[Extent]:
    """Read an UNMAP parameter list; a list cut short counts to its last whole entry.

    Raises:
        DecodeError: there is no whole header.
    """
    if len(data) < _UNMAP_HEADER:
        raise DecodeError(
            f"UNMAP parameter list of {len(data)} bytes",
            offset=len(data),
            field="UNMAP DATA LENGTH",
            data=bytes(data),
        )
    length = int.from_bytes(data[2:4], "big")
    body = data[_UNMAP_HEADER : _UNMAP_HEADER + length]
    return [
        Extent(*struct.unpack_from(">QI", body, offset))
        for offset in range(0, len(body) - _DESCRIPTOR + 1, _DESCRIPTOR)
    ]


def build_lba_status(statuses: Iterable[LBAStatus]) -> bytes:
    """Build GET LBA STATUS parameter data."""
    descriptors = b"".join(
        struct.pack(">QIB3x", entry.lba, entry.blocks, entry.status)
        for entry in statuses
    )
    return struct.pack(">I4x", len(descriptors) + 4) + descriptors


def parse_lba_status(data: bytes | memoryview) -> list[LBAStatus]:
    """Read GET LBA STATUS parameter data, as far as whole descriptors are there.

    Raises:
        DecodeError: there is no whole header.
    """
    if len(data) < _STATUS_HEADER:
        raise DecodeError(
            f"GET LBA STATUS data of {len(data)} bytes",
            offset=len(data),
            field="PARAMETER DATA LENGTH",
            data=bytes(data),
        )
    length = int.from_bytes(data[:4], "big") + 4
    body = data[_STATUS_HEADER:length]
    entries = []
    for offset in range(0, len(body) - _DESCRIPTOR + 1, _DESCRIPTOR):
        lba, blocks, status = struct.unpack_from(">QIB", body, offset)
        entries.append(LBAStatus(lba, blocks, status & 0x0F))
    return entries
