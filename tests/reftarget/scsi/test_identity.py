# SPDX-License-Identifier: GPL-2.0-only
"""INQUIRY, REPORT LUNS, READ CAPACITY and LUNs where no disk is."""

from typing import Any

import pytest

from iscsi.scsi import cdb, luns, sense, vpd
from iscsi.scsi.capacity import Capacity10, Capacity16
from iscsi.scsi.inquiry import DeviceType, PeripheralQualifier, StandardInquiry
from iscsi.scsi.sense import AdditionalSense, FieldPointer
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.device import DeviceServer
from tests.reftarget.scsi.disk import BLOCK, BLOCKS, HOST, TARGET, Disk

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
PAGES = [0x00, 0x80, 0x83, 0x86, 0x8F, 0xB0, 0xB1, 0xB2]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def page(disk: Disk, code: int) -> vpd.Page:
    command = cdb.inquiry(evpd=1, page_code=code, allocation_length=0xFFFF)
    return vpd.Page.parse(disk.good(command))


def test_standard_inquiry_says_what_is_configured() -> None:
    disk = Disk(removable=True, vendor="V", product="P", revision="R")

    inquiry = StandardInquiry.parse(disk.good(cdb.inquiry(allocation_length=96)))

    assert (inquiry.vendor, inquiry.product, inquiry.revision) == ("V", "P", "R")
    assert inquiry.is_removable
    assert inquiry.device_type == DeviceType.DIRECT_ACCESS_BLOCK


@pytest.mark.parametrize("length", [0, 1, 5, 36, 96, 255])
def test_inquiry_is_cut_at_the_allocation_length(disk: Disk, length: int) -> None:
    complete_data = disk.good(cdb.inquiry(allocation_length=0xFFFF))

    assert disk.good(cdb.inquiry(allocation_length=length)) == complete_data[:length]


def test_supported_pages_are_those_that_answer(disk: Disk) -> None:
    supported = list(page(disk, 0).body)

    assert supported == PAGES
    for code in range(256):
        if code in supported:
            assert page(disk, code).code == code
        else:
            command = cdb.inquiry(evpd=1, page_code=code, allocation_length=255)
            assert disk.refused(command).field_pointer == FieldPointer(2, 7)


@pytest.mark.parametrize(
    "command", [cdb.inquiry(page_code=0x80), cdb.inquiry(cmddt=1)], ids=bytes.hex
)
def test_inquiry_that_makes_no_sense_is_refused(disk: Disk, command: bytes) -> None:
    assert disk.refusal(command) is IN_CDB


def test_identity_is_stable_and_its_own() -> None:
    def identity(**config: Any) -> tuple[bytes, bytes]:
        disk = Disk(**config)
        (naa, *_) = vpd.parse_designators(page(disk, 0x83).body)
        return page(disk, 0x80).body, naa.designator

    assert identity() == identity()
    assert identity() != identity(lun=1)
    assert identity(serial="S1")[0] == b"S1"
    assert identity()[1][0] >> 4 == 3


def test_device_identification_names_port_and_device(disk: Disk) -> None:
    designators = vpd.parse_designators(page(disk, 0x83).body)

    names = {
        entry.association: entry.designator.rstrip(b"\0").decode()
        for entry in designators
        if entry.type == vpd.DesignatorType.SCSI_NAME_STRING
    }
    assert names == {
        vpd.Association.TARGET_PORT: f"{TARGET},t,0x0001",
        vpd.Association.TARGET_DEVICE: TARGET,
    }
    assert all(len(entry.designator) % 4 == 0 for entry in designators[2:])


@pytest.mark.parametrize("is_thin", [False, True])
def test_provisioning_is_reported_consistently_everywhere(is_thin: bool) -> None:
    disk = Disk(thin=is_thin)

    limits = vpd.BlockLimits.parse(page(disk, 0xB0).body)
    provisioning = vpd.LogicalBlockProvisioning.parse(page(disk, 0xB2).body)
    capacity = Capacity16.parse(disk.good(cdb.read_capacity_16(allocation_length=32)))

    assert bool(limits.maximum_unmap_lba_count) is is_thin
    assert bool(provisioning.lbpu) is is_thin
    assert bool(capacity.lbpme) is is_thin
    assert bool(capacity.lbprz) is bool(provisioning.lbprz) is is_thin


