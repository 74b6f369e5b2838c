# SPDX-License-Identifier: GPL-2.0-only
"""How a logical unit describes itself (SPC-4 chapters 6 and 7)."""

import pytest

from initiator.expect import check, clause, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.luns import SelectReport, parse_report
from iscsi.scsi.mode import ALL_PAGES, parse_6, parse_10
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.sense import parse as parse_sense
from iscsi.scsi.supported_operations import (
    CommandDescriptor,
    OneCommand,
    ReportingOptions,
    Support,
    parse_all,
    parse_one,
)
from iscsi.scsi.vpd import (
    Association,
    DesignatorType,
    Page,
    VPDPage,
    parse_designators,
)
from suites.support.applicability import skip_if_refused, skip_if_unknown
from suites.support.expect import expect_sense
from suites.support.media import name

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
ROOM = 0xFFFF
SHORT_ROOM = 255
UNKNOWN_PAGE = 0xFF
RESERVED_SELECT = 0x7F
WELL_KNOWN, WELL_KNOWN_SHIFT = 0xC1, 56
DESCRIPTOR_FORMATS = (0x72, 0x73)
DESIGNATING = (
    DesignatorType.NAA,
    DesignatorType.EUI_64,
    DesignatorType.T10_VENDOR_ID,
    DesignatorType.SCSI_NAME_STRING,
)
SENSES = [cdb.mode_sense_6, cdb.mode_sense_10]


def inquire(session: Session, room: int = ROOM, page: int | None = None) -> bytes:
    """Return INQUIRY data, standard or of a VPD page."""
    fields = {} if page is None else {"evpd": 1, "page_code": page}
    command = cdb.inquiry(allocation_length=room, **fields)
    result = session.execute(command, read=room)
    expect_good(result)
    return result.data


def sense_pages(session: Session, layout: Layout, room: int = SHORT_ROOM) -> bytes:
    """Return the data of MODE SENSE of all pages."""
    command = layout(dbd=1, page_code=ALL_PAGES, allocation_length=room)
    result = session.execute(command, read=room)
    skip_if_unknown(result, layout)
    expect_good(result)
    return result.data


@pytest.mark.requirement("SPC4-6.6.1-01")
def test_inquiry_data_reports_its_length(session: Session) -> None:
    """Standard INQUIRY data has PERIPHERAL QUALIFIER 0 and the length it reports."""
    data = inquire(session)

    check(data[0] >> 5 == 0, "PERIPHERAL QUALIFIER 0", data[:1].hex())
    check(len(data) == data[4] + 5, f"{data[4] + 5} bytes", len(data))
    check(len(data) >= 36, "36 bytes at least", len(data))


@pytest.mark.requirement("SPC4-6.6.1-02")
@pytest.mark.parametrize("room", [0, 1, 4, 5, 8, 35, 36])
def test_inquiry_data_is_cut_where_asked(session: Session, room: int) -> None:
    """ALLOCATION LENGTH cuts INQUIRY data and changes none of it."""
    complete_data = inquire(session)

    data = inquire(session, room)

    check(data == complete_data[:room], complete_data[:room].hex(), data.hex())


@pytest.mark.requirement("SPC4-6.6.1-03")
def test_a_page_code_needs_evpd(session: Session) -> None:
    """The unit refuses PAGE CODE without EVPD."""
    command = cdb.inquiry(page_code=VPDPage.DEVICE_IDENTIFICATION, allocation_length=96)

    result = session.execute(command, read=96)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SPC4-6.6.1-04")
def test_an_unknown_page_is_refused(session: Session) -> None:
    """The unit refuses a VPD page that it does not list."""
    listed = Page.parse(inquire(session, page=VPDPage.SUPPORTED_VPD_PAGES)).body
    assert UNKNOWN_PAGE not in listed

    command = cdb.inquiry(evpd=1, page_code=UNKNOWN_PAGE, allocation_length=96)
    result = session.execute(command, read=96)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SPC4-7.8-01", "SPC4-7.8-02")
