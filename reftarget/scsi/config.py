# SPDX-License-Identifier: GPL-2.0-only
"""The configuration of a logical unit."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

BLOCK_SIZES = (512, 520, 4096)

_NAA_LOCALLY_ASSIGNED = 0x3


@dataclass(frozen=True, slots=True)
class LogicalUnitConfig:
    """One logical unit as configured; it does not change while the target runs."""

    lun: int
    size: int = 64 << 20
    """Bytes; a whole number of blocks."""
    block_size: int = 512
    read_only: bool = False
    removable: bool = False
    thin: bool = True
    """Whether UNMAP is offered and the provisioning map is kept."""
    lbpws10: bool = True
    """Whether WRITE SAME (10) unmaps too."""
    physical_block_size: int = 0
    """Bytes, as READ CAPACITY (16) tells; the block size if zero."""
    long_cdbs: bool = False
    """Whether commands of 32 bytes are offered; some initiators expect 16 at most."""
    path: Path | None = None
    """The backing file; RAM if there is none."""
    absent: frozenset[str] = frozenset()
    """The names of commands that it does without (`iscsi.scsi.cdb`)."""
    absent_pages: frozenset[int] = frozenset()
    """VPD pages that it does without."""
    absent_mode_pages: frozenset[int] = frozenset()
    """Mode pages that it does without."""
    maximum_transfer: int = 0
    """Bytes that one command moves at most; what the target allows if zero."""
    sanitize_seconds: float = 0.0
    """How long an immediate SANITIZE stays in progress."""
    serial: str = ""
    """Derived from the target name and the LUN if empty."""
    vendor: str = "ASSAY"
    product: str = "Reference disk"
    revision: str = "0001"

    def __post_init__(self) -> None:
        if not 0 <= self.lun < 2**14:
            raise ValueError(f"lun {self.lun} is not within 0 to 16383")
        if self.block_size not in BLOCK_SIZES:
            sizes = ", ".join(map(str, BLOCK_SIZES))
            raise ValueError(f"block_size {self.block_size} is not one of {sizes}")
        if self.size <= 0 or self.size % self.block_size:
            raise ValueError(
                f"size {self.size} is not a multiple of {self.block_size} bytes"
            )
        if self.physical_block_size and (
            self.physical_block_size % self.block_size
            or self.blocks_per_physical_block.bit_count() != 1
        ):
            raise ValueError(
                f"physical_block_size {self.physical_block_size} is not"
                f" {self.block_size} times a power of two"
            )
        for name, width in (("vendor", 8), ("product", 16), ("revision", 4)):
            value = getattr(self, name)
            if not value.isascii() or not value.isprintable() or len(value) > width:
                raise ValueError(f"{name} {value!r} is not {width} ASCII characters")

    @property
    def blocks_per_physical_block(self) -> int:
        """How many logical blocks a physical block has."""
        return (self.physical_block_size or self.block_size) // self.block_size


def serial_number(config: LogicalUnitConfig, target_name: str) -> str:
    """Return the unit's serial number: the configured one, or one made of its place."""
    if config.serial:
        return config.serial
    place = f"{target_name},{config.lun}".encode()
    return hashlib.sha256(place).hexdigest()[:16]


def naa_identifier(config: LogicalUnitConfig, target_name: str) -> bytes:
    """Return the locally assigned NAA designator: stable over restarts."""
    place = f"{target_name},{config.lun},{serial_number(config, target_name)}".encode()
    digest = hashlib.sha256(place).digest()[:8]
    return bytes([_NAA_LOCALLY_ASSIGNED << 4 | digest[0] & 0x0F]) + digest[1:]
