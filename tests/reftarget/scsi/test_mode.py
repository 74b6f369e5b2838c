# SPDX-License-Identifier: GPL-2.0-only
"""MODE SENSE, MODE SELECT and LOG SENSE."""

import pytest

from iscsi.scsi import cdb, log, mode, sense
from iscsi.scsi.mode import BlockDescriptor, ModePage, ModeParameters, PageControl
from iscsi.scsi.sense import AdditionalSense, FieldPointer
from tests.reftarget.scsi.disk import BLOCK, BLOCKS, HOST, OTHER, A, Disk

READY = cdb.test_unit_ready()
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
LENGTH = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
PAGES = [ModePage(code) for code in (0x01, 0x08, 0x0A, 0x1C)]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def read(
    disk: Disk, page: int = mode.ALL_PAGES, control: PageControl = PageControl.CURRENT
) -> ModeParameters:
    command = cdb.mode_sense_10(
        page_code=page, page_control=control, allocation_length=0xFFFF
    )
    return mode.parse_10(disk.good(command))


def control_page(disk: Disk, **changes: int) -> mode.Page:
    (current,) = read(disk, ModePage.CONTROL).pages
    return mode.Page.of(ModePage.CONTROL, **(current.fields | changes))


def select(*pages: mode.Page, **header: object) -> tuple[bytes, bytes]:
    parameters = ModeParameters(pages, mode_data_length=0, **header)  # type: ignore[arg-type]
    data = parameters.build_10()
    return cdb.mode_select_10(pf=1, parameter_list_length=len(data)), data


def test_both_forms_say_the_same(disk: Disk) -> None:
    short = mode.parse_6(
        disk.good(cdb.mode_sense_6(page_code=0x3F, allocation_length=255))
    )
    long = read(disk)

    assert short.pages == long.pages
    assert [page.code for page in long.pages] == PAGES
    assert short.block_descriptors == (BlockDescriptor(BLOCKS, BLOCK),)
    assert long.dpofua
    assert not long.is_write_protected


def test_block_descriptor_is_left_out_or_long_as_asked() -> None:
    disk = Disk(size=3 << 40)
    without = cdb.mode_sense_10(dbd=1, page_code=0x0A, allocation_length=255)
    long = cdb.mode_sense_10(llbaa=1, page_code=0x0A, allocation_length=255)

    assert mode.parse_10(disk.good(without)).block_descriptors == ()
    (descriptor,) = mode.parse_10(disk.good(long)).block_descriptors
    assert descriptor.blocks == (3 << 40) // BLOCK
    assert read(disk).block_descriptors[0].blocks == 0xFFFFFFFF


@pytest.mark.parametrize("length", [0, 1, 4, 20, 255])
def test_mode_sense_is_cut_at_the_allocation_length(disk: Disk, length: int) -> None:
    complete_data = disk.good(cdb.mode_sense_6(page_code=0x3F, allocation_length=255))

    command = cdb.mode_sense_6(page_code=0x3F, allocation_length=length)
    assert disk.good(command) == complete_data[:length]


def test_pages_and_subpages_that_are_not_there_are_refused(disk: Disk) -> None:
    for code in set(range(64)) - {*PAGES, mode.ALL_PAGES}:
        assert disk.refused(cdb.mode_sense_6(page_code=code)).field_pointer == (
            FieldPointer(2, 5)
        )
    assert disk.refusal(cdb.mode_sense_6(page_code=0x0A, subpage_code=1)) is IN_CDB
    disk.good(cdb.mode_sense_6(page_code=0x0A, subpage_code=0xFF))


def test_there_are_no_saved_values(disk: Disk) -> None:
    not_saved = AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED
    assert disk.refusal(cdb.mode_sense_6(page_control=3, page_code=0x0A)) is not_saved
    command, data = select(control_page(disk))
    assert disk.refusal(command[:1] + b"\x11" + command[2:], data) is IN_CDB


def test_changeable_is_what_can_be_changed(disk: Disk) -> None:
    pages = read(disk, control=PageControl.CHANGEABLE).pages

    for page in pages:
        changeable = {name for name, value in page.fields.items() if value}
        assert changeable == ({"swp", "d_sense"} if page.code == 0x0A else set())


def test_software_write_protect_protects(disk: Disk) -> None:
    disk.good(*select(control_page(disk, swp=1)))

    assert (
        disk.refusal(cdb.write_10(blocks=1), A)
        is AdditionalSense.LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED
    )
    assert read(disk).is_write_protected
    disk.good(*select(control_page(disk, swp=0)))
    disk.good(cdb.write_10(blocks=1), A)