def test_every_listed_page_can_be_read(session: Session) -> None:
    """VPD page 00h lists pages in order; each has its page code and length."""
    with clause("SPC4-7.8-02"):
        listed = Page.parse(inquire(session, page=VPDPage.SUPPORTED_VPD_PAGES)).body
    mandatory = {VPDPage.SUPPORTED_VPD_PAGES, VPDPage.DEVICE_IDENTIFICATION}
    check(list(listed) == sorted(set(listed)), "ascending codes", listed.hex())
    check(mandatory <= set(listed), "00h and 83h among them", listed.hex())

    pages = {code: inquire(session, page=code) for code in listed}

    wrong = {
        code: data[:4].hex()
        for code, data in pages.items()
        if data[1] != code or len(data) != 4 + int.from_bytes(data[2:4], "big")
    }
    check(
        not wrong,
        "each page's code and length",
        wrong,
        requirement="SPC4-7.8-02",
    )


@pytest.mark.requirement("SPC4-7.8-03")
def test_the_unit_is_designated(session: Session) -> None:
    """VPD page 83h has a designator that identifies the unit uniquely."""
    page = Page.parse(inquire(session, page=VPDPage.DEVICE_IDENTIFICATION))

    types = [
        one.type
        for one in parse_designators(page.body)
        if one.association == Association.LOGICAL_UNIT
    ]
    check(set(types) & set(DESIGNATING), "NAA, EUI-64, T10 or name", types)


@pytest.mark.requirement("SPC4-6.33-01")
def test_the_unit_is_listed(session: Session) -> None:
    """REPORT LUNS lists the unit, and the length of its list is right."""
    command = cdb.report_luns(allocation_length=0x4000)

    result = session.execute(command, read=0x4000)

    expect_good(result)
    list_length = int.from_bytes(result.data[:4], "big")
    check(
        len(result.data) == 8 + list_length,
        f"{8 + list_length} bytes",
        len(result.data),
    )
    luns = parse_report(result.data)
    check(session.lun in luns, f"LUN {session.lun} among them", luns)


@pytest.mark.requirement("SPC4-6.33-01")
def test_no_unit_is_listed_twice(session: Session) -> None:
    """REPORT LUNS lists each logical unit once."""
    command = cdb.report_luns(allocation_length=0x4000)

    result = session.execute(command, read=0x4000)

    expect_good(result)
    luns = parse_report(result.data)
    repeated = sorted({lun for lun in luns if luns.count(lun) > 1})
    check(not repeated, "no LUN twice", repeated)


@pytest.mark.requirement("SPC4-6.33-02")
@pytest.mark.parametrize("room", [16, 17, 24])
def test_a_truncated_list_has_the_full_length(session: Session, room: int) -> None:
    """LUN LIST LENGTH does not depend on the allocation length."""
    complete_data = session.execute(
        cdb.report_luns(allocation_length=0x4000), read=0x4000
    )

    part = session.execute(cdb.report_luns(allocation_length=room), read=room)

    expect_good(part)
    expected = complete_data.data[:room]
    check(part.data == expected, expected.hex(), part.data.hex())


@pytest.mark.requirement("SPC4-6.33-03")
def test_a_reserved_list_is_refused(session: Session) -> None:
    """The unit refuses a reserved SELECT REPORT."""
    assert RESERVED_SELECT not in set(SelectReport)
    command = cdb.report_luns(select_report=RESERVED_SELECT, allocation_length=64)

    result = session.execute(command, read=64)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SPC4-6.33-04")
def test_each_kind_of_unit_has_its_list(session: Session) -> None:
    """SELECT REPORT 01h lists only well known units, 02h lists all units."""
    lists = {}
    for select in SelectReport:
        command = cdb.report_luns(select_report=select, allocation_length=0x4000)
        result = session.execute(command, read=0x4000)
        expect_good(result)
        lists[select] = set(parse_report(result.data))

    ordinary, well_known = lists[SelectReport.ADDRESSED], lists[SelectReport.WELL_KNOWN]
    every = lists[SelectReport.ALL]
    check(every == ordinary | well_known, f"{ordinary | well_known} for 02h", every)
    wrong = [lun for lun in well_known if lun >> WELL_KNOWN_SHIFT != WELL_KNOWN]
    check(not wrong, "only well known units for 01h", list(map(hex, wrong)))


@pytest.mark.requirement("SPC4-6.39-02")
def test_descriptor_sense_is_returned_if_requested(session: Session) -> None:
    """REQUEST SENSE with DESC returns descriptor format, or is refused."""
    room = SHORT_ROOM - 3
    command = cdb.request_sense(desc=1, allocation_length=room)

    result = session.execute(command, read=room)

    skip_if_refused(result, "DESC")
    expect_good(result)
    code = result.data[0] & 0x7F
    check(code in DESCRIPTOR_FORMATS, "response code 72h or 73h", f"{code:02x}h")


