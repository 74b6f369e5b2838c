# SPDX-License-Identifier: GPL-2.0-only
"""The positions of the fields in parameter data and sense data of a target.

One format is a run of bytes with named fields: a page, a header, a descriptor.
Parameter data is made of some of them; `parts` and `sense_parts` say of which, and
where each is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from iscsi.scsi import capacity, cdb, inquiry, mode, sense_layouts, vpd
from iscsi.scsi import persistent_reservations as reservations
from iscsi.scsi.layout import Structure
from iscsi.scsi.mode import ModePage, PageControl
from iscsi.scsi.sense import SenseKey
from iscsi.scsi.vpd import VPDPage

ALWAYS = ("always",)
AUTOMATIC, ASKED_FOR = "check-condition", "request-sense"
"""The two situations in which sense data is sent."""

_VERSION = Structure("version descriptor", 2, version_descriptor=(0, 7, 16))
_VPD_HEADER = Structure(
    "VPD page header",
    4,
    peripheral_qualifier=(0, 7, 3),
    device_type=(0, 4, 5),
    page_code=(1, 7, 8),
    page_length=(2, 7, 16),
)
_VPD_LISTED = Structure("entry of the supported VPD pages", 1, page_code=(0, 7, 8))
_SERIAL = Structure("unit serial number", 1, product_serial_number=(0, 7, 8))
_DESIGNATOR = Structure(
    "designation descriptor",
    5,
    protocol_identifier=(0, 7, 4),
    code_set=(0, 3, 4),
    piv=(1, 7, 1),
    association=(1, 5, 2),
    designator_type=(1, 3, 4),
    designator_length=(3, 7, 8),
    designator=(4, 7, 8),
)
_MODE_HEADER_6 = Structure(
    "mode parameter header (6)",
    4,
    mode_data_length=(0, 7, 8),
    medium_type=(1, 7, 8),
    wp=(2, 7, 1),
    dpofua=(2, 4, 1),
    block_descriptor_length=(3, 7, 8),
)
_MODE_HEADER_10 = Structure(
    "mode parameter header (10)",
    8,
    mode_data_length=(0, 7, 16),
    medium_type=(2, 7, 8),
    wp=(3, 7, 1),
    dpofua=(3, 4, 1),
    longlba=(4, 0, 1),
    block_descriptor_length=(6, 7, 16),
)
_SHORT_BLOCKS = Structure(
    "short LBA mode parameter block descriptor",
    8,
    number_of_logical_blocks=(0, 7, 32),
    logical_block_length=(5, 7, 24),
)
_LONG_BLOCKS = Structure(
    "long LBA mode parameter block descriptor",
    16,
    number_of_logical_blocks=(0, 7, 64),
    logical_block_length=(12, 7, 32),
)
_MODE_PAGE = Structure(
    "mode page header",
    2,
    ps=(0, 7, 1),
    spf=(0, 6, 1),
    page_code=(0, 5, 6),
    page_length=(1, 7, 8),
)
_LUN_LIST = Structure("REPORT LUNS header", 8, lun_list_length=(0, 7, 32))
_LUN = Structure("entry of REPORT LUNS", 8, lun=(0, 7, 64))
_KEY = Structure("entry of READ KEYS", 8, reservation_key=(0, 7, 64))
_TRANSPORT_ID = Structure(
    "TransportID",
    5,
    tpid_format=(0, 7, 2),
    protocol_identifier=(0, 3, 4),
    additional_length=(2, 7, 16),
    iscsi_name=(4, 7, 8),
)


@dataclass(frozen=True, slots=True)
class Format:
    """A run of bytes with named fields in what a target sends."""

    structure: Structure
    situations: tuple[str, ...] = ALWAYS

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in order; reserved and obsolete bits have none."""
        return tuple(self.structure.fields)


def _mode_page(structure: Structure) -> Format:
    # The page's first two bytes are the format ModePageHeader.
    return Format(structure, tuple(one.name.lower() for one in _CONTROLS))


_CONTROLS = (PageControl.CURRENT, PageControl.CHANGEABLE, PageControl.DEFAULT)
_SENSE = (AUTOMATIC, ASKED_FOR)