def test_d_sense_decides_the_format_of_autosense(disk: Disk) -> None:
    assert not disk.refused(cdb.read_10(lba=BLOCKS, blocks=1)).is_descriptor_format

    disk.good(*select(control_page(disk, d_sense=1)))

    assert disk.refused(cdb.read_10(lba=BLOCKS, blocks=1)).is_descriptor_format
    data = disk.good(cdb.request_sense(allocation_length=18))
    assert not sense.parse(data).is_descriptor_format


def test_others_hear_of_a_change_and_of_nothing_else(disk: Disk) -> None:
    disk.good(*select(control_page(disk)))
    disk.good(READY, nexus=OTHER)

    disk.good(*select(control_page(disk, swp=1)))

    disk.good(READY, nexus=HOST)
    assert disk.refusal(READY, nexus=OTHER) is AdditionalSense.MODE_PARAMETERS_CHANGED


def test_reset_brings_the_defaults_back(disk: Disk) -> None:
    disk.good(*select(control_page(disk, swp=1, d_sense=1)))

    disk.device.logical_unit_reset(0)

    assert not disk.refused(READY).is_descriptor_format
    disk.good(cdb.write_10(blocks=1), A)


def test_mode_select_6_takes_what_mode_sense_6_gave(disk: Disk) -> None:
    sense_6 = cdb.mode_sense_6(page_code=0x3F, allocation_length=255)
    values = disk.good(sense_6)
    data = b"\0" + values[1:]  # MODE DATA LENGTH is reserved here

    disk.good(cdb.mode_select_6(pf=1, parameter_list_length=len(data)), data)

    assert disk.good(sense_6) == values


def test_one_wrong_page_spoils_all(disk: Disk) -> None:
    valid, wrong = control_page(disk, swp=1), control_page(disk, gltsd=1)

    refusal = disk.refused(*select(valid, wrong))

    assert refusal.additional is IN_LIST
    assert refusal.field_pointer == FieldPointer(8 + 12 + 2, 1, in_cdb=False)
    assert not read(disk).is_write_protected


@pytest.mark.parametrize(
    ("parameters", "byte"),
    [
        (ModeParameters((mode.Page(0x3E, b"\0\0"),)), 8),
        (ModeParameters((mode.Page(0x0A, bytes(10), subpage=1),)), 8),
        (ModeParameters((mode.Page(0x0A, bytes(11)),)), 9),
        (ModeParameters(medium_type=1), 2),
        (ModeParameters(block_descriptors=(BlockDescriptor(0, 4096),)), 13),
        (ModeParameters(block_descriptors=(BlockDescriptor(5, 512),)), 8),
        (ModeParameters(block_descriptors=(BlockDescriptor(0, 512),) * 2), 7),
    ],
)
def test_parameter_list_that_cannot_be_is_refused_at_its_field(
    disk: Disk, parameters: ModeParameters, byte: int
) -> None:
    data = b"\0\0" + parameters.build_10()[2:]
    command = cdb.mode_select_10(pf=1, parameter_list_length=len(data))

    refusal = disk.refused(command, data)

    assert refusal.additional is IN_LIST
    assert refusal.field_pointer is not None
    assert refusal.field_pointer.byte == byte


@pytest.mark.parametrize("length", [1, 7, 9, 15, 19])
def test_parameter_list_cut_short_is_a_length_error(disk: Disk, length: int) -> None:
    _, data = select(control_page(disk, swp=1))

    command = cdb.mode_select_10(pf=1, parameter_list_length=length)

    assert disk.refusal(command, data[:length]) is LENGTH
    assert not read(disk).is_write_protected


def test_empty_parameter_list_is_no_error(disk: Disk) -> None:
    disk.good(cdb.mode_select_6(pf=1))
    assert disk.refusal(cdb.mode_select_6(pf=0)) is IN_CDB


def log_page(disk: Disk, code: int, **fields: int) -> log.Page:
    command = cdb.log_sense(
        page_control=1, page_code=code, allocation_length=0xFFFF, **fields
    )
    return log.Page.parse(disk.good(command))


def test_supported_log_pages_are_those_that_answer(disk: Disk) -> None:
    supported = list(log_page(disk, 0).body)

    for code in range(64):
        if code in supported:
            assert log_page(disk, code).code == code
        else:
            command = cdb.log_sense(page_control=1, page_code=code)
            assert disk.refused(command).field_pointer == FieldPointer(2, 5)
    pairs = log_page(disk, 0, subpage_code=0xFF)
    assert pairs.spf
    assert set(pairs.body[::2]) == set(supported)


def test_log_parameters_start_where_asked(disk: Disk) -> None:
    assert [entry.code for entry in log_page(disk, 0x0D).parameters] == [0, 1]
    later = log_page(disk, 0x0D, parameter_pointer=1)
    assert [entry.code for entry in later.parameters] == [1]
    command = cdb.log_sense(page_control=1, page_code=0x0D, parameter_pointer=2)
    assert disk.refusal(command) is IN_CDB