@pytest.mark.requirement("SPC4-6.39-01")
def test_no_sense_is_reported_when_idle(session: Session) -> None:
    """REQUEST SENSE returns NO SENSE if nothing is pending."""
    command = cdb.request_sense(allocation_length=SHORT_ROOM - 3)

    result = session.execute(command, read=SHORT_ROOM - 3)

    expect_good(result)
    key = parse_sense(result.data).key
    check(key == SenseKey.NO_SENSE, "NO SENSE", key)


@pytest.mark.requirement("SPC4-6.47-01")
def test_a_unit_is_ready(session: Session) -> None:
    """TEST UNIT READY ends GOOD."""
    expect_good(session.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("SPC4-6.11-01")
@pytest.mark.parametrize("layout", SENSES, ids=name)
def test_mode_pages_fill_their_data(session: Session, layout: Layout) -> None:
    """MODE DATA LENGTH of all pages is right, and the pages are complete."""
    data = sense_pages(session, layout)

    is_long = layout is cdb.mode_sense_10
    data_length = int.from_bytes(data[:2], "big") + 2 if is_long else data[0] + 1
    check(len(data) == min(data_length, SHORT_ROOM), f"{data_length} bytes", len(data))
    if data_length <= SHORT_ROOM:
        pages = (parse_10(data) if is_long else parse_6(data)).pages
        check(pages, "one page at least", data.hex(" "))


@pytest.mark.requirement("SPC4-6.11-02")
@pytest.mark.parametrize("room", [0, 1, 4, 8, 12])
@pytest.mark.parametrize("layout", SENSES, ids=name)
def test_mode_data_is_cut_where_asked(
    session: Session, layout: Layout, room: int
) -> None:
    """ALLOCATION LENGTH cuts mode data and changes none of it."""
    complete_data = sense_pages(session, layout)

    data = sense_pages(session, layout, room)

    check(data == complete_data[:room], complete_data[:room].hex(), data.hex())


@pytest.mark.requirement("SPC4-6.11-03")
@pytest.mark.parametrize("layout", SENSES, ids=name)
def test_an_unknown_mode_page_is_refused(session: Session, layout: Layout) -> None:
    """The unit refuses MODE SENSE of a page that it does not have."""
    command = layout(page_code=0x3E, allocation_length=SHORT_ROOM)

    result = session.execute(command, read=SHORT_ROOM)

    skip_if_unknown(result, layout)
    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SPC4-6.35-01")
def test_each_command_is_reported_by_itself(session: Session) -> None:
    """The list of all commands and the report of each command agree."""
    layout = cdb.report_supported_operation_codes
    listed = session.execute(layout(allocation_length=ROOM), read=ROOM)
    skip_if_unknown(listed, layout)
    expect_good(listed)

    wrong: list[tuple[CommandDescriptor, OneCommand | Result]] = []
    for entry in parse_all(listed.data):
        has_action = entry.service_action is not None
        command = layout(
            reporting_options=ReportingOptions.ONE_SERVICE_ACTION
            if has_action
            else ReportingOptions.ONE_OPCODE,
            requested_operation_code=entry.opcode,
            requested_service_action=entry.service_action or 0,
            allocation_length=SHORT_ROOM,
        )
        result = session.execute(command, read=SHORT_ROOM)
        if not result.is_good:
            wrong.append((entry, result))
            continue
        one = parse_one(result.data)
        if one.support != Support.SUPPORTED or len(one.usage) != entry.cdb_length:
            wrong.append((entry, one))

    check(not wrong, "each supported, with the same CDB length", wrong[:3])


@pytest.mark.requirement("SPC4-6.35-02")
def test_unlisted_commands_are_unsupported(session: Session) -> None:
    """The unit refuses a command that it does not list as unknown."""
    layout = cdb.report_supported_operation_codes
    listed = session.execute(layout(allocation_length=ROOM), read=ROOM)
    skip_if_unknown(listed, layout)
    listed_opcodes = {entry.opcode for entry in parse_all(listed.data)}
    unknown = next(code for code in range(0xDF, 0xC0, -1) if code not in listed_opcodes)

    result = session.execute(bytes([unknown]) + bytes(9))

    expect_sense(
        result,
        SenseKey.ILLEGAL_REQUEST,
        AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
    )
