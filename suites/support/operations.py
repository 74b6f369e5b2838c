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
_NEVER_NOTHING = frozenset(
    {
        cdb.read_6,
        cdb.write_6,
        cdb.write_same_10,
        cdb.write_same_16,
        cdb.start_stop_unit,
    }
)
"""Commands that do something where every field is 0: whole ranges, or a stop."""

_ROOM = 64


def skip_without(session: Session, layout: Layout) -> None:
    """Skip the check where the unit does not have a command.

    It is asked what it supports. Some cannot say, and some report what they do not
    have, so the command is tried, too, where one of zero length does nothing.
    """
    support = _reported(session, layout)
    is_known = support in (Support.SUPPORTED, Support.VENDOR_SPECIFIC)
    is_there = is_known or support in (None, Support.NOT_AVAILABLE)
    if is_there and layout not in _NEVER_NOTHING:
        sense = session.execute(layout()).sense
        code = sense.additional if sense else None
        absent = _UNKNOWN[:1] if is_known else _UNKNOWN
        is_there = code not in absent
    if not is_there:
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
