# SPDX-License-Identifier: GPL-2.0-only
from itertools import pairwise

import pytest

from iscsi.scsi import cdb, vpd
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.formats import FORMATS, Part, parts, sense_parts, with_flipped_bit
from iscsi.scsi.inquiry import DESCRIPTORS_AT, StandardInquiry
from iscsi.scsi.layout import Layout
from iscsi.scsi.luns import build_report, parse_report
from iscsi.scsi.mode import (
    BlockDescriptor,
    ModePage,
    ModeParameters,
    Page,
    parse_6,
    parse_10,
)
from iscsi.scsi.persistent_reservations import (
    FullStatus,
    FullStatusDescriptor,
    Keys,
    ReservationStatus,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense, FieldPointer, Sense, SenseKey
from iscsi.scsi.sense import parse as parse_sense
from iscsi.scsi.transport_id import TransportID
from iscsi.scsi.vpd import (
    BlockLimits,
    Designator,
    DesignatorType,
    VPDPage,
    build_designators,
    parse_designators,
)

DESIGNATORS = [
    Designator(DesignatorType.NAA, b"\x31" + bytes(7)),
    Designator(DesignatorType.RELATIVE_TARGET_PORT, b"\0\0\0\1", 1, protocol=5),
]
POINTED = Sense.of(
    SenseKey.ILLEGAL_REQUEST,
    AdditionalSense.INVALID_FIELD_IN_CDB,
    field_pointer=FieldPointer(2, 5),
)
MODES = ModeParameters(
    pages=(Page.of(ModePage.CACHING, wce=1), Page.of(ModePage.CONTROL, tas=1)),
    block_descriptors=(BlockDescriptor(0x20000, 512),),
)
STATUS = FullStatus(
    3,
    tuple(
        FullStatusDescriptor(key, TransportID("iqn.2026-11.org.example:x"), 1)
        for key in (0xA, 0xB)
    ),
)


def names(parts: list[Part]) -> list[str]:
    return [part.name for part in parts]


def value(data: bytes, part: Part, field: str) -> int:
    structure = FORMATS[part.name].structure
    return structure.parse_short(data[part.offset :])[field]


def test_every_field_is_at_a_place_of_its_own() -> None:
    for form in FORMATS.values():
        places = sorted(
            (8 * field.byte + 7 - field.bit, field.width)
            for field in form.structure.fields.values()
        )
        for (start, width), (following, _) in pairwise(places):
            assert start + width <= following
        assert sum(places[-1]) <= 8 * form.structure.length


def test_standard_inquiry_data_ends_with_version_descriptors() -> None:
    data = StandardInquiry(version_descriptors=(0xA0, 0x960)).build()

    listed_parts = list(parts(cdb.inquiry(allocation_length=96), data))

    assert names(listed_parts) == [
        "StandardInquiry",
        "VersionDescriptor",
        "VersionDescriptor",
    ]
    assert listed_parts[2].offset == DESCRIPTORS_AT + 2
    assert value(data, listed_parts[2], "version_descriptor") == 0x960


def test_a_vpd_page_is_header_and_body() -> None:
    data = vpd.Page(
        VPDPage.BLOCK_LIMITS, BlockLimits(maximum_transfer_length=9).build()
    )
    command = cdb.inquiry(evpd=1, page_code=VPDPage.BLOCK_LIMITS, allocation_length=96)

    header, body = parts(command, data.build())

    assert (header.name, body.name) == ("VPDHeader", "BlockLimits")
    assert value(data.build(), header, "page_length") == len(data.body)
    assert value(data.build(), body, "maximum_transfer_length") == 9


def test_each_designator_is_a_part() -> None:
    data = vpd.Page(
        VPDPage.DEVICE_IDENTIFICATION, build_designators(DESIGNATORS)
    ).build()
    command = cdb.inquiry(evpd=1, page_code=0x83, allocation_length=96)

    _, *listed_parts = parts(command, data)

    assert names(listed_parts) == ["DesignationDescriptor"] * 2
    for part, expected in zip(listed_parts, DESIGNATORS, strict=True):
        assert value(data, part, "designator_type") == expected.type
        assert value(data, part, "designator_length") == len(expected.designator)
        assert value(data, part, "protocol_identifier") == (expected.protocol or 0)


@pytest.mark.parametrize("control", ["current", "changeable", "default"])
def test_mode_data_is_header_descriptor_and_pages(control: str) -> None:
    number = ["current", "changeable", "default"].index(control)
    command = cdb.mode_sense_6(page_control=number, page_code=0x3F)

    listed_parts = list(parts(command, MODES.build_6()))

    assert names(listed_parts) == [
        "ModeHeader6",
        "ShortBlockDescriptor",
        "ModePageHeader",
        "Caching",
        "ModePageHeader",
        "Control",
    ]
    assert listed_parts[3].situation == listed_parts[5].situation == control
    assert value(MODES.build_6(), listed_parts[1], "logical_block_length") == 512
    assert value(MODES.build_6(), listed_parts[3], "wce") == 1
    assert value(MODES.build_6(), listed_parts[5], "tas") == 1


def test_long_mode_data_has_long_descriptors() -> None:
    data = ModeParameters(MODES.pages, MODES.block_descriptors, is_long_lba=True)

    listed_parts = list(
        parts(cdb.mode_sense_10(llbaa=1, page_code=0x3F), data.build_10())
    )

    assert names(listed_parts)[:3] == [
        "ModeHeader10",
        "LongBlockDescriptor",
        "ModePageHeader",
    ]
    assert (
        value(data.build_10(), listed_parts[1], "number_of_logical_blocks") == 0x20000
    )


@pytest.mark.parametrize(
    ("layout", "data", "expected"),
    [
        (
            cdb.persistent_reserve_in_read_keys,
            Keys(1, (1, 2)).build(),
            ["ReserveInKey"] * 2,
        ),
        (
            cdb.persistent_reserve_in_read_reservation,
            ReservationStatus(1, ReservationType.WRITE_EXCLUSIVE, 0xA).build(),
            ["ReserveInReservation"],
        ),
        (
            cdb.persistent_reserve_in_read_full_status,
            STATUS.build(),
            ["ReserveInFullStatus", "TransportID"] * 2,
        ),
    ],
    ids=["keys", "reservation", "full-status"],
)
def test_reservation_data_is_a_header_and_a_list(
    layout: Layout, data: bytes, expected: list[str]
) -> None:
    listed_parts = list(parts(layout(allocation_length=255), data))

    assert names(listed_parts) == ["ReserveInHeader", *expected]


def test_sense_data_points_at_a_field_in_both_formats() -> None:
    fixed, described = POINTED.build(), POINTED.build(descriptor=True)

    assert names(list(sense_parts(fixed))) == ["FixedSense", "FieldPointer"]
    assert names(list(sense_parts(described))) == [
        "DescriptorSense",
        "SenseKeySpecificDescriptor",
        "FieldPointer",
    ]
    for data in (fixed, described):
        part = list(sense_parts(data))[-1]
        assert value(data, part, "field_pointer") == 2


def test_sense_that_is_asked_for_is_a_situation_of_its_own() -> None:
    command = cdb.request_sense(allocation_length=18)

    (listed_parts,) = parts(command, Sense(SenseKey.NO_SENSE).build())

    assert listed_parts == Part("FixedSense", 0, "request-sense")


@pytest.mark.parametrize("data", [b"", b"\0", b"\x72", b"\x72\x05\x24\0\0\0\0\x08\x02"])
def test_what_is_cut_short_has_the_parts_that_begin_in_it(data: bytes) -> None:
    assert all(part.offset < len(data) for part in sense_parts(data))
    for opcode in (0x12, 0x1A, 0x5A, 0x25, 0x9E, 0xA0, 0x5E, 0x03):
        command = bytes([opcode, 1]).ljust(16, b"\0")
        assert all(part.offset < len(data) for part in parts(command, data))


@pytest.mark.parametrize("command", [b"", cdb.read_10(lba=0, blocks=1)])
def test_other_data_has_no_parts(command: bytes) -> None:
    assert not list(parts(command, bytes(512)))


def test_one_bit_of_one_field_is_flipped() -> None:
    data = Capacity16(1000, 512, lbpme=1).build()
    (part,) = parts(cdb.read_capacity_16(allocation_length=32), data)

    for field in FORMATS[part.name].fields:
        wrong = with_flipped_bit(data, part, field)
        before, after = (int.from_bytes(each, "big") for each in (data, wrong))
        assert (before ^ after).bit_count() == 1
        assert value(wrong, part, field) == value(data, part, field) ^ 1


def test_a_field_that_is_cut_off_stays() -> None:
    data = Capacity16(1000, 512).build()[:8]
    (part,) = parts(cdb.read_capacity_16(allocation_length=8), data)

    assert with_flipped_bit(data, part, "block_length") == data


def test_the_modules_that_read_it_see_the_same_field() -> None:
    luns = build_report([0, 7])
    *_, last = parts(cdb.report_luns(allocation_length=64), luns)
    assert parse_report(with_flipped_bit(luns, last, "lun")) != [0, 7]

    for command, build, read in (
        (cdb.mode_sense_6(page_code=0x3F), MODES.build_6, parse_6),
        (cdb.mode_sense_10(page_code=0x3F), MODES.build_10, parse_10),
    ):
        header, *_ = parts(command, build())
        assert read(with_flipped_bit(build(), header, "wp")).is_write_protected

    body = build_designators(DESIGNATORS)
    page = vpd.Page(VPDPage.DEVICE_IDENTIFICATION, body).build()
    command = cdb.inquiry(evpd=1, page_code=0x83, allocation_length=96)
    first = list(parts(command, page))[1]
    (changed, _) = parse_designators(with_flipped_bit(page, first, "association")[4:])
    assert changed.association == 1

    data = POINTED.build()
    pointer = list(sense_parts(data))[-1]
    assert parse_sense(
        with_flipped_bit(data, pointer, "bit_pointer")
    ).field_pointer == (FieldPointer(2, 4))
