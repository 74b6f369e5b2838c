# SPDX-License-Identifier: GPL-2.0-only
"""Vital product data pages (SPC-4 section 7.8, SBC-3 section 6.6)."""

import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Self

from iscsi.errors import DecodeError
from iscsi.scsi.layout import Structure

_HEADER = struct.Struct(">BBH")


class VPDPage(IntEnum):
    """PAGE CODE of the pages that this module knows."""

    SUPPORTED_VPD_PAGES = 0x00
    UNIT_SERIAL_NUMBER = 0x80
    DEVICE_IDENTIFICATION = 0x83
    EXTENDED_INQUIRY_DATA = 0x86
    MODE_PAGE_POLICY = 0x87
    ATA_INFORMATION = 0x89
    THIRD_PARTY_COPY = 0x8F
    BLOCK_LIMITS = 0xB0
    BLOCK_DEVICE_CHARACTERISTICS = 0xB1
    LOGICAL_BLOCK_PROVISIONING = 0xB2


class Association(IntEnum):
    """What a designation descriptor designates (SPC-4 section 7.8.6.1)."""

    LOGICAL_UNIT = 0
    TARGET_PORT = 1
    TARGET_DEVICE = 2


class DesignatorType(IntEnum):
    """DESIGNATOR TYPE (SPC-4 section 7.8.6.1)."""

    VENDOR_SPECIFIC = 0
    T10_VENDOR_ID = 1
    EUI_64 = 2
    NAA = 3
    RELATIVE_TARGET_PORT = 4
    TARGET_PORT_GROUP = 5
    LOGICAL_UNIT_GROUP = 6
    MD5_LOGICAL_UNIT = 7
    SCSI_NAME_STRING = 8


class CodeSet(IntEnum):
    """CODE SET (SPC-4 section 7.8.6.1)."""

    BINARY = 1
    ASCII = 2
    UTF_8 = 3


