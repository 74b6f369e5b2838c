# SPDX-License-Identifier: GPL-2.0-only
"""Skips a check where a unit or a target may do without what the check is about."""

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi.constants import TMFunction
from iscsi.pdu import TaskManagementResponse
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import ALL_PAGES
from iscsi.scsi.supported_operations import Support
from suites.support.functions import skip_if_unsupported
from suites.support.operations import is_there, reported
from suites.support.pages import capacity_of

_DPOFUA = 0x10


def skip_without(session: Session, layout: Layout) -> None:
    """Skip the check where the unit does not have a command."""
    if not is_there(session, layout):
        pytest.skip(f"not applicable: the unit has no {layout.name}")


def skip_unless_reported(session: Session, layout: Layout) -> None:
    """Skip the check unless the unit says that it has a command.

    For commands that do too much to be tried.
    """
    if reported(session, layout) not in (Support.SUPPORTED, Support.VENDOR_SPECIFIC):
        pytest.skip(f"not applicable: the unit reports no {layout.name}")


def skip_with_protection(session: Session) -> None:
    """Skip where the unit has protection information."""
    if capacity_of(session).prot_en:
        pytest.skip("not applicable: the unit has protection information")


def skip_unless_zeros(session: Session) -> None:
    """Skip where unmapped blocks need not read as zeros."""
    told = capacity_of(session)
    if not (told.lbpme and told.lbprz):
        pytest.skip("not applicable: LBPME or LBPRZ is 0")


def skip_without_dpofua(session: Session) -> None:
    """Skip where the mode parameter header has DPOFUA 0."""
    command = cdb.mode_sense_6(dbd=1, page_code=ALL_PAGES, allocation_length=255)
    result = session.execute(command, read=255)
    if not result.is_good or not result.data[2] & _DPOFUA:
        pytest.skip("not applicable: DPOFUA is 0")


def skip_unless_supported(session: Session, function: TMFunction) -> None:
    """Skip the check where a function of an idle session is not supported.

    That each function has a response of its own is for one check to judge.
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
    # A reset is told to whoever asks next.
    session.clear_unit_attention()
