# SPDX-License-Identifier: GPL-2.0-only
"""What REPORT SUPPORTED OPERATION CODES cannot be asked (SPC-4 section 6.35)."""

import pytest

from initiator.expect import check
from initiator.session import Session
from initiator.task import Result
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.supported_operations import ReportingOptions, Support, parse_one
from suites.support.applicability import skip_without
from suites.support.expect import expect_illegal_request
from suites.support.media import name
from suites.support.operations import reported

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
ROOM = 64
WITHOUT_ACTIONS = (cdb.test_unit_ready, cdb.inquiry, cdb.read_10)
WITH_ACTIONS = (
    cdb.read_capacity_16,
    cdb.persistent_reserve_in_read_keys,
    cdb.report_supported_operation_codes,
)
RESERVED = range(4, 8)
BEYOND = (0x20, 0x64, 0xFF, 0x100, 0x110, 0x2710, 0xFFE0, 0xFFFF)
"""Service actions that have more than the five bits of a CDB."""


@pytest.fixture
def asking(session: Session) -> Session:
    """A session with a unit that tells its commands."""
    skip_without(session, cdb.report_supported_operation_codes)
    return session


def ask(session: Session, option: int, opcode: int, action: int = 0) -> Result:
    """Ask whether a command is supported."""
    command = cdb.report_supported_operation_codes(
        reporting_options=option,
        requested_operation_code=opcode,
        requested_service_action=action,
        allocation_length=ROOM,
    )
    return session.execute(command, read=ROOM)


def skip_unless_reported(session: Session, layout: Layout) -> None:
    """Skip where the unit does not say that it has a command."""
    if reported(session, layout) is not Support.SUPPORTED:
        pytest.skip(f"not applicable: the unit reports no {layout.name}")


@pytest.mark.requirement("SPC4-6.35-05")
@pytest.mark.parametrize("option", RESERVED, ids="{:03b}b".format)
def test_reserved_options_are_refused(asking: Session, option: int) -> None:
    """A reserved REPORTING OPTIONS is refused."""
    result = ask(asking, option, cdb.test_unit_ready.opcode)

    expect_illegal_request(result, IN_CDB)


@pytest.mark.requirement("SPC4-6.35-06")
@pytest.mark.parametrize("layout", WITH_ACTIONS, ids=name)
def test_a_missing_service_action_is_refused(asking: Session, layout: Layout) -> None:
    """A command with service actions is not asked for by its operation code alone."""
    skip_unless_reported(asking, layout)

    result = ask(asking, ReportingOptions.ONE_OPCODE, layout.opcode)

    expect_illegal_request(result, IN_CDB)


@pytest.mark.requirement("SPC4-6.35-06")
@pytest.mark.parametrize("layout", WITHOUT_ACTIONS, ids=name)
def test_a_superfluous_service_action_is_refused(
    asking: Session, layout: Layout
) -> None:
    """A command without service actions is not asked for by one."""
    skip_unless_reported(asking, layout)

    result = ask(asking, ReportingOptions.ONE_SERVICE_ACTION, layout.opcode, 1)

    expect_illegal_request(result, IN_CDB)


@pytest.mark.requirement("SPC4-6.35-07")
@pytest.mark.parametrize("action", BEYOND, ids="{:04X}h".format)
@pytest.mark.parametrize("layout", WITH_ACTIONS, ids=name)
def test_service_actions_out_of_bounds(
    asking: Session, layout: Layout, action: int
) -> None:
    """A service action beyond five bits is not reported as supported, or refused.

    A target may also say that it does not know at the time (SUPPORT 000b).
    """
    skip_unless_reported(asking, layout)

    result = ask(asking, ReportingOptions.ONE_SERVICE_ACTION, layout.opcode, action)

    if not result.is_good:
        expect_illegal_request(result, IN_CDB)
        return
    try:
        support: int | None = parse_one(result.data).support
    except DecodeError:
        support = None
    is_right = support in (Support.NOT_SUPPORTED, Support.NOT_AVAILABLE)
    check(is_right, "SUPPORT 001b or 000b", f"SUPPORT {support}")
