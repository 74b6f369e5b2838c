# SPDX-License-Identifier: GPL-2.0-only
"""Faults of fields that have one value, or few, in every PDU of a kind."""

from __future__ import annotations

from typing import Final

from iscsi import headers
from iscsi.constants import AsyncEvent
from iscsi.scsi.status import SCSIStatus
from reftarget.faults.changes import set_fields
from reftarget.faults.row import Fault

FIXED: Final = (
    Fault(
        name="status-is-unassigned",
        breaks=("RFC7143-11.4.2-i01",),
        says="Gives a failed command a status that SAM does not define.",
        also="a command with such a status has not ended as its check expects",
        twist=set_fields(
            headers.SCSIResponse,
            lambda header: header.status == SCSIStatus.CHECK_CONDITION,
            status=SCSIStatus.CHECK_CONDITION + 1,
        ),
    ),
    Fault(
        name="function-response-not-final",
        breaks=("RFC7143-11.6-i01",),
        says="Sends Task Management Function Responses with F=0.",
        twist=set_fields(headers.TaskManagementResponse, final=False),
    ),
    Fault(
        name="r2t-not-final",
        breaks=("RFC7143-11.8-i03",),
        says="Sends R2Ts with F=0.",
        twist=set_fields(headers.R2T, final=False),
    ),
    Fault(
        name="async-message-not-final",
        breaks=("RFC7143-11.9-i02",),
        says="Sends Async Messages with F=0.",
        twist=set_fields(headers.AsyncMessage, final=False),
    ),
    Fault(
        name="logout-response-not-final",
        breaks=("RFC7143-11.15-i01",),
        says="Sends Logout Responses with F=0.",
        twist=set_fields(headers.LogoutResponse, final=False),
    ),
    Fault(
        name="nop-in-not-final",
        breaks=("RFC7143-11.19-i01",),
        says="Sends NOP-Ins with F=0.",
        twist=set_fields(headers.NOPIn, final=False),
    ),
    Fault(
        name="drop-names-another-connection",
        breaks=("RFC7143-11.9.1-i02",),
        says="Names another connection than the one that it drops.",
        twist=set_fields(
            headers.AsyncMessage,
            lambda header: header.async_event == AsyncEvent.CONNECTION_DROP,
            parameter1=lambda header: header.parameter1 + 1,
        ),
    ),
)