def test_capacity_is_the_configured_size(disk: Disk) -> None:
    short = Capacity10.parse(disk.good(cdb.read_capacity_10()))
    long = Capacity16.parse(disk.good(cdb.read_capacity_16(allocation_length=32)))

    assert (short.last_lba, short.block_length) == (BLOCKS - 1, BLOCK)
    assert (long.last_lba, long.block_length) == (BLOCKS - 1, BLOCK)
    assert disk.refusal(cdb.read_capacity_10(lba=1)) is IN_CDB


def test_capacity_beyond_two_tebibytes_needs_the_long_form() -> None:
    disk = Disk(size=3 << 40, physical_block_size=4096)

    short = Capacity10.parse(disk.good(cdb.read_capacity_10()))
    long = Capacity16.parse(disk.good(cdb.read_capacity_16(allocation_length=32)))

    assert short.last_lba == 0xFFFFFFFF
    assert long.last_lba == (3 << 40) // BLOCK - 1
    assert long.physical_block_exponent == 3


@pytest.fixture
def three() -> DeviceServer:
    return DeviceServer(TARGET, [LogicalUnitConfig(lun) for lun in (300, 0, 5)])


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (0, [0, 5, 300]),
        (1, [luns.REPORT_LUNS_WELL_KNOWN]),
        (2, [0, 5, 300, luns.REPORT_LUNS_WELL_KNOWN]),
    ],
)
@pytest.mark.parametrize("lun", [0, luns.REPORT_LUNS_WELL_KNOWN])
def test_report_luns_gives_what_is_selected(
    three: DeviceServer, lun: int, select: int, expected: list[int]
) -> None:
    disk = Disk()
    disk.device = three
    command = cdb.report_luns(select_report=select, allocation_length=256)

    assert luns.parse_report(disk.good(command, lun=lun)) == expected


def test_report_luns_refuses_reserved_selections_and_short_allocations(
    disk: Disk,
) -> None:
    assert (
        disk.refusal(cdb.report_luns(select_report=3, allocation_length=16)) is IN_CDB
    )
    assert disk.refusal(cdb.report_luns(allocation_length=15)) is IN_CDB


def test_lun_without_a_disk_says_so(disk: Disk) -> None:
    data = disk.good(cdb.inquiry(allocation_length=36), lun=7)
    inquiry = StandardInquiry.parse(data)
    reported = sense.parse(disk.good(cdb.request_sense(allocation_length=18), lun=7))

    assert inquiry.peripheral_qualifier == PeripheralQualifier.NOT_CAPABLE
    assert inquiry.device_type == DeviceType.UNKNOWN
    unsupported = AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
    assert reported.additional is unsupported
    for command in (
        cdb.test_unit_ready(),
        cdb.read_10(blocks=1),
        cdb.report_luns(allocation_length=16),
    ):
        assert disk.refusal(command, lun=7) is unsupported


def test_lun_0_without_a_disk_still_reports_the_others() -> None:
    disk = Disk(lun=4)

    data = disk.good(cdb.report_luns(allocation_length=64), lun=0)

    assert luns.parse_report(data) == [4]


def test_well_known_unit_is_one(disk: Disk) -> None:
    lun = luns.REPORT_LUNS_WELL_KNOWN
    inquiry = StandardInquiry.parse(
        disk.good(cdb.inquiry(allocation_length=96), lun=lun)
    )

    assert inquiry.device_type == DeviceType.WELL_KNOWN_LOGICAL_UNIT
    disk.good(cdb.test_unit_ready(), lun=lun)
    assert (
        disk.refusal(cdb.read_10(blocks=1), lun=lun)
        is AdditionalSense.INVALID_COMMAND_OPERATION_CODE
    )


def test_lun_configured_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="LUN 0"):
        DeviceServer(TARGET, [LogicalUnitConfig(0), LogicalUnitConfig(0)])


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"lun": -1}, "lun -1"),
        ({"lun": 16384}, "lun 16384"),
        ({"block_size": 528}, "block_size 528"),
        ({"size": 1000}, "size 1000"),
        ({"size": 0}, "size 0"),
        ({"physical_block_size": 1536}, "physical_block_size 1536"),
        ({"vendor": "far too long"}, "vendor"),
        ({"product": "\N{EURO SIGN}"}, "product"),
    ],
)
def test_configuration_that_cannot_be_is_refused(
    config: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Disk(**config)


def test_request_sense_has_both_formats(disk: Disk) -> None:
    fixed = disk.good(cdb.request_sense(allocation_length=252), nexus=HOST)
    descriptor = disk.good(cdb.request_sense(desc=1, allocation_length=252))

    assert not sense.parse(fixed).is_descriptor_format
    assert sense.parse(descriptor).is_descriptor_format
