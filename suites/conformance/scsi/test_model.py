# SPDX-License-Identifier: GPL-2.0-only
"""Logical units that do not exist, and unit attentions (SAM-5)."""

import pytest

from initiator.core import lun_field
from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi.constants import TMFunction
from iscsi.scsi import cdb, luns
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.sense import parse as parse_sense
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.expect import expect_sense
from suites.support.functions import ask_function
from suites.support.modes import Setting

MISSING_LUN = 0x3FFF
QUALIFIER = "PERIPHERAL QUALIFIER"
NOT_CONNECTED, NOT_THERE = 0b001, 0b011
ROOM = 96
LIST_ROOM = 0x4000
DEEPER = [0x0001 << 32, 0xFFFF << 16, 0x0001]
RESET_CLASS = 0x29


@pytest.fixture
def missing_unit_session(open_session: OpenSession) -> Session:
    """A session that addresses a logical unit that does not exist."""
    return open_session(lun=MISSING_LUN, clears_unit_attention=False)


@pytest.fixture
def bare(open_session: OpenSession, target: TestedTarget) -> Session:
    """A session that addresses LUN 0 of a target name without LUN 0."""
    node = target.running.bare_target
    assert node is not None
    return open_session(target_name=node.name, lun=0, clears_unit_attention=False)


@pytest.fixture
def attentive(open_session: OpenSession, session: Session) -> Session:
    """A session that has a unit attention of another session's reset."""
    other = open_session(initiator_name=f"{session.options.initiator_name}.other")
    ask_function(session, TMFunction.LOGICAL_UNIT_RESET)
    return other


@pytest.mark.requirement("SAM5-4.7-01")
@pytest.mark.parametrize(
    "command",
    [cdb.test_unit_ready(), cdb.read_10(lba=0, blocks=0), cdb.read_capacity_10()],
    ids=["test-unit-ready", "read", "read-capacity"],
)
def test_a_missing_unit_is_reported(
    missing_unit_session: Session, command: bytes
) -> None:
    """A command to a missing unit gets LOGICAL UNIT NOT SUPPORTED."""
    result = missing_unit_session.execute(command, read=8)

    expect_sense(
        result, SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
    )


@pytest.mark.requirement("SAM5-4.7-02")
def test_a_missing_unit_answers_inquiry(missing_unit_session: Session) -> None:
    """INQUIRY to a missing unit reports that there is no unit."""
    result = missing_unit_session.execute(
        cdb.inquiry(allocation_length=ROOM), read=ROOM
    )

    expect_good(result)
    qualifier = result.data[0] >> 5
    words = "PERIPHERAL QUALIFIER 011b"
    check(qualifier == NOT_THERE, words, f"{qualifier:03b}b", field=QUALIFIER)


@pytest.mark.requirement("SAM5-4.7-09")
@pytest.mark.parametrize("page", [0x00, 0x80, 0x83, 0xB0], ids="{:02X}h".format)
def test_a_missing_unit_has_no_pages(missing_unit_session: Session, page: int) -> None:
    """A VPD page of a unit that is not there is refused, or tells of none."""
    command = cdb.inquiry(evpd=1, page_code=page, allocation_length=ROOM)

    result = missing_unit_session.execute(command, read=ROOM)

    if result.is_good:
        check(bool(result.data), "data with PERIPHERAL QUALIFIER", result.data)
        qualifier = result.data[0] >> 5
        check(
            qualifier in (NOT_CONNECTED, NOT_THERE),
            ["PERIPHERAL QUALIFIER 001b", "PERIPHERAL QUALIFIER 011b"],
            f"{qualifier:03b}b",
            field=QUALIFIER,
        )
    else:
        expect_sense(result, SenseKey.ILLEGAL_REQUEST)


@pytest.mark.needs("no-lun-0")
@pytest.mark.requirement("SAM5-4.7-01")
def test_lun_0_may_be_missing(bare: Session) -> None:
    """A command to LUN 0 reports that it is missing, if other units exist."""
    result = bare.execute(cdb.test_unit_ready())

    expect_sense(
        result, SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
    )


@pytest.mark.needs("no-lun-0")
@pytest.mark.requirement("SAM5-4.7-02")
def test_lun_0_answers_inquiry(bare: Session) -> None:
    """INQUIRY reports that LUN 0 does not exist."""
    result = bare.execute(cdb.inquiry(allocation_length=ROOM), read=ROOM)

    expect_good(result)
    qualifier = result.data[0] >> 5
    expected = (NOT_CONNECTED, NOT_THERE)
    words = ["PERIPHERAL QUALIFIER 001b", "PERIPHERAL QUALIFIER 011b"]
    check(qualifier in expected, words, f"{qualifier:03b}b", field=QUALIFIER)


