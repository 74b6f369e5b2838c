# SPDX-License-Identifier: GPL-2.0-only
"""Faults of single answers: wrong fields, wrong values, wrong codes.

A row is: the requirement that it breaks, what it does in a sentence, how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iscsi import headers, text
from iscsi.constants import RESERVED_TAG, AsyncEvent, TMResponse
from reftarget.faults.changes import (
    change_data,
    change_text,
    change_value,
    one_less,
    one_more,
    set_fields,
    swallow,
)
from reftarget.twist import Twist

if TYPE_CHECKING:
    from collections.abc import Callable

_PROTOCOL_ERROR: Final = 0x04


def _is_refusal(header: headers.LoginResponse) -> bool:
    return header.status_class == 2


def _is_ping(header: headers.NOPIn) -> bool:
    """Tell whether it is the target's own."""
    return header.initiator_task_tag == RESERVED_TAG


def _tells_of_ended_tasks(header: headers.AsyncMessage) -> bool:
    return header.async_event == AsyncEvent.TASK_TERMINATION


def _is_answer(header: headers.NOPIn) -> bool:
    return not _is_ping(header)


def _goes_on(header: headers.TextResponse) -> bool:
    return not header.final


def _responds(*codes: TMResponse) -> Callable[[Any], bool]:
    return lambda header: header.response in codes


def _number(change: Callable[[int], int]) -> Callable[[str], str]:
    return lambda value: str(change(int(value))) if value.isdigit() else value


def _first_address_only(pairs: text.Pairs) -> text.Pairs:
    kept: text.Pairs = []
    for pair in pairs:
        if not (pair[0] == kept[-1][0] == "TargetAddress" if kept else False):
            kept.append(pair)
    return kept


def _addresses_first(pairs: text.Pairs) -> text.Pairs:
    is_list = any(name == "TargetName" for name, _value in pairs)
    return pairs[::-1] if is_list else pairs


