# SPDX-License-Identifier: GPL-2.0-only
"""Standard INQUIRY data (SPC-4 section 6.6.2)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from iscsi.scsi.layout import Structure

_LENGTH = 96
DESCRIPTORS_AT = 58
_DESCRIPTORS = 8

FIELDS = Structure(
    "standard INQUIRY data",
    36,
    peripheral_qualifier=(0, 7, 3),
    device_type=(0, 4, 5),
    is_removable=(1, 7, 1),
    lu_cong=(1, 6, 1),
    version=(2, 7, 8),
    normaca=(3, 5, 1),
    hisup=(3, 4, 1),
    response_data_format=(3, 3, 4),
    additional_length=(4, 7, 8),
    sccs=(5, 7, 1),
    tpgs=(5, 5, 2),
    third_party_copy=(5, 3, 1),
    protect=(5, 0, 1),
    encserv=(6, 6, 1),
    multip=(6, 4, 1),
    cmdque=(7, 1, 1),
    vendor=(8, 7, 64),
    product=(16, 7, 128),
    revision=(32, 7, 32),
)
_TEXTS = {"vendor": 8, "product": 16, "revision": 4}


class DeviceType(IntEnum):
    """PERIPHERAL DEVICE TYPE, those that matter here (SPC-4 section 6.6.2)."""

    DIRECT_ACCESS_BLOCK = 0x00
    SEQUENTIAL_ACCESS = 0x01
    PROCESSOR = 0x03
    CD_DVD = 0x05
    MEDIUM_CHANGER = 0x08
    STORAGE_ARRAY_CONTROLLER = 0x0C
    SIMPLIFIED_DIRECT_ACCESS = 0x0E
    WELL_KNOWN_LOGICAL_UNIT = 0x1E
    UNKNOWN = 0x1F


class PeripheralQualifier(IntEnum):
    """PERIPHERAL QUALIFIER (SPC-4 section 6.6.2)."""

    CONNECTED = 0b000
    NOT_CONNECTED = 0b001
    NOT_CAPABLE = 0b011


class VersionDescriptor(IntEnum):
    """The standards that a device may claim, no edition said (SPC-4 section 6.6.2)."""

    SAM_5 = 0x00A0
    SPC_4 = 0x0460
    SBC_3 = 0x04C0
    ISCSI = 0x0960


@dataclass(frozen=True, slots=True)
class StandardInquiry:
    """Standard INQUIRY data."""

    peripheral_qualifier: int = PeripheralQualifier.CONNECTED
    device_type: int = DeviceType.DIRECT_ACCESS_BLOCK
    is_removable: bool = False
    lu_cong: bool = False
    version: int = 0x06
    """0x06 is SPC-4."""
    normaca: bool = False
    hisup: bool = True
    response_data_format: int = 2
    sccs: bool = False
    tpgs: int = 0
    third_party_copy: bool = False
    protect: bool = False
    encserv: bool = False
    multip: bool = False
    cmdque: bool = True
    vendor: str = ""
    product: str = ""
    revision: str = ""
    version_descriptors: tuple[int, ...] = ()

    def build(self) -> bytes:
        """Return the 96 bytes."""
        values = {
            name: getattr(self, name)
            for name in FIELDS.fields
            if name not in _TEXTS and name != "additional_length"
        }
        for name, width in _TEXTS.items():
            text = getattr(self, name).encode("ascii").ljust(width)
            values[name] = int.from_bytes(text, "big")
        head = FIELDS.build(additional_length=_LENGTH - 5, **values)
        descriptors = struct.pack(
            f">{len(self.version_descriptors)}H", *self.version_descriptors
        )
        return (
            head
            + bytes(DESCRIPTORS_AT - len(head))
            + descriptors.ljust(_LENGTH - DESCRIPTORS_AT, b"\0")
        )

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read standard INQUIRY data; version descriptors that lack are none.

        Raises:
            DecodeError: there are less than the mandatory 36 bytes.
        """
        values: dict[str, Any] = dict(FIELDS.parse(data))
        del values["additional_length"]
        for name, width in _TEXTS.items():
            text = values[name].to_bytes(width, "big")
            values[name] = text.decode("ascii", "replace").rstrip()
        for name, field in FIELDS.fields.items():
            if field.width == 1:
                values[name] = bool(values[name])
        tail = bytes(data[DESCRIPTORS_AT : DESCRIPTORS_AT + 2 * _DESCRIPTORS])
        descriptors = struct.unpack(f">{len(tail) // 2}H", tail[: len(tail) // 2 * 2])
        return cls(**values, version_descriptors=tuple(filter(None, descriptors)))
