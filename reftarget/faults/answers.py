# SPDX-License-Identifier: GPL-2.0-only
"""Faults of single answers: wrong fields, wrong values, wrong codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iscsi import headers, text
from iscsi.constants import RESERVED_TAG, AsyncEvent, Stage, TMResponse
from reftarget.faults.changes import (
    change_data,
    change_text,
    change_value,
    one_less,
    one_more,
    set_fields,
    swallow,
    word_value,
)
from reftarget.faults.row import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

_PROTOCOL_ERROR: Final = 0x04


def _with_length(data: bytes) -> bytes:
    length = text.encode([("MaxRecvDataSegmentLength", "262144")])
    return data if length[:24] in data else data + length


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
    reduced: text.Pairs = []
    for pair in pairs:
        if not (pair[0] == reduced[-1][0] == "TargetAddress" if reduced else False):
            reduced.append(pair)
    return reduced


def _addresses_first(pairs: text.Pairs) -> text.Pairs:
    is_list = any(name == "TargetName" for name, _value in pairs)
    return pairs[::-1] if is_list else pairs


ANSWERS: Final = (
    Fault(
        name="login-refusals-are-all-alike",
        breaks=(
            "RFC7143-11.13.5-i01",
            "RFC7143-9.2-i01",
            "RFC7143-11.13.2-i01",
            "RFC7143-11.13.5-i06",
            "RFC7143-11.13.5-i04",
            "RFC7143-11.13.5-i03",
            "RFC7143-4.2.4-08",
            "RFC7143-6.3.1-i01",
            "RFC7143-6.3.1-i06",
            "RFC7143-6.3.2-05",
            "RFC7143-6.3.5-i02",
            "RFC7143-8.3.2-i05",
            "RFC7143-9.2-05",
            "RFC7143-9.2-08",
            "RFC7143-9.2-12",
            "RFC7143-12.1-03",
            "RFC7143-12.1.3-i02",
        ),
        says="Refuses every login with 0200, Initiator Error.",
        also="each refusal is recognised by its status",
        twist=set_fields(headers.LoginResponse, _is_refusal, status_detail=0),
    ),
    Fault(
        name="login-response-changes-itt",
        breaks=("RFC7143-6.3-i04",),
        says="Answers a Login Request under another Initiator Task Tag.",
        also="an answer is recognised by its tag",
        twist=set_fields(
            headers.LoginResponse, initiator_task_tag=one_more("initiator_task_tag")
        ),
    ),
    Fault(
        name="max-connections-above-offer",
        breaks=("RFC7143-13.2-i01",),
        says="Answers MaxConnections with more than was offered.",
        twist=change_value("MaxConnections", _number(lambda value: value + 1)),
    ),
    Fault(
        name="time2retain-above-offer",
        breaks=("RFC7143-13.16-i01",),
        says="Answers DefaultTime2Retain with more than was offered.",
        twist=change_value("DefaultTime2Retain", _number(lambda value: value + 1)),
    ),
    Fault(
        name="max-outstanding-r2t-above-offer",
        breaks=("RFC7143-13.17-i01", "RFC7143-13.19-02"),
        says="Answers MaxOutstandingR2T with more than was offered.",
        twist=change_value("MaxOutstandingR2T", _number(lambda value: value + 1)),
    ),
    Fault(
        name="data-pdu-in-order-always-no",
        breaks=("RFC7143-13.18-i01",),
        says="Answers DataPDUInOrder=Yes with No.",
        also="every login offers the key somewhere",
        twist=change_value("DataPDUInOrder", lambda _value: "No"),
    ),
    Fault(
        name="data-sequence-in-order-always-no",
        breaks=("RFC7143-13.19-i01",),
        says="Answers DataSequenceInOrder=Yes with No.",
        twist=change_value("DataSequenceInOrder", lambda _value: "No"),
    ),
    Fault(
        name="immediate-data-always-yes",
        breaks=("RFC7143-13.11-i01",),
        says="Answers ImmediateData=No with Yes.",
        also="a login that excludes immediate data fails",
        twist=change_value("ImmediateData", lambda _value: "Yes"),
    ),
    Fault(
        name="error-recovery-level-always-2",
        breaks=(
            "RFC7143-13.20-i01",
            "RFC7143-7.4.1-01",
            "RFC7143-13.21-01",
            "RFC7143-7.1.5-04",
            "RFC7143-7.1.5-05",
        ),
        says="Answers any ErrorRecoveryLevel with 2.",
        also="a login at another level fails",
        twist=change_value("ErrorRecoveryLevel", lambda _value: "2"),
    ),
    Fault(
        name="marker-interval-not-understood",
        breaks=(
            "RFC7143-13.25-05",
            "RFC7143-13.25-04",
            "RFC7143-6.2-10",
            "RFC7143-6.2-14",
        ),
        says="Answers IFMarkInt and OFMarkInt with NotUnderstood.",
        twist=change_text(
            lambda pairs: [
                (key, text.NOT_UNDERSTOOD if key.endswith("MarkInt") else value)
                for key, value in pairs
            ]
        ),
    ),
    Fault(
        name="target-name-in-login",
        breaks=("RFC7143-13.4-i01", "RFC7143-6.2-06"),
        says="Sends TargetName in a Login Response.",
        twist=change_text(
            lambda pairs: (
                [*pairs, ("TargetName", "iqn.2001-04.com.example:odd")]
                if any(key == "TargetPortalGroupTag" for key, _value in pairs)
                else pairs
            )
        ),
    ),
    Fault(
        name="ping-answer-takes-no-stat-sn",
        breaks=(
            "RFC7143-11.19.2-i01",
            "RFC7143-4.2.2.2-i01",
        ),
        says="Answers a ping without taking a StatSN.",
        also="every session judges StatSN",
        twist=set_fields(headers.NOPIn, _is_answer, stat_sn=one_less("stat_sn")),
    ),
    Fault(
        name="ping-with-data",
        breaks=("RFC7143-11.19-06",),
        says="Sends data with a ping of its own.",
        also="it affects every PDU that the target sends unasked",
        twist=change_data(headers.NOPIn, lambda _data: b"data", _is_ping),
    ),
    Fault(
        name="ping-with-task-tag",
        breaks=("RFC7143-11.19-05",),
        says="Gives a ping of its own an Initiator Task Tag.",
        also="it looks like the answer to a request",
        twist=set_fields(headers.NOPIn, _is_ping, initiator_task_tag=5),
    ),
    Fault(
        name="ping-without-transfer-tag",
        breaks=("RFC7143-11.19.1-i01",),
        says="Sends a ping without a Target Transfer Tag.",
        twist=set_fields(headers.NOPIn, _is_ping, target_transfer_tag=RESERVED_TAG),
    ),
    Fault(
        name="ping-with-odd-lun",
        breaks=("RFC7143-11.19.3-01",),
        says="Sends a ping with the LUN of no unit.",
        twist=set_fields(headers.NOPIn, _is_ping, lun=0x3FFF << 48),
    ),
    Fault(
        name="async-message-takes-no-stat-sn",
        breaks=(
            "RFC7143-11.9-i01",
            "RFC7143-4.2.2.2-i01",
        ),
        says="Sends Async Messages without taking a StatSN.",
        also="every session judges StatSN",
        twist=set_fields(headers.AsyncMessage, stat_sn=one_less("stat_sn")),
    ),
    Fault(
        name="scsi-event-with-odd-lun",
        breaks=("RFC7143-11.9.3-01",),
        says="Sends AsyncEvent 0 with the LUN of no unit.",
        twist=set_fields(
            headers.AsyncMessage, lambda h: not h.async_event, lun=0x3FFF << 48
        ),
    ),
    Fault(
        name="third-parties-are-not-notified",
        breaks=(
            "RFC7143-4.2.3.4-12",
            "RFC7143-4.2.3.4-01",
            "RFC7143-4.2.3.4-02",
            "RFC7143-4.2.3.4-10",
            "RFC7143-4.2.3.4-13",
            "RFC7143-4.2.3.4-14",
            "RFC7143-13.23-01",
        ),
        says="Ends tasks of other sessions without AsyncEvent 5.",
        also="checks of what follows the message wait for it",
        twist=swallow(headers.AsyncMessage, _tells_of_ended_tasks),
    ),
    Fault(
        name="ended-tasks-reported-with-odd-lun",
        breaks=("RFC7143-4.2.3.4-15", "RFC7143-4.2.3.5-02"),
        says="Sends AsyncEvent 5 with the LUN of no unit.",
        twist=set_fields(headers.AsyncMessage, _tells_of_ended_tasks, lun=0x3FFF << 48),
    ),
    Fault(
        name="redirect-with-group-tag",
        breaks=("RFC7143-13.8-01",),
        says="Gives a redirection's TargetAddress a portal group tag.",
        twist=change_text(
            lambda pairs: [
                (key, value + ",1" if _is_alone(pairs) else value)
                for key, value in pairs
            ],
            headers.LoginResponse,
        ),
    ),
    Fault(
        name="redirect-without-address",
        breaks=("RFC7143-11.13.5-01",),
        says="Redirects without a TargetAddress.",
        twist=change_text(lambda pairs: [] if _is_alone(pairs) else pairs),
    ),
    Fault(
        name="response-code-is-reserved",
        breaks=("RFC7143-11.4.3-i01",),
        says="Sends SCSI Responses with the reserved response code 42h.",
        twist=set_fields(headers.SCSIResponse, lambda h: h.status == 2, response=0x42),
    ),
    Fault(
        name="residual-count-without-flag",
        breaks=("RFC7143-11.4.5.1-03",),
        says="Sends a Residual Count with neither O nor U.",
        also="each exact transfer then has a residual",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: (
                getattr(h, "status_present", True) and not (h.underflow or h.overflow)
            ),
            residual_count=7,
        ),
    ),
    Fault(
        name="truncation-is-an-overflow",
        breaks=("RFC7143-11.4.5.3-01",),
        says="Sets O where the allocation length cut the data.",
        also="each exact transfer then claims an overflow",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: not h.underflow and getattr(h, "status_present", True),
            overflow=True,
            residual_count=1,
        ),
    ),
    Fault(
        name="overflow-count-wrong",
        breaks=("RFC7143-11.4.5.2-02",),
        says="Counts one byte too many in an overflow.",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.overflow,
            residual_count=one_more("residual_count"),
        ),
    ),
    Fault(
        name="data-in-tag-with-odd-lun",
        breaks=("RFC7143-11.7.4-02",),
        says="Gives Data-In a Target Transfer Tag and the LUN of no unit.",
        also="Data-In with a tag seems to want an acknowledgement",
        twist=set_fields(headers.DataIn, target_transfer_tag=7, lun=0x3FFF << 48),
    ),
    Fault(
        name="data-in-tag-for-nothing",
        breaks=("RFC7143-11-01",),
        says="Gives Data-In with A=0 a Target Transfer Tag.",
        also="without the LUN that belongs to a tag on units other than 0",
        twist=set_fields(
            headers.DataIn, lambda h: not h.acknowledge, target_transfer_tag=7
        ),
    ),
    Fault(
        name="data-in-lun-without-a-tag",
        breaks=("RFC7143-11-01",),
        says="Gives Data-In without a Target Transfer Tag a LUN.",
        twist=set_fields(headers.DataIn, lambda h: not h.acknowledge, lun=1 << 48),
    ),
    Fault(
        name="data-in-offset-beyond",
        breaks=("RFC7143-11.7.6-i01",),
        says="Gives Data-In offsets beyond what the initiator expects.",
        also="no data is stored at its place",
        twist=set_fields(headers.DataIn, buffer_offset=1 << 30),
    ),
    Fault(
        name="r2t-with-data",
        breaks=("RFC7143-11.8.1-01",),
        says="Sends data with an R2T.",
        also="R2T is a header alone wherever it comes",
        twist=change_data(headers.R2T, lambda _data: b"data"),
    ),
    Fault(
        name="text-ends-unasked",
        breaks=("RFC7143-11.11.1-i01",),
        says="Ends a text exchange that the initiator has not ended.",
        also="no negotiation of two steps completes",
        twist=set_fields(
            headers.TextResponse, _goes_on, final=True, target_transfer_tag=RESERVED_TAG
        ),
    ),
    Fault(
        name="text-goes-on-without-tag",
        breaks=(
            "RFC7143-11.11.1-03",
            "RFC7143-11.10.4-01",
            "RFC7143-11.11.4-01",
            "RFC7143-6.4-08",
        ),
        says="Gives a Text Response with F=0 the reserved Target Transfer Tag.",
        twist=set_fields(
            headers.TextResponse, _goes_on, target_transfer_tag=RESERVED_TAG
        ),
    ),
    Fault(
        name="text-takes-no-stat-sn",
        breaks=(
            "RFC7143-11.11.5-i01",
            "RFC7143-4.2.2.2-i01",
        ),
        says="Answers Text Requests without taking a StatSN.",
        also="every session judges StatSN, so no text exchange counts",
        twist=set_fields(headers.TextResponse, stat_sn=one_less("stat_sn")),
    ),
    Fault(
        name="reject-takes-no-stat-sn",
        breaks=("RFC7143-11.17.3-i01",),
        says="Sends Reject without taking a StatSN.",
        also="every session judges StatSN, so no Reject counts",
        twist=set_fields(headers.Reject, stat_sn=one_less("stat_sn")),
    ),
    Fault(
        name="reject-is-not-final",
        breaks=("RFC7143-11.17-i01",),
        says="Sends Reject with F=0.",
        twist=set_fields(headers.Reject, final=False),
    ),
    Fault(
        name="own-length-comes-again",
        breaks=("RFC7143-6.3-14",),
        says="Declares MaxRecvDataSegmentLength again in each further response.",
        also="no response of the last stage is without text then",
        twist=change_data(
            headers.LoginResponse,
            _with_length,
            lambda header: (
                header.csg == Stage.OPERATIONAL
                and not header.transit
                and not header.status_class
            ),
        ),
    ),
    Fault(
        name="reject-reasons-are-all-alike",
        breaks=("RFC7143-7.8-02",),
        says="Rejects with Protocol Error, whatever the reason.",
        also="refusals are recognised by their reason",
        twist=set_fields(headers.Reject, reason=_PROTOCOL_ERROR),
    ),
    Fault(
        name="missing-lun-is-a-missing-task",
        breaks=("RFC7143-11.6.1-i04",),
        says="Answers a function for a missing LUN with Task does not exist.",
        twist=set_fields(
            headers.TaskManagementResponse,
            _responds(TMResponse.LUN_DOES_NOT_EXIST),
            response=int(TMResponse.TASK_DOES_NOT_EXIST),
        ),
    ),
    Fault(
        name="aborted-task-is-said-to-miss",
        breaks=("RFC7143-11.6.1-i01",),
        says="Answers ABORT TASK of a task that it aborts with Task does not exist.",
        also="many checks end a task by ABORT TASK",
        twist=set_fields(
            headers.TaskManagementResponse,
            _responds(TMResponse.FUNCTION_COMPLETE),
            response=int(TMResponse.TASK_DOES_NOT_EXIST),
        ),
    ),
    Fault(
        name="recovery-logout-succeeds",
        breaks=("RFC7143-11.15.1-i02",),
        says="Answers a recovery logout with success, though it cannot recover.",
        twist=set_fields(headers.LogoutResponse, lambda h: h.response == 2, response=0),
    ),
    Fault(
        name="send-targets-unanswered",
        breaks=("RFC7143-C-03",),
        says="Does not answer Text Requests.",
        also="no Text Request is answered",
        twist=swallow(headers.TextResponse),
    ),
    Fault(
        name="send-targets-address-before-name",
        breaks=("RFC7143-C-i01",),
        says="Begins a target's record with its address.",
        twist=change_text(_addresses_first),
    ),
    Fault(
        name="send-targets-one-address",
        breaks=("RFC7143-C-16",),
        says="Lists one address of each target.",
        twist=change_text(_first_address_only),
    ),
    Fault(
        name="send-targets-ipv6-without-brackets",
        breaks=("RFC7143-13.8-i01",),
        says="Leaves the brackets of IPv6 addresses out.",
        wording=word_value(
            "TargetAddress", lambda value: value.replace("[", "").replace("]", "")
        ),
    ),
    Fault(
        name="send-targets-malformed-name",
        breaks=("RFC7143-4.2.7.4-i01", "RFC7143-C-13"),
        says="Lists targets whose iqn name has no date.",
        twist=change_value("TargetName", lambda _value: "iqn.example:disk"),
    ),
)


def _is_alone(pairs: text.Pairs) -> bool:
    """Tell whether an address has no name before it: a redirection."""
    return [key for key, _value in pairs] == ["TargetAddress"]
