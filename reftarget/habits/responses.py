# SPDX-License-Identifier: GPL-2.0-only
"""The habits of data and responses: sizes, bursts, order, reasons."""

from __future__ import annotations

from typing import Final

from iscsi import headers
from iscsi.constants import LoginStatus, Opcode, RejectReason
from reftarget.habits.changes import set_fields
from reftarget.habits.row import Habit
from reftarget.rules import ConnectionRules, LoginRules, TextRules, TransferRules

_SMALL: Final = 512
_ODD: Final = 1000


def _has_no_status(header: headers.DataIn) -> bool:
    return not header.status_present


def _is_invalid_field(header: headers.Reject) -> bool:
    return header.reason == RejectReason.INVALID_PDU_FIELD


def _closes_for(opcode: int, reason: RejectReason) -> bool:
    """Close for what is wrong in itself; a SNACK has to be rejected (11.16)."""
    is_wrong = reason in {RejectReason.PROTOCOL_ERROR, RejectReason.INVALID_PDU_FIELD}
    return is_wrong and opcode != Opcode.SNACK


RESPONSES: Final = (
    Habit(
        name="status-never-rides",
        clause="RFC 7143 11.7.3",
        says="Sends each status in a SCSI Response, none in Data-In.",
        rules=TransferRules(may_ride=lambda _is_bidirectional: False),
    ),
    Habit(
        name="data-in-is-short",
        is_slow=True,
        clause="RFC 7143 11.7.7",
        says="Sends at most 512 bytes in a Data-In.",
        rules=TransferRules(segment=lambda maximum: min(maximum, _SMALL)),
    ),
    Habit(
        name="data-in-is-odd",
        is_slow=True,
        clause="RFC 7143 11.7.7",
        says="Sends at most 1000 bytes in a Data-In, which is no whole block.",
        rules=TransferRules(segment=lambda maximum: min(maximum, _ODD) & ~3),
    ),
    Habit(
        name="one-r2t-at-a-time",
        clause="RFC 7143 13.17",
        says="Sends one R2T at a time, however many may be outstanding.",
        rules=TransferRules(outstanding=lambda _maximum: 1),
    ),
    Habit(
        name="r2t-is-short",
        is_slow=True,
        clause="RFC 7143 11.8",
        says="Asks for at most 512 bytes in an R2T.",
        rules=TransferRules(
            burst=lambda start, end, maximum: (
                start,
                min(end, start + min(maximum, _SMALL)),
            )
        ),
    ),
    Habit(
        name="r2t-is-odd",
        is_slow=True,
        clause="RFC 7143 11.8",
        says="Asks for at most 1000 bytes in an R2T.",
        rules=TransferRules(
            burst=lambda start, end, maximum: (
                start,
                min(end, start + min(maximum, _ODD)),
            )
        ),
    ),
    Habit(
        name="text-comes-in-parts",
        clause="RFC 7143 6.1",
        says="Sends text in parts of 100 bytes, with C=1 in all but the last.",
        rules=TextRules(longest_part=100),
    ),
    Habit(
        name="every-data-in-ends-a-sequence",
        clause="RFC 7143 11.7.1",
        says="Sends each Data-In as a sequence of its own: F is 1.",
        twist=set_fields(headers.DataIn, final=True),
    ),
    Habit(
        name="idle-status-number",
        clause="RFC 7143 11.7.3",
        says="Sends any StatSN in Data-In without status, in which it has no meaning.",
        twist=set_fields(headers.DataIn, _has_no_status, stat_sn=0x1DA7A1),
    ),
    Habit(
        name="missing-parameter-is-not-reported",
        clause="RFC 7143 11.13.5",
        says="Refuses a login that lacks a name with 0200 instead of 0207.",
        may_warn=frozenset({"RFC7143-11.13.5-i06"}),
        rules=LoginRules(missing_name=LoginStatus.INITIATOR_ERROR),
    ),
    Habit(
        name="closes-instead-of-rejecting",
        clause="RFC 7143 7.14",
        says="Closes the session instead of rejecting a wrong request.",
        rules=ConnectionRules(closes_for=_closes_for),
        apart_from=("reject-says-protocol-error",),
        is_poor=True,
    ),
    Habit(
        name="lost-data-ends-the-task",
        clause="RFC 7143 7.8",
        says="Ends a task whose data was lost, and does not request it again.",
        rules=TransferRules(asks_again=False),
    ),
    Habit(
        name="reject-says-protocol-error",
        clause="RFC 7143 11.17.1",
        says="Rejects a wrong field as a protocol error.",
        may_warn=frozenset({"RFC7143-11.17.1-i01"}),
        twist=set_fields(
            headers.Reject, _is_invalid_field, reason=RejectReason.PROTOCOL_ERROR
        ),
    ),
)
"""What a target may send otherwise."""
