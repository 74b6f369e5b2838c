# SPDX-License-Identifier: GPL-2.0-only
"""READ CAPACITY parameter data (SBC-3 sections 5.15 and 5.16)."""

from dataclasses import dataclass
from typing import Self

from iscsi.scsi.layout import Structure

LAST_LBA_UNKNOWN = 0xFFFFFFFF
"""What READ CAPACITY (10) says of a medium too large for it."""

SHORT = Structure(
    "READ CAPACITY (10) data", 8, last_lba=(0, 7, 32), block_length=(4, 7, 32)
)
LONG = Structure(
    "READ CAPACITY (16) data",
    32,
    last_lba=(0, 7, 64),
    block_length=(8, 7, 32),
    p_type=(12, 3, 3),
    prot_en=(12, 0, 1),
    p_i_exponent=(13, 7, 4),
    physical_block_exponent=(13, 3, 4),
    lbpme=(14, 7, 1),
    lbprz=(14, 6, 1),
    lowest_aligned_lba=(14, 5, 14),
)


@dataclass(frozen=True, slots=True)
class Capacity10:
    """READ CAPACITY (10) parameter data."""

    last_lba: int
    block_length: int

    def build(self) -> bytes:
        """Return the eight bytes; a last LBA that does not fit becomes all ones."""
        return SHORT.build(
            last_lba=min(self.last_lba, LAST_LBA_UNKNOWN),
            block_length=self.block_length,
        )

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the parameter data.

        Raises:
            DecodeError: it is cut short.
        """
        return cls(**SHORT.parse(data))


@dataclass(frozen=True, slots=True)
class Capacity16:
    """READ CAPACITY (16) parameter data."""

    last_lba: int
    block_length: int
    p_type: int = 0
    prot_en: int = 0
    p_i_exponent: int = 0
    physical_block_exponent: int = 0
    lbpme: int = 0
    """One if logical block provisioning management is enabled."""
    lbprz: int = 0
    """One if unmapped blocks read as zeros."""
    lowest_aligned_lba: int = 0

    def build(self) -> bytes:
        """Return the 32 bytes."""
        return LONG.build(**{name: getattr(self, name) for name in LONG.fields})

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the parameter data.

        Raises:
            DecodeError: it is cut short.
        """
        return cls(**LONG.parse(data))