@pytest.mark.needs("no-lun-0")
@pytest.mark.requirement("SPC4-6.33-01")
def test_units_are_listed_without_lun_0(bare: Session, target: TestedTarget) -> None:
    """REPORT LUNS to a missing LUN 0 lists the other units."""
    command = cdb.report_luns(allocation_length=LIST_ROOM)
    result = bare.execute(command, read=LIST_ROOM)

    expect_good(result)
    node = target.running.bare_target
    assert node is not None
    expected = sorted(unit.lun for unit in node.logical_units)
    listed = sorted(luns.parse_report(result.data))
    check(listed == expected, f"the LUNs {expected}", listed)


@pytest.mark.requirement("SAM5-4.7-03")
def test_a_listed_number_is_an_address(session: Session) -> None:
    """The eight bytes that REPORT LUNS lists address the unit, in any form."""
    command = cdb.report_luns(allocation_length=LIST_ROOM)
    data = session.execute(command, read=LIST_ROOM).data
    entries = [data[at : at + 8] for at in range(8, len(data) - 7, 8)]
    listed = [one for one in entries if luns.decode(one) == session.lun]
    check(bool(listed), f"LUN {session.lun} in the list", data.hex())

    number = int.from_bytes(listed[0], "big")
    inquiry = cdb.inquiry(allocation_length=ROOM)
    result = session.execute(inquiry, read=ROOM, lun=number)

    expect_good(result)
    check(result.data[0] >> 5 == 0, "PERIPHERAL QUALIFIER 0", result.data[:1].hex())


@pytest.mark.requirement("SAM5-4.7-04")
@pytest.mark.parametrize("rest", DEEPER, ids=hex)
def test_further_lun_levels_matter(session: Session, rest: int) -> None:
    """A LUN that differs in its further levels addresses no unit."""
    number = lun_field(session.lun) | rest

    result = session.execute(cdb.test_unit_ready(), lun=number)

    missing = AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
    expect_sense(result, SenseKey.ILLEGAL_REQUEST, missing)


@pytest.mark.requirement("SAM5-5.14-01")
def test_an_attention_is_reported_once(attentive: Session) -> None:
    """The first command after a reset reports it, the second is executed."""
    first = attentive.execute(cdb.test_unit_ready())
    second = attentive.execute(cdb.test_unit_ready())

    expect_sense(first, SenseKey.UNIT_ATTENTION)
    expect_good(second)


@pytest.mark.requirement("SAM5-5.14-02")
def test_some_commands_leave_an_attention(attentive: Session) -> None:
    """INQUIRY and REPORT LUNS are executed and keep the unit attention pending."""
    expect_good(attentive.execute(cdb.inquiry(allocation_length=ROOM), read=ROOM))
    expect_good(attentive.execute(cdb.report_luns(allocation_length=ROOM), read=ROOM))

    expect_sense(attentive.execute(cdb.test_unit_ready()), SenseKey.UNIT_ATTENTION)


@pytest.mark.requirement("SAM5-5.14-04")
def test_a_reset_is_reported_before_older_changes(
    open_session: OpenSession, session: Session, setting: Setting
) -> None:
    """The unit reports the attention of a reset before older attentions."""
    other = open_session(initiator_name=f"{session.options.initiator_name}.other")
    expect_good(setting(d_sense=1))

    ask_function(session, TMFunction.LOGICAL_UNIT_RESET)
    result = other.execute(cdb.test_unit_ready())

    session.execute(cdb.test_unit_ready())
    expect_sense(result, SenseKey.UNIT_ATTENTION)
    asc = result.sense.asc if result.sense else None
    check(asc == RESET_CLASS, "ADDITIONAL SENSE CODE 29h", result)


@pytest.mark.requirement("SAM5-5.14-03")
def test_request_sense_returns_an_attention(attentive: Session) -> None:
    """REQUEST SENSE returns the unit attention as its data, and clears it."""
    result = attentive.execute(cdb.request_sense(allocation_length=252), read=252)

    expect_good(result)
    key = parse_sense(result.data).key
    check(key == SenseKey.UNIT_ATTENTION, "UNIT ATTENTION", key)
    expect_good(attentive.execute(cdb.test_unit_ready()))
