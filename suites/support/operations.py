# SPDX-License-Identifier: GPL-2.0-only
"""Commands that a logical unit may or may not have."""

import pytest

from initiator.session import Session
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.supported_operations import ReportingOptions, Support, parse_one

_UNKNOWN = (
    AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
    AdditionalSense.INVALID_FIELD_IN_CDB,
)
_ROOM = 64


def skip_without(session: Session, layout: Layout) -> None:
    """Skip the check where the unit does not have a command.

    It is asked what it supports; if it cannot say, the command is tried, and must
    therefore do no harm with a length of zero.
    """
    support = _reported(session, layout)
    is_there = support in (Support.SUPPORTED, Support.VENDOR_SPECIFIC)
    sense = session.execute(layout()).sense
    code = sense.additional if sense else None
    if support in (None, Support.NOT_AVAILABLE):
        is_there = code not in _UNKNOWN
    # Some report what they do not have; that is for a check of its own.
    if not is_there or code is AdditionalSense.INVALID_COMMAND_OPERATION_CODE:
        pytest.skip(f"not applicable: the unit has no {layout.name}")


def _reported(session: Session, layout: Layout) -> Support | None:
    """Return what REPORT SUPPORTED OPERATION CODES says, or None."""
    has_action = layout.service_action is not None
    command = cdb.report_supported_operation_codes(
        reporting_options=ReportingOptions.ONE_SERVICE_ACTION
        if has_action
        else ReportingOptions.ONE_OPCODE,
        requested_operation_code=layout.opcode,
        requested_service_action=layout.service_action or 0,
        allocation_length=_ROOM,
    )
    result = session.execute(command, read=_ROOM)
    try:
        return Support(parse_one(result.data).support) if result.is_good else None
    except (DecodeError, ValueError):
        return None