FORMATS: Mapping[str, Format] = {
    "StandardInquiry": Format(inquiry.FIELDS),
    "VersionDescriptor": Format(_VERSION),
    "VPDHeader": Format(_VPD_HEADER),
    "SupportedVPDPages": Format(_VPD_LISTED),
    "UnitSerialNumber": Format(_SERIAL),
    "DesignationDescriptor": Format(_DESIGNATOR),
    "ExtendedInquiry": Format(vpd.EXTENDED_INQUIRY),
    "BlockLimits": Format(vpd.BLOCK_LIMITS),
    "BlockDeviceCharacteristics": Format(vpd.CHARACTERISTICS),
    "LogicalBlockProvisioning": Format(vpd.PROVISIONING),
    "ModeHeader6": Format(_MODE_HEADER_6),
    "ModeHeader10": Format(_MODE_HEADER_10),
    "ShortBlockDescriptor": Format(_SHORT_BLOCKS),
    "LongBlockDescriptor": Format(_LONG_BLOCKS),
    "ModePageHeader": Format(_MODE_PAGE),
    "ReadWriteErrorRecovery": _mode_page(mode.READ_WRITE_ERROR_RECOVERY),
    "Caching": _mode_page(mode.CACHING),
    "Control": _mode_page(mode.CONTROL),
    "InformationalExceptions": _mode_page(mode.INFORMATIONAL_EXCEPTIONS),
    "ReadCapacity10": Format(capacity.SHORT),
    "ReadCapacity16": Format(capacity.LONG),
    "LUNListHeader": Format(_LUN_LIST),
    "LUNListEntry": Format(_LUN),
    "ReserveInHeader": Format(reservations.HEADER),
    "ReserveInKey": Format(_KEY),
    "ReserveInReservation": Format(reservations.RESERVATION),
    "ReserveInCapabilities": Format(reservations.CAPABILITIES),
    "ReserveInFullStatus": Format(reservations.FULL_STATUS),
    "TransportID": Format(_TRANSPORT_ID),
    "FixedSense": Format(sense_layouts.FIXED, _SENSE),
    "DescriptorSense": Format(sense_layouts.DESCRIPTOR, _SENSE),
    "InformationDescriptor": Format(sense_layouts.INFORMATION, (AUTOMATIC,)),
    "SenseKeySpecificDescriptor": Format(sense_layouts.SPECIFIC, (AUTOMATIC,)),
    "FieldPointer": Format(sense_layouts.FIELD_POINTER, (AUTOMATIC,)),
}
"""The formats of parameter data and sense data, by a name for each."""

