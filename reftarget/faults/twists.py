# SPDX-License-Identifier: GPL-2.0-only
"""The faults that change an iSCSI PDU on its way out.

A row is: the requirement that it breaks, what it does in a sentence, how.
"""

from __future__ import annotations

from typing import Final

from iscsi import headers, serial, text
from iscsi.constants import RESERVED_TAG
from reftarget.faults.changes import (
    STATUSES,
    TEXTS,
    change_data,
    change_text,
    change_value,
    one_less,
    one_more,
    set_fields,
    swallow,
    without_keys,
)
from reftarget.twist import Twist


def _is_success(header: headers.LoginResponse) -> bool:
    return header.status_class == 0


def _is_last_login(header: headers.LoginResponse) -> bool:
    return _is_success(header) and header.transit and header.nsg == 3


def _is_partial_login(header: headers.LoginResponse) -> bool:
    return _is_success(header) and not _is_last_login(header)


def _is_ping_answer(header: headers.NOPIn) -> bool:
    return header.initiator_task_tag != RESERVED_TAG


def _has_residual(header: headers.SCSIResponse) -> bool:
    return header.underflow or header.overflow


TWISTS: Final[dict[str, tuple[str, str, Twist]]] = {
    "login-response-changes-isid": (
        "RFC7143-11.13-i01",
        "Returns another ISID than the request's.",
        set_fields(
            headers.LoginResponse, isid=lambda h: bytes([h.isid[0] ^ 1]) + h.isid[1:]
        ),
    ),
    "login-response-changes-version": (
        "RFC7143-11.13.2-01",
        "Gives another Version-active in the last response than before.",
        set_fields(headers.LoginResponse, _is_last_login, version_active=1),
    ),
    "login-tsih-is-zero": (
        "RFC7143-11.13.3-01",
        "Gives a new session the TSIH 0.",
        set_fields(headers.LoginResponse, _is_last_login, tsih=0),
    ),
    "login-tsih-too-early": (
        "RFC7143-11.13.3-02",
        "Gives a TSIH before the last Login Response.",
        set_fields(headers.LoginResponse, _is_partial_login, tsih=0x1234),
    ),
    "login-stat-sn-stands-still": (
        "RFC7143-11.13.4-i01",
        "Repeats the StatSN in the last Login Response of several.",
        set_fields(headers.LoginResponse, _is_last_login, stat_sn=1),
    ),
    "login-transit-unasked": (
        "RFC7143-6.3-i02",
        "Sets T though the request had T=0.",
        set_fields(headers.LoginResponse, _is_partial_login, transit=True, nsg=3),
    ),
    "login-no-portal-group-tag": (
        "RFC7143-6.3.1-01",
        "Leaves TargetPortalGroupTag out.",
        without_keys("TargetPortalGroupTag"),
    ),
    "login-alias-left-out": (
        "RFC7143-13.6-01",
        "Does not send the TargetAlias that is configured.",
        without_keys("TargetAlias"),
    ),
    "text-without-nul": (
        "RFC7143-6.1-01",
        "Ends the last key=value pair without NUL.",
        change_data(TEXTS, lambda data: data.removesuffix(b"\0")),
    ),
    "unknown-key-unanswered": (
        "RFC7143-6.2-08",
        "Says nothing to an unknown key.",
        change_text(lambda pairs: [p for p in pairs if p[1] != text.NOT_UNDERSTOOD]),
    ),
    "boolean-unanswered": (
        "RFC7143-6.2.2-05",
        "Says nothing to ImmediateData and InitialR2T.",
        without_keys("ImmediateData", "InitialR2T"),
    ),
    "number-unanswered": (
        "RFC7143-6.2.2-01",
        "Says nothing to MaxBurstLength.",
        without_keys("MaxBurstLength"),
    ),
    "list-answered-with-what-was-not-offered": (
        "RFC7143-6.2.1-01",
        "Chooses a digest that nobody offered.",
        change_value("HeaderDigest", lambda _value: "Y-org.example.sum"),
    ),
    "max-burst-above-offer": (
        "RFC7143-13.13-i01",
        "Answers MaxBurstLength with more than was offered.",
        change_value("MaxBurstLength", lambda value: str(int(value) + 512)),
    ),
    "first-burst-above-offer": (
        "RFC7143-13.14-i01",
        "Answers FirstBurstLength with more than was offered.",
        change_value("FirstBurstLength", lambda value: str(int(value) + 512)),
    ),
    "time2wait-below-offer": (
        "RFC7143-13.15-i01",
        "Answers DefaultTime2Wait with less than was offered.",
        change_value("DefaultTime2Wait", lambda _value: "0"),
    ),
    "initial-r2t-always-no": (
        "RFC7143-13.10-i01",
        "Answers InitialR2T=Yes with No.",
        change_value("InitialR2T", lambda _value: "No"),
    ),
    "markers-not-understood": (
        "RFC7143-13.25-03",
        "Answers IFMarker and OFMarker with NotUnderstood.",
        change_text(
            lambda pairs: [
                (key, text.NOT_UNDERSTOOD if key.endswith("FMarker") else value)
                for key, value in pairs
            ]
        ),
    ),
    "send-targets-without-group-tag": (
        "RFC7143-13.8-02",
        "Leaves the portal group tag out of SendTargets answers.",
        change_value("TargetAddress", lambda value: value.rpartition(",")[0] or value),
    ),
    "send-targets-with-other-keys": (
        "RFC7143-C-i02",
        "Adds a TargetAlias to SendTargets answers.",
        change_text(
            lambda pairs: (
                [*pairs, ("TargetAlias", "x")]
                if any(key == "TargetName" for key, _value in pairs)
                else pairs
            )
        ),
    ),
    "text-response-changes-itt": (
        "RFC7143-11.11.3-i01",
        "Answers a Text Request under another Initiator Task Tag.",
        set_fields(
            headers.TextResponse, initiator_task_tag=one_more("initiator_task_tag")
        ),
    ),
    "text-final-with-tag": (
        "RFC7143-11.11.1-02",
        "Gives a final Text Response a Target Transfer Tag.",
        set_fields(headers.TextResponse, lambda h: h.final, target_transfer_tag=7),
    ),
    "nop-in-without-echo": (
        "RFC7143-11.19-02",
        "Answers a ping without its data.",
        change_data(headers.NOPIn, lambda _data: b"", _is_ping_answer),
    ),
    "nop-in-answer-with-tag": (
        "RFC7143-11.19-03",
        "Answers a ping with a Target Transfer Tag.",
        set_fields(headers.NOPIn, _is_ping_answer, target_transfer_tag=7),
    ),
    "nop-out-unanswered": (
        "RFC7143-11.18.1-03",
        "Does not answer a ping.",
        swallow(headers.NOPIn, _is_ping_answer),
    ),
    "scsi-response-not-final": (
        "RFC7143-11.4-i01",
        "Sends SCSI Responses with F=0.",
        set_fields(headers.SCSIResponse, final=False),
    ),
    "residual-left-out": (
        "RFC7143-11.4.5.2-03",
        "Says nothing of an underflow.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.underflow,
            underflow=False,
            residual_count=0,
        ),
    ),
    "residual-count-wrong": (
        "RFC7143-11.4.5.2-04",
        "Counts one byte too many in a residual.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.underflow,
            residual_count=one_more("residual_count"),
        ),
    ),
    "overflow-left-out": (
        "RFC7143-11.4.5.2-01",
        "Says nothing of an overflow.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.overflow,
            overflow=False,
            residual_count=0,
        ),
    ),
    "both-residual-bits": (
        "RFC7143-11.4.1-i01",
        "Sets O beside U.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn), _has_residual, overflow=True
        ),
    ),
    "sense-left-out": (
        "RFC7143-11.4.7-02",
        "Sends CHECK CONDITION without sense data.",
        change_data(headers.SCSIResponse, lambda _data: b""),
    ),
    "sense-without-length": (
        "RFC7143-11.4.7-i01",
        "Sends sense data without the SenseLength before it.",
        change_data(headers.SCSIResponse, lambda data: data[2:]),
    ),
    "data-in-data-sn-from-one": (
        "RFC7143-11.7.5-i01",
        "Counts DataSN from 1.",
        set_fields(headers.DataIn, data_sn=one_more("data_sn")),
    ),
    "data-in-status-not-final": (
        "RFC7143-11.7.3-03",
        "Sends status on Data-In with F=0.",
        set_fields(headers.DataIn, lambda h: h.status_present, final=False),
    ),
    "data-in-never-final": (
        "RFC7143-11.7.1-i01",
        "Leaves out F at the end of Data-In sequences without status.",
        set_fields(headers.DataIn, lambda h: not h.status_present, final=False),
    ),
    "data-in-asks-for-ack": (
        "RFC7143-11.7.2-03",
        "Sets A at ErrorRecoveryLevel 0.",
        set_fields(headers.DataIn, acknowledge=True, target_transfer_tag=7),
    ),
    "data-in-offset-wrong": (
        "RFC7143-11.7.6-i02",
        "Gives all Data-In the buffer offset 0.",
        set_fields(headers.DataIn, buffer_offset=0),
    ),
    "exp-data-sn-wrong": (
        "RFC7143-11.4.8-01",
        "Counts one Data-In too many in ExpDataSN.",
        set_fields(headers.SCSIResponse, exp_data_sn=one_more("exp_data_sn")),
    ),
    "r2t-sn-from-one": (
        "RFC7143-11.8.2-i01",
        "Counts R2TSN from 1.",
        set_fields(headers.R2T, r2t_sn=one_more("r2t_sn")),
    ),
    "r2t-with-reserved-tag": (
        "RFC7143-11.8.5-01",
        "Sends R2T with the Target Transfer Tag 0xffffffff.",
        set_fields(headers.R2T, target_transfer_tag=RESERVED_TAG),
    ),
    "r2t-for-nothing": (
        "RFC7143-11.8.4-01",
        "Asks for 0 bytes.",
        set_fields(headers.R2T, desired_data_transfer_length=0),
    ),
    "r2t-with-other-lun": (
        "RFC7143-4.2.5.3-02",
        "Sends R2T with another LUN than the command's.",
        set_fields(headers.R2T, lun=lambda h: h.lun ^ 1 << 48),
    ),
    "r2t-stat-sn-wrong": (
        "RFC7143-11.8.3-i01",
        "Gives R2T another StatSN than the next.",
        set_fields(headers.R2T, stat_sn=one_more("stat_sn")),
    ),
    "max-cmd-sn-far-below": (
        "RFC7143-4.2.2.1-12",
        "Sends a MaxCmdSN lower than ExpCmdSN-1.",
        set_fields(STATUSES, max_cmd_sn=lambda h: serial.add(h.exp_cmd_sn, -9)),
    ),
    "exp-cmd-sn-late": (
        "RFC7143-4.2.2.1-18",
        "Answers a command before ExpCmdSN acknowledges it.",
        set_fields(
            (headers.SCSIResponse, headers.DataIn), exp_cmd_sn=one_less("exp_cmd_sn")
        ),
    ),
    "stat-sn-stands-still": (
        "RFC7143-4.2.2.2-i01",
        "Gives each status the same StatSN.",
        set_fields(STATUSES, stat_sn=0x7000),
    ),
    "reject-without-header": (
        "RFC7143-11.17.4-i01",
        "Sends Reject without the header that is refused.",
        change_data(headers.Reject, lambda _data: b""),
    ),
    "reject-with-tag": (
        "RFC7143-11.17-i01",
        "Sends Reject with an Initiator Task Tag.",
        set_fields(headers.Reject, reserved_task_tag=1),
    ),
    "reject-negotiation-reset": (
        "RFC7143-11.17.1-01",
        "Rejects with the reason 0x0b, which is not to be used.",
        set_fields(headers.Reject, reason=0x0B),
    ),
    "reject-unsaid": (
        "RFC7143-4.3-02",
        "Says nothing where a Reject is due.",
        swallow(headers.Reject),
    ),
    "tmf-unanswered": (
        "RFC7143-11.5.1-01",
        "Does not answer task management functions.",
        swallow(headers.TaskManagementResponse),
    ),
    "tmf-response-with-data": (
        "RFC7143-11.6.2-01",
        "Sends data with a task management response.",
        change_data(headers.TaskManagementResponse, lambda _data: b"data"),
    ),
    "tmf-always-complete": (
        "RFC7143-11.6.1-i03",
        "Answers Function complete to whatever.",
        set_fields(headers.TaskManagementResponse, response=0),
    ),
    "logout-response-with-data": (
        "RFC7143-11.15.2-01",
        "Sends data with a Logout Response.",
        change_data(headers.LogoutResponse, lambda _data: b"data"),
    ),
    "logout-unanswered": (
        "RFC7143-11.14-i01",
        "Closes without a Logout Response.",
        swallow(headers.LogoutResponse),
    ),
}
