# SPDX-License-Identifier: GPL-2.0-only
"""Skips a check if a unit or a target does not support an optional feature."""

import pytest

from initiator.expect import check
from initiator.session import Session
from initiator.task import Result
from iscsi.constants import TaskAttribute, TMFunction
from iscsi.pdu import TaskManagementResponse
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import ALL_PAGES
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.supported_operations import Support
from iscsi.scsi.vpd import ExtendedInquiry, VPDPage
from suites.support.functions import skip_if_unsupported
from suites.support.operations import is_there, reported
from suites.support.pages import body_of, capacity_of

_DPOFUA = 0x10

_SUPPORT = {
    TaskAttribute.SIMPLE: "simpsup",
    TaskAttribute.ORDERED: "ordsup",
    TaskAttribute.HEAD_OF_QUEUE: "headsup",
}
"""The bit of VPD page 86h that says whether an attribute is supported."""


def skip_without(session: Session, layout: Layout) -> None:
    """Skip the check if the unit does not support a command."""
    if not is_there(session, layout):
        pytest.skip(f"not applicable: the unit has no {layout.name}")


def skip_unless_reported(session: Session, layout: Layout) -> None:
    """Skip the check unless the unit reports that it supports a command.

    This is for commands whose effect is too large for a try.
    """
    if reported(session, layout) not in (Support.SUPPORTED, Support.VENDOR_SPECIFIC):
        pytest.skip(f"not applicable: the unit reports no {layout.name}")


def skip_with_protection(session: Session) -> None:
    """Skip if the unit has protection information."""
    if capacity_of(session).prot_en:
        pytest.skip("not applicable: the unit has protection information")


def skip_unless_zeros(session: Session) -> None:
    """Skip if unmapped blocks need not read as zeros."""
    capacity = capacity_of(session)
    if not (capacity.lbpme and capacity.lbprz):
        pytest.skip("not applicable: LBPME or LBPRZ is 0")


def skip_without_dpofua(session: Session) -> None:
    """Skip if DPOFUA is 0 in the mode parameter header."""
    command = cdb.mode_sense_6(dbd=1, page_code=ALL_PAGES, allocation_length=255)
    result = session.execute(command, read=255)
    if not result.is_good or not result.data[2] & _DPOFUA:
        pytest.skip("not applicable: DPOFUA is 0")


def skip_unless_supported(session: Session, function: TMFunction) -> None:
    """Skip the check if a function is not supported in an idle session.

    Another check judges whether each function has its own response.
    """
    request = session.send_task_management(function)
    answer = session.receive()
    skip_if_unsupported(answer, function)
    check(
        isinstance(answer, TaskManagementResponse)
        and answer.initiator_task_tag == request.initiator_task_tag,
        "Task Management Function Response",
        answer,
        requirement="RFC7143-11.5.1-01",
    )
    # The next command of each nexus reports a reset.
    session.clear_unit_attention()


def skip_without_attributes(session: Session, *attributes: TaskAttribute) -> None:
    """Skip if the unit reports that it does not support an attribute."""
    body = body_of(session, VPDPage.EXTENDED_INQUIRY_DATA)
    inquiry = ExtendedInquiry.parse(body) if body else None
    for attribute in attributes:
        field = _SUPPORT.get(attribute)
        if inquiry is not None and field is not None and not getattr(inquiry, field):
            pytest.skip(f"not applicable: {field.upper()} is 0")


def skip_if_unknown(result: Result, layout: Layout) -> None:
    """Skip if the unit does not support a command that was sent."""
    sense = result.sense
    if sense and sense.additional == AdditionalSense.INVALID_COMMAND_OPERATION_CODE:
        pytest.skip(f"not applicable: the unit has no {layout.name}")


def skip_if_refused(result: Result, what: str) -> None:
    """Skip if a field is not supported."""
    if result.sense and result.sense.additional == AdditionalSense.INVALID_FIELD_IN_CDB:
        pytest.skip(f"not applicable: the unit does not take {what}")