_VPD_BODIES: Mapping[int, str] = {
    VPDPage.EXTENDED_INQUIRY_DATA: "ExtendedInquiry",
    VPDPage.BLOCK_LIMITS: "BlockLimits",
    VPDPage.BLOCK_DEVICE_CHARACTERISTICS: "BlockDeviceCharacteristics",
    VPDPage.LOGICAL_BLOCK_PROVISIONING: "LogicalBlockProvisioning",
    VPDPage.UNIT_SERIAL_NUMBER: "UnitSerialNumber",
}
_MODE_PAGES: Mapping[int, str] = {
    ModePage.READ_WRITE_ERROR_RECOVERY: "ReadWriteErrorRecovery",
    ModePage.CACHING: "Caching",
    ModePage.CONTROL: "Control",
    ModePage.INFORMATIONAL_EXCEPTIONS_CONTROL: "InformationalExceptions",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One format at its place."""

    name: str
    offset: int
    situation: str = ALWAYS[0]


def parts(command: bytes, data: bytes) -> Iterator[Part]:
    """Yield the formats that the parameter data of a command is made of.

    Nothing comes for commands whose data has no format here. Data that ends early has
    the parts that begin in it.

    Args:
        command: its CDB.
        data: what it returned.
    """
    dissect = _DISSECTORS.get(command[0]) if command else None
    if dissect is not None:
        yield from (part for part in dissect(command, data) if part.offset < len(data))


def sense_parts(data: bytes, situation: str = AUTOMATIC) -> Iterator[Part]:
    """Yield the formats that sense data is made of."""
    code = data[0] & 0x7F if data else 0
    if code in sense_layouts.FIXED_CODES:
        yield Part("FixedSense", 0, situation)
        if len(data) >= sense_layouts.FIXED.length and _points_at_field(
            data[2], data[15]
        ):
            yield Part("FieldPointer", 15, situation)
    elif code in sense_layouts.DESCRIPTOR_CODES:
        yield Part("DescriptorSense", 0, situation)
        offset = sense_layouts.DESCRIPTOR.length
        while offset + 1 < len(data):
            if data[offset] == 0x00:
                yield Part("InformationDescriptor", offset, situation)
            elif data[offset] == 0x02:
                yield Part("SenseKeySpecificDescriptor", offset, situation)
                if offset + 4 < len(data) and _points_at_field(
                    data[1], data[offset + 4]
                ):
                    yield Part("FieldPointer", offset + 4, situation)
            offset += 2 + data[offset + 1]


def _points_at_field(key: int, first: int) -> bool:
    """Tell whether sense key specific bytes point at a field (SPC-4 4.5.2.4)."""
    return bool(first & 0x80) and key & 0x0F == SenseKey.ILLEGAL_REQUEST


def _inquiry(command: bytes, data: bytes) -> Iterator[Part]:
    if not command[1] & 1:
        yield Part("StandardInquiry", 0)
        for offset in range(inquiry.DESCRIPTORS_AT, len(data), 2):
            if any(data[offset : offset + 2]):
                yield Part("VersionDescriptor", offset)
        return
    yield Part("VPDHeader", 0)
    code = command[2]
    if code in _VPD_BODIES:
        yield Part(_VPD_BODIES[code], 4)
    elif code == VPDPage.SUPPORTED_VPD_PAGES:
        yield from (Part("SupportedVPDPages", offset) for offset in range(4, len(data)))
    elif code == VPDPage.DEVICE_IDENTIFICATION:
        offset = 4
        while offset + 3 < len(data):
            yield Part("DesignationDescriptor", offset)
            offset += 4 + data[offset + 3]


def _mode_sense(command: bytes, data: bytes) -> Iterator[Part]:
    is_long = command[0] == cdb.mode_sense_10.opcode
    header, place = (8, 6) if is_long else (4, 3)
    yield Part("ModeHeader10" if is_long else "ModeHeader6", 0)
    length = int.from_bytes(data[place:header], "big")
    has_long_blocks = is_long and len(data) > header and data[4] & 1
    size, name = (
        (16, "LongBlockDescriptor") if has_long_blocks else (8, "ShortBlockDescriptor")
    )
    for offset in range(header, header + length, size):
        yield Part(name, offset)
    control = PageControl(command[2] >> 6).name.lower()
    offset = header + length
    while offset + 1 < len(data):
        if data[offset] & 0x40:
            offset += 4 + int.from_bytes(data[offset + 2 : offset + 4], "big")
            continue
        yield Part("ModePageHeader", offset)
        name = _MODE_PAGES.get(data[offset] & 0x3F, "")
        if name:
            yield Part(name, offset, control)
        offset += 2 + data[offset + 1]


def _capacity_10(_command: bytes, _data: bytes) -> Iterator[Part]:
    yield Part("ReadCapacity10", 0)


def _capacity_16(command: bytes, _data: bytes) -> Iterator[Part]:
    if command[1] & 0x1F == cdb.read_capacity_16.service_action:
        yield Part("ReadCapacity16", 0)


def _luns(_command: bytes, data: bytes) -> Iterator[Part]:
    yield Part("LUNListHeader", 0)
    yield from (Part("LUNListEntry", offset) for offset in range(8, len(data), 8))


def _reserve_in(command: bytes, data: bytes) -> Iterator[Part]:
    action = command[1] & 0x1F
    if action == reservations.InServiceAction.REPORT_CAPABILITIES:
        yield Part("ReserveInCapabilities", 0)
        return
    yield Part("ReserveInHeader", 0)
    offset = reservations.HEADER.length
    if action == reservations.InServiceAction.READ_KEYS:
        yield from (Part("ReserveInKey", place) for place in range(8, len(data), 8))
    elif action == reservations.InServiceAction.READ_RESERVATION:
        yield Part("ReserveInReservation", offset)
    elif action == reservations.InServiceAction.READ_FULL_STATUS:
        size = reservations.FULL_STATUS.length
        while offset + size <= len(data):
            yield Part("ReserveInFullStatus", offset)
            yield Part("TransportID", offset + size)
            offset += size + int.from_bytes(data[offset + 20 : offset + size], "big")


def _request_sense(_command: bytes, data: bytes) -> Iterator[Part]:
    yield from sense_parts(data, ASKED_FOR)


_DISSECTORS: Mapping[int, Callable[[bytes, bytes], Iterator[Part]]] = {
    cdb.inquiry.opcode: _inquiry,
    cdb.mode_sense_6.opcode: _mode_sense,
    cdb.mode_sense_10.opcode: _mode_sense,
    cdb.read_capacity_10.opcode: _capacity_10,
    cdb.read_capacity_16.opcode: _capacity_16,
    cdb.report_luns.opcode: _luns,
    cdb.persistent_reserve_in_read_keys.opcode: _reserve_in,
    cdb.request_sense.opcode: _request_sense,
}


def with_flipped_bit(data: bytes, part: Part, field: str, number: int = 0) -> bytes:
    """Return data in which one bit of a field is another, if it has that bit.

    Args:
        data: parameter data or sense data.
        part: the format in it.
        field: the name of a field of that format.
        number: which bit of the field, from 0 for its lowest.
    """
    place = FORMATS[part.name].structure.fields[field]
    end = 8 * (part.offset + place.byte) + 7 - place.bit + place.width - number
    byte = (end - 1) // 8
    if byte >= len(data):
        return data
    bit = 8 * (byte + 1) - end
    return data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1 :]