ANSWERS: Final[dict[str, tuple[str, str, Twist]]] = {
    "login-refusals-are-all-alike": (
        "RFC7143-11.13.5-i01",
        "Refuses every login with 0200, Initiator Error.",
        set_fields(headers.LoginResponse, _is_refusal, status_detail=0),
    ),
    "login-response-changes-itt": (
        "RFC7143-6.3-i04",
        "Answers a Login Request under another Initiator Task Tag.",
        set_fields(
            headers.LoginResponse, initiator_task_tag=one_more("initiator_task_tag")
        ),
    ),
    "max-connections-above-offer": (
        "RFC7143-13.2-i01",
        "Answers MaxConnections with more than was offered.",
        change_value("MaxConnections", _number(lambda value: value + 1)),
    ),
    "time2retain-above-offer": (
        "RFC7143-13.16-i01",
        "Answers DefaultTime2Retain with more than was offered.",
        change_value("DefaultTime2Retain", _number(lambda value: value + 1)),
    ),
    "max-outstanding-r2t-above-offer": (
        "RFC7143-13.17-i01",
        "Answers MaxOutstandingR2T with more than was offered.",
        change_value("MaxOutstandingR2T", _number(lambda value: value + 1)),
    ),
    "data-pdu-in-order-always-no": (
        "RFC7143-13.18-i01",
        "Answers DataPDUInOrder=Yes with No.",
        change_value("DataPDUInOrder", lambda _value: "No"),
    ),
    "data-sequence-in-order-always-no": (
        "RFC7143-13.19-i01",
        "Answers DataSequenceInOrder=Yes with No.",
        change_value("DataSequenceInOrder", lambda _value: "No"),
    ),
    "immediate-data-always-yes": (
        "RFC7143-13.11-i01",
        "Answers ImmediateData=No with Yes.",
        change_value("ImmediateData", lambda _value: "Yes"),
    ),
    "error-recovery-level-always-2": (
        "RFC7143-13.20-i01",
        "Answers any ErrorRecoveryLevel with 2.",
        change_value("ErrorRecoveryLevel", lambda _value: "2"),
    ),
    "marker-interval-not-understood": (
        "RFC7143-13.25-05",
        "Answers IFMarkInt and OFMarkInt with NotUnderstood.",
        change_text(
            lambda pairs: [
                (key, text.NOT_UNDERSTOOD if key.endswith("MarkInt") else value)
                for key, value in pairs
            ]
        ),
    ),
    "target-name-in-login": (
        "RFC7143-13.4-i01",
        "Sends TargetName in a Login Response.",
        change_text(
            lambda pairs: (
                [*pairs, ("TargetName", "iqn.2001-04.com.example:odd")]
                if any(key == "TargetPortalGroupTag" for key, _value in pairs)
                else pairs
            )
        ),
    ),
    "ping-answer-takes-no-stat-sn": (
        "RFC7143-11.19.2-i01",
        "Answers a ping without taking a StatSN.",
        set_fields(headers.NOPIn, _is_answer, stat_sn=one_less("stat_sn")),
    ),
    "ping-with-data": (
        "RFC7143-11.19-06",
        "Sends data with a ping of its own.",
        change_data(headers.NOPIn, lambda _data: b"data", _is_ping),
    ),
    "ping-with-task-tag": (
        "RFC7143-11.19-05",
        "Gives a ping of its own an Initiator Task Tag.",
        set_fields(headers.NOPIn, _is_ping, initiator_task_tag=5),
    ),
    "ping-without-transfer-tag": (
        "RFC7143-11.19.1-i01",
        "Sends a ping without a Target Transfer Tag.",
        set_fields(headers.NOPIn, _is_ping, target_transfer_tag=RESERVED_TAG),
    ),
    "ping-with-odd-lun": (
        "RFC7143-11.19.3-01",
        "Sends a ping with the LUN of no unit.",
        set_fields(headers.NOPIn, _is_ping, lun=0x3FFF << 48),
    ),
    "async-message-takes-no-stat-sn": (
        "RFC7143-11.9-i01",
        "Sends Async Messages without taking a StatSN.",
        set_fields(headers.AsyncMessage, stat_sn=one_less("stat_sn")),
    ),
    "scsi-event-with-odd-lun": (
        "RFC7143-11.9.3-01",
        "Sends AsyncEvent 0 with the LUN of no unit.",
        set_fields(headers.AsyncMessage, lambda h: not h.async_event, lun=0x3FFF << 48),
    ),
    "third-parties-are-not-told": (
        "RFC7143-4.2.3.4-12",
        "Ends tasks of other sessions without AsyncEvent 5.",
        swallow(headers.AsyncMessage, _tells_of_ended_tasks),
    ),
    "ended-tasks-told-of-odd-lun": (
        "RFC7143-4.2.3.4-15",
        "Sends AsyncEvent 5 with the LUN of no unit.",
        set_fields(headers.AsyncMessage, _tells_of_ended_tasks, lun=0x3FFF << 48),
    ),
    "redirect-with-group-tag": (
        "RFC7143-13.8-01",
        "Gives a redirection's TargetAddress a portal group tag.",
        change_text(
            lambda pairs: [
                (key, value + ",1" if _is_alone(pairs) else value)
                for key, value in pairs
            ]
        ),
    ),
    "redirect-without-address": (
        "RFC7143-11.13.5-01",
        "Redirects without a TargetAddress.",
        change_text(lambda pairs: [] if _is_alone(pairs) else pairs),
    ),
    "response-code-is-reserved": (
        "RFC7143-11.4.3-i01",
        "Sends SCSI Responses with the reserved response code 42h.",
        set_fields(headers.SCSIResponse, lambda h: h.status == 2, response=0x42),
    ),
    "residual-count-without-flag": (
        "RFC7143-11.4.5.1-03",
        "Sends a Residual Count with neither O nor U.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: (
                getattr(h, "status_present", True) and not (h.underflow or h.overflow)
            ),
            residual_count=7,
        ),
    ),
    "truncation-is-an-overflow": (
        "RFC7143-11.4.5.3-01",
        "Sets O where the allocation length cut the data.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: not h.underflow and getattr(h, "status_present", True),
            overflow=True,
            residual_count=1,
        ),
    ),
    "overflow-count-wrong": (
        "RFC7143-11.4.5.2-02",
        "Counts one byte too many in an overflow.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.overflow,
            residual_count=one_more("residual_count"),
        ),
    ),
    "data-in-tag-with-odd-lun": (
        "RFC7143-11.7.4-02",
        "Gives Data-In a Target Transfer Tag and the LUN of no unit.",
        set_fields(headers.DataIn, target_transfer_tag=7, lun=0x3FFF << 48),
    ),
    "data-in-offset-beyond": (
        "RFC7143-11.7.6-i01",
        "Gives Data-In offsets beyond what the initiator expects.",
        set_fields(headers.DataIn, buffer_offset=1 << 30),
    ),
    "r2t-with-data": (
        "RFC7143-11.8.1-01",
        "Sends data with an R2T.",
        change_data(headers.R2T, lambda _data: b"data"),
    ),
    "text-ends-unasked": (
        "RFC7143-11.11.1-i01",
        "Ends a text exchange that the initiator has not ended.",
        set_fields(
            headers.TextResponse, _goes_on, final=True, target_transfer_tag=RESERVED_TAG
        ),
    ),
    "text-goes-on-without-tag": (
        "RFC7143-6.4-08",
        "Sends a Text Response with F=0 and the reserved Target Transfer Tag.",
        set_fields(headers.TextResponse, _goes_on, target_transfer_tag=RESERVED_TAG),
    ),
    "text-takes-no-stat-sn": (
        "RFC7143-11.11.5-i01",
        "Answers Text Requests without taking a StatSN.",
        set_fields(headers.TextResponse, stat_sn=one_less("stat_sn")),
    ),
    "reject-takes-no-stat-sn": (
        "RFC7143-11.17.3-i01",
        "Sends Reject without taking a StatSN.",
        set_fields(headers.Reject, stat_sn=one_less("stat_sn")),
    ),
    "reject-reasons-are-all-alike": (
        "RFC7143-7.8-02",
        "Rejects with Protocol Error, whatever the reason.",
        set_fields(headers.Reject, reason=_PROTOCOL_ERROR),
    ),
    "missing-lun-is-a-missing-task": (
        "RFC7143-11.6.1-i04",
        "Answers a function for a missing LUN with Task does not exist.",
        set_fields(
            headers.TaskManagementResponse,
            _responds(TMResponse.LUN_DOES_NOT_EXIST),
            response=int(TMResponse.TASK_DOES_NOT_EXIST),
        ),
    ),
    "aborted-task-is-said-to-miss": (
        "RFC7143-11.6.1-i01",
        "Answers ABORT TASK of a task that it aborts with Task does not exist.",
        set_fields(
            headers.TaskManagementResponse,
            _responds(TMResponse.FUNCTION_COMPLETE),
            response=int(TMResponse.TASK_DOES_NOT_EXIST),
        ),
    ),
    "recovery-logout-succeeds": (
        "RFC7143-11.15.1-i02",
        "Answers a recovery logout with success, though it cannot recover.",
        set_fields(headers.LogoutResponse, lambda h: h.response == 2, response=0),
    ),
    "send-targets-unanswered": (
        "RFC7143-C-03",
        "Does not answer Text Requests.",
        swallow(headers.TextResponse),
    ),
    "send-targets-address-before-name": (
        "RFC7143-C-i01",
        "Begins a target's record with its address.",
        change_text(_addresses_first),
    ),
    "send-targets-one-address": (
        "RFC7143-C-16",
        "Tells one address of each target.",
        change_text(_first_address_only),
    ),
    "send-targets-ipv6-without-brackets": (
        "RFC7143-13.8-i01",
        "Leaves the brackets of IPv6 addresses out.",
        change_value(
            "TargetAddress", lambda value: value.replace("[", "").replace("]", "")
        ),
    ),
    "send-targets-malformed-name": (
        "RFC7143-4.2.7.4-i01",
        "Tells of targets whose iqn name has no date.",
        change_value("TargetName", lambda _value: "iqn.example:disk"),
    ),
}


def _is_alone(pairs: text.Pairs) -> bool:
    """Tell whether an address stands without a name: a redirection."""
    return [key for key, _value in pairs] == ["TargetAddress"]