@dataclass(frozen=True, slots=True)
class Page:
    """A VPD page as header and body."""

    code: int
    body: bytes
    peripheral: int = 0
    """PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE."""

    def build(self) -> bytes:
        """Return the page."""
        return _HEADER.pack(self.peripheral, self.code, len(self.body)) + self.body

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read any page.

        Raises:
            DecodeError: it is shorter than it says.
        """
        length = -1
        if len(data) >= _HEADER.size:
            peripheral, code, length = _HEADER.unpack_from(data)
        if length < 0 or len(data) < _HEADER.size + length:
            raise DecodeError(
                f"VPD page of {len(data)} bytes that should have "
                f"{_HEADER.size + max(length, 0)}",
                offset=len(data),
                field="PAGE LENGTH",
                data=bytes(data),
            )
        return cls(code, bytes(data[4 : 4 + length]), peripheral)


@dataclass(frozen=True, slots=True)
class Designator:
    """One designation descriptor (SPC-4 section 7.8.6.1)."""

    type: int
    designator: bytes
    association: int = Association.LOGICAL_UNIT
    code_set: int = CodeSet.BINARY
    protocol: int | None = None
    """PROTOCOL IDENTIFIER, or None if PIV is zero."""

    def build(self) -> bytes:
        """Return the descriptor."""
        protocol = self.protocol or 0
        piv = self.protocol is not None
        return (
            struct.pack(
                ">BBxB",
                protocol << 4 | self.code_set,
                piv << 7 | self.association << 4 | self.type,
                len(self.designator),
            )
            + self.designator
        )


def build_designators(designators: Iterable[Designator]) -> bytes:
    """Build the body of the device identification page."""
    return b"".join(entry.build() for entry in designators)


def parse_designators(body: bytes) -> list[Designator]:
    """Read the body of the device identification page.

    Raises:
        DecodeError: a descriptor is cut short.
    """
    entries = []
    offset = 0
    while offset < len(body):
        if offset + 4 > len(body) or offset + 4 + body[offset + 3] > len(body):
            raise DecodeError(
                "designation descriptor cut short",
                offset=offset,
                field="DESIGNATOR LENGTH",
                data=body,
            )
        first, second, _, length = body[offset : offset + 4]
        entries.append(
            Designator(
                second & 0x0F,
                body[offset + 4 : offset + 4 + length],
                second >> 4 & 0x03,
                first & 0x0F,
                first >> 4 if second & 0x80 else None,
            )
        )
        offset += 4 + length
    return entries


EXTENDED_INQUIRY = Structure(
    "Extended INQUIRY Data VPD page",
    60,
    activate_microcode=(0, 7, 2),
    spt=(0, 5, 3),
    grd_chk=(0, 2, 1),
    app_chk=(0, 1, 1),
    ref_chk=(0, 0, 1),
    uask_sup=(1, 5, 1),
    group_sup=(1, 4, 1),
    prior_sup=(1, 3, 1),
    headsup=(1, 2, 1),
    ordsup=(1, 1, 1),
    simpsup=(1, 0, 1),
    wu_sup=(2, 3, 1),
    crd_sup=(2, 2, 1),
    nv_sup=(2, 1, 1),
    v_sup=(2, 0, 1),
    luiclr=(3, 0, 1),
    r_sup=(4, 4, 1),
    cbcs=(4, 0, 1),
    extended_self_test_completion_minutes=(6, 7, 16),
    maximum_supported_sense_data_length=(9, 7, 8),
)
BLOCK_LIMITS = Structure(
    "Block Limits VPD page",
    60,
    wsnz=(0, 0, 1),
    maximum_compare_and_write_length=(1, 7, 8),
    optimal_transfer_length_granularity=(2, 7, 16),
    maximum_transfer_length=(4, 7, 32),
    optimal_transfer_length=(8, 7, 32),
    maximum_prefetch_length=(12, 7, 32),
    maximum_unmap_lba_count=(16, 7, 32),
    maximum_unmap_block_descriptor_count=(20, 7, 32),
    optimal_unmap_granularity=(24, 7, 32),
    ugavalid=(28, 7, 1),
    unmap_granularity_alignment=(28, 6, 31),
    maximum_write_same_length=(32, 7, 64),
    maximum_atomic_transfer_length=(40, 7, 32),
    atomic_alignment=(44, 7, 32),
    atomic_transfer_length_granularity=(48, 7, 32),
    maximum_atomic_transfer_length_with_atomic_boundary=(52, 7, 32),
    maximum_atomic_boundary_size=(56, 7, 32),
)
CHARACTERISTICS = Structure(
    "Block Device Characteristics VPD page",
    60,
    medium_rotation_rate=(0, 7, 16),
    product_type=(2, 7, 8),
    wabereq=(3, 7, 2),
    wacereq=(3, 5, 2),
    nominal_form_factor=(3, 3, 4),
    fuab=(4, 1, 1),
    vbuls=(4, 0, 1),
)
PROVISIONING = Structure(
    "Logical Block Provisioning VPD page",
    4,
    threshold_exponent=(0, 7, 8),
    lbpu=(1, 7, 1),
    lbpws=(1, 6, 1),
    lbpws10=(1, 5, 1),
    lbprz=(1, 4, 3),
    anc_sup=(1, 1, 1),
    dp=(1, 0, 1),
    provisioning_type=(2, 2, 3),
)


@dataclass(frozen=True, slots=True)
class ExtendedInquiry:
    """The body of page 86h (SPC-4 section 7.8.7)."""

    activate_microcode: int = 0
    spt: int = 0
    grd_chk: int = 0
    app_chk: int = 0
    ref_chk: int = 0
    uask_sup: int = 0
    group_sup: int = 0
    prior_sup: int = 0
    headsup: int = 0
    ordsup: int = 0
    simpsup: int = 0
    wu_sup: int = 0
    crd_sup: int = 0
    nv_sup: int = 0
    v_sup: int = 0
    luiclr: int = 0
    r_sup: int = 0
    cbcs: int = 0
    extended_self_test_completion_minutes: int = 0
    maximum_supported_sense_data_length: int = 0

    def build(self) -> bytes:
        """Return the body."""
        return EXTENDED_INQUIRY.build(**asdict(self))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body."""
        return cls(**EXTENDED_INQUIRY.parse_short(body))


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """The body of page B0h (SBC-3 section 6.6.4; atomic fields: SBC-4)."""

    wsnz: int = 0
    maximum_compare_and_write_length: int = 0
    optimal_transfer_length_granularity: int = 0
    maximum_transfer_length: int = 0
    optimal_transfer_length: int = 0
    maximum_prefetch_length: int = 0
    maximum_unmap_lba_count: int = 0
    maximum_unmap_block_descriptor_count: int = 0
    optimal_unmap_granularity: int = 0
    ugavalid: int = 0
    unmap_granularity_alignment: int = 0
    maximum_write_same_length: int = 0
    maximum_atomic_transfer_length: int = 0
    atomic_alignment: int = 0
    atomic_transfer_length_granularity: int = 0
    maximum_atomic_transfer_length_with_atomic_boundary: int = 0
    maximum_atomic_boundary_size: int = 0

    def build(self) -> bytes:
        """Return the body."""
        return BLOCK_LIMITS.build(**asdict(self))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body; an older, shorter one has zeros for the rest."""
        return cls(**BLOCK_LIMITS.parse_short(body))


@dataclass(frozen=True, slots=True)
class BlockDeviceCharacteristics:
    """The body of page B1h (SBC-3 section 6.6.3)."""

    medium_rotation_rate: int = 0
    """0 if not reported, 1 if nothing rotates."""
    product_type: int = 0
    wabereq: int = 0
    wacereq: int = 0
    nominal_form_factor: int = 0
    fuab: int = 0
    vbuls: int = 0

    def build(self) -> bytes:
        """Return the body."""
        return CHARACTERISTICS.build(**asdict(self))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body."""
        return cls(**CHARACTERISTICS.parse_short(body))


class ProvisioningType(IntEnum):
    """PROVISIONING TYPE of page B2h (SBC-3 section 6.6.5)."""

    FULL = 0
    RESOURCE = 1
    THIN = 2


@dataclass(frozen=True, slots=True)
class LogicalBlockProvisioning:
    """The body of page B2h (SBC-3 section 6.6.5)."""

    threshold_exponent: int = 0
    lbpu: int = 0
    lbpws: int = 0
    lbpws10: int = 0
    lbprz: int = 0
    anc_sup: int = 0
    dp: int = 0
    provisioning_type: int = 0

    def build(self) -> bytes:
        """Return the body."""
        return PROVISIONING.build(**asdict(self))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body."""
        return cls(**PROVISIONING.parse_short(body))
