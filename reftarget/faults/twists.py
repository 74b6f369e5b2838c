# SPDX-License-Identifier: GPL-2.0-only
"""The faults that change an iSCSI PDU on its way out."""

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
    word_value,
)
from reftarget.faults.row import Fault


def _is_success(header: headers.LoginResponse) -> bool:
    return header.status_class == 0


def _is_last_login(header: headers.LoginResponse) -> bool:
    return _is_success(header) and header.transit and header.nsg == 3


def _is_partial_login(header: headers.LoginResponse) -> bool:
    return _is_success(header) and not _is_last_login(header)


def _more(value: str) -> str:
    """Return 512 more than a number; Reject stays what it is."""
    return str(int(value) + 512) if value.isdigit() else value


def _is_ping_answer(header: headers.NOPIn) -> bool:
    return header.initiator_task_tag != RESERVED_TAG


def _has_residual(header: headers.SCSIResponse) -> bool:
    return header.underflow or header.overflow


TWISTS: Final = (
    Fault(
        name="login-response-changes-isid",
        breaks=("RFC7143-11.13-i01",),
        says="Returns another ISID than the request's.",
        twist=set_fields(
            headers.LoginResponse, isid=lambda h: bytes([h.isid[0] ^ 1]) + h.isid[1:]
        ),
    ),
    Fault(
        name="login-response-changes-version",
        breaks=("RFC7143-11.13.2-01", "RFC7143-11.13.1-01"),
        says="Gives another Version-active in the last response than before.",
        twist=set_fields(headers.LoginResponse, _is_last_login, version_active=1),
    ),
    Fault(
        name="login-tsih-is-zero",
        breaks=(
            "RFC7143-11.13.3-01",
            "RFC7143-6.3.1-i02",
            "RFC7143-4.4.3-i03",
            "RFC7143-6.3.2-04",
            "RFC7143-4.2.1-01",
        ),
        says="Gives a new session the TSIH 0.",
        also="a session without TSIH cannot be addressed again",
        twist=set_fields(headers.LoginResponse, _is_last_login, tsih=0),
    ),
    Fault(
        name="login-tsih-too-early",
        breaks=("RFC7143-11.13.3-02", "RFC7143-11.13.3-i01"),
        says="Gives a TSIH before the last Login Response.",
        twist=set_fields(headers.LoginResponse, _is_partial_login, tsih=0x1234),
    ),
    Fault(
        name="login-stat-sn-stands-still",
        breaks=("RFC7143-11.13.4-i01",),
        says="Repeats the StatSN in the last Login Response of several.",
        twist=set_fields(headers.LoginResponse, _is_last_login, stat_sn=1),
    ),
    Fault(
        name="login-transit-unasked",
        breaks=(
            "RFC7143-6.3-i02",
            "RFC7143-6.3-10",
            "RFC7143-6.3-13",
            "RFC7143-11.13.6-02",
            "RFC7143-6.3-05",
            # It sets T beside C, and amid CHAP, too.
            "RFC7143-11.13.7-01",
            "RFC7143-12.1-03",
        ),
        says="Sets T though the request had T=0, or must not leave its stage.",
        also="a login in progress ends too early",
        twist=set_fields(headers.LoginResponse, _is_partial_login, transit=True, nsg=3),
    ),
    Fault(
        name="login-no-portal-group-tag",
        breaks=("RFC7143-6.3.1-01", "RFC7143-11.13.8-01", "RFC7143-13.9-i01"),
        says="Leaves TargetPortalGroupTag out.",
        twist=without_keys("TargetPortalGroupTag"),
    ),
    Fault(
        name="login-alias-left-out",
        breaks=("RFC7143-13.6-01",),
        says="Does not send the TargetAlias that is configured.",
        twist=without_keys("TargetAlias"),
    ),
    Fault(
        name="text-without-nul",
        breaks=("RFC7143-6.1-01",),
        says="Ends the last key=value pair without NUL.",
        also="no text of a login can be read",
        twist=change_data(
            TEXTS,
            lambda data: data.removesuffix(b"\0"),
            lambda header: not header.continuation,
        ),
    ),
    Fault(
        name="unknown-key-unanswered",
        breaks=("RFC7143-6.2-08",),
        says="Does not answer an unknown key.",
        twist=change_text(
            lambda pairs: [p for p in pairs if p[1] != text.NOT_UNDERSTOOD]
        ),
    ),
    Fault(
        name="boolean-unanswered",
        breaks=("RFC7143-6.2.2-05", "RFC7143-6.2.2-07"),
        says="Does not answer ImmediateData and InitialR2T.",
        also="every login lacks a required answer",
        twist=without_keys("ImmediateData", "InitialR2T"),
    ),
    Fault(
        name="number-unanswered",
        breaks=("RFC7143-6.2.2-01", "RFC7143-6.2.2-03", "RFC7143-6.1-i02"),
        says="Does not answer MaxBurstLength.",
        also="an answer is missing wherever numbers are offered",
        twist=without_keys("MaxBurstLength"),
    ),
    Fault(
        name="list-answered-with-what-was-not-offered",
        breaks=("RFC7143-6.2.1-01",),
        says="Chooses a digest that was not offered.",
        also="every plain login offers digests",
        twist=change_value("HeaderDigest", lambda _value: "Y-org.example.sum"),
    ),
    Fault(
        name="max-burst-above-offer",
        breaks=("RFC7143-13.13-i01", "RFC7143-13-i03"),
        says="Answers MaxBurstLength with more than was offered.",
        also="a burst then exceeds what the initiator takes",
        twist=change_value("MaxBurstLength", _more),
    ),
    Fault(
        name="first-burst-above-offer",
        breaks=("RFC7143-13.14-i01", "RFC7143-13.14-01", "RFC7143-6.2-20"),
        says="Answers FirstBurstLength with more than was offered.",
        also="data beyond the offer meets whatever is written",
        twist=change_value("FirstBurstLength", _more),
    ),
    Fault(
        name="time2wait-below-offer",
        breaks=("RFC7143-13.15-i01",),
        says="Answers DefaultTime2Wait with less than was offered.",
        twist=change_value("DefaultTime2Wait", lambda _value: "0"),
    ),
    Fault(
        name="initial-r2t-always-no",
        breaks=("RFC7143-13.10-i01",),
        says="Answers InitialR2T=Yes with No.",
        also="a write that needs an R2T gets none",
        twist=change_value("InitialR2T", lambda _value: "No"),
    ),
    Fault(
        name="markers-not-understood",
        breaks=(
            "RFC7143-13.25-03",
            "RFC7143-6.2-10",
            "RFC7143-13.25-01",
            "RFC7143-6.2-14",
            "RFC7143-6.2-15",
            "RFC7143-11.12.10-02",
        ),
        says="Answers IFMarker and OFMarker with NotUnderstood.",
        twist=change_text(
            lambda pairs: [
                (key, text.NOT_UNDERSTOOD if key.endswith("FMarker") else value)
                for key, value in pairs
            ]
        ),
    ),
    Fault(
        name="send-targets-without-group-tag",
        breaks=("RFC7143-13.8-02",),
        says="Leaves the portal group tag out of SendTargets answers.",
        wording=word_value(
            "TargetAddress", lambda value: value.rpartition(",")[0] or value
        ),
    ),
    Fault(
        name="send-targets-with-other-keys",
        breaks=("RFC7143-C-i02",),
        says="Adds a TargetAlias to SendTargets answers.",
        twist=change_text(
            lambda pairs: (
                [*pairs, ("TargetAlias", "x")]
                if any(key == "TargetName" for key, _value in pairs)
                else pairs
            )
        ),
    ),
    Fault(
        name="text-response-changes-itt",
        breaks=("RFC7143-11.11.3-i01",),
        says="Answers a Text Request under another Initiator Task Tag.",
        also="a text exchange is recognised by its ITT",
        twist=set_fields(
            headers.TextResponse, initiator_task_tag=one_more("initiator_task_tag")
        ),
    ),
    Fault(
        name="text-final-with-tag",
        breaks=("RFC7143-11.11.1-02", "RFC7143-11.11.4-02"),
        says="Gives a final Text Response a Target Transfer Tag.",
        twist=set_fields(
            headers.TextResponse, lambda h: h.final, target_transfer_tag=7
        ),
    ),
    Fault(
        name="nop-in-without-echo",
        breaks=("RFC7143-11.19-02",),
        says="Answers a ping without its data.",
        twist=change_data(headers.NOPIn, lambda _data: b"", _is_ping_answer),
    ),
    Fault(
        name="nop-in-answer-with-tag",
        breaks=("RFC7143-11.19-03",),
        says="Answers a ping with a Target Transfer Tag.",
        twist=set_fields(headers.NOPIn, _is_ping_answer, target_transfer_tag=7),
    ),
    Fault(
        name="nop-out-unanswered",
        breaks=("RFC7143-11.18.1-03",),
        says="Does not answer a ping.",
        also="silence is proved by a ping that is answered",
        twist=swallow(headers.NOPIn, _is_ping_answer),
    ),
    Fault(
        name="scsi-response-not-final",
        breaks=("RFC7143-11.4-i01",),
        says="Sends SCSI Responses with F=0.",
        twist=set_fields(headers.SCSIResponse, final=False),
    ),
    Fault(
        name="residual-left-out",
        breaks=("RFC7143-11.4.5.2-03", "RFC7143-11.4.5.3-02", "RFC7143-11.4.5.3-03"),
        says="Does not report an underflow.",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.underflow,
            underflow=False,
            residual_count=0,
        ),
    ),
    Fault(
        name="residual-count-wrong",
        breaks=("RFC7143-11.4.5.2-04", "RFC7143-11.4.5.1-01"),
        says="Counts one byte too many in a residual.",
        also="residuals are checked wherever data is counted",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.underflow,
            residual_count=one_more("residual_count"),
        ),
    ),
    Fault(
        name="overflow-left-out",
        breaks=("RFC7143-11.4.5.2-01",),
        says="Does not report an overflow.",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            lambda h: h.overflow,
            overflow=False,
            residual_count=0,
        ),
    ),
    Fault(
        name="both-residual-bits",
        breaks=("RFC7143-11.4.1-i01",),
        says="Sets O beside U.",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn), _has_residual, overflow=True
        ),
    ),
    Fault(
        name="sense-left-out",
        breaks=(
            "RFC7143-11.4.7-02",
            "RFC7143-11.4.7-01",
            "RFC7144-5.2.2-01",
            "RFC7144-5.2.2-02",
        ),
        says="Sends CHECK CONDITION without sense data.",
        also="sense data is read wherever it counts",
        twist=change_data(headers.SCSIResponse, lambda _data: b""),
    ),
    Fault(
        name="sense-without-length",
        breaks=("RFC7143-11.4.7-i01",),
        says="Sends sense data without the SenseLength before it.",
        also="sense data cannot be read wherever it counts",
        twist=change_data(headers.SCSIResponse, lambda data: data[2:]),
    ),
    Fault(
        name="data-in-data-sn-from-one",
        breaks=("RFC7143-11.7.5-i01", "RFC7143-4.2.2.4-01"),
        says="Counts DataSN from 1.",
        twist=set_fields(headers.DataIn, data_sn=one_more("data_sn")),
    ),
    Fault(
        name="data-in-status-not-final",
        breaks=("RFC7143-11.7.3-03",),
        says="Sends status on Data-In with F=0.",
        twist=set_fields(headers.DataIn, lambda h: h.status_present, final=False),
    ),
    Fault(
        name="data-in-never-final",
        breaks=("RFC7143-11.7.1-i01", "RFC7143-11.7.1-03"),
        says="Leaves out F at the end of Data-In sequences without status.",
        twist=set_fields(headers.DataIn, lambda h: not h.status_present, final=False),
    ),
    Fault(
        name="data-in-asks-for-ack",
        breaks=("RFC7143-11.7.2-03", "RFC7143-11.7.2-01", "RFC7143-11.7.2-02"),
        says="Sets A at ErrorRecoveryLevel 0.",
        also="an acknowledgement is requested without need",
        twist=set_fields(headers.DataIn, acknowledge=True, target_transfer_tag=7),
    ),
    Fault(
        name="data-in-offset-wrong",
        breaks=("RFC7143-11.7.6-i02",),
        says="Gives all Data-In the buffer offset 0.",
        also="read data gets to the wrong offset",
        twist=set_fields(headers.DataIn, buffer_offset=0),
    ),
    Fault(
        name="exp-data-sn-wrong",
        breaks=("RFC7143-11.4.8-01",),
        says="Counts one Data-In too many in ExpDataSN.",
        twist=set_fields(headers.SCSIResponse, exp_data_sn=one_more("exp_data_sn")),
    ),
    Fault(
        name="r2t-sn-from-one",
        breaks=("RFC7143-11.8.2-i01", "RFC7143-11.8-i02"),
        says="Counts R2TSN from 1.",
        twist=set_fields(headers.R2T, r2t_sn=one_more("r2t_sn")),
    ),
    Fault(
        name="r2t-with-reserved-tag",
        breaks=("RFC7143-11.8.5-01",),
        says="Sends R2T with the Target Transfer Tag 0xffffffff.",
        also="an answer to it is unsolicited data, so writes fail",
        twist=set_fields(headers.R2T, target_transfer_tag=RESERVED_TAG),
    ),
    Fault(
        name="r2t-for-nothing",
        breaks=("RFC7143-11.8.4-01",),
        says="Asks for 0 bytes.",
        also="no write completes",
        twist=set_fields(headers.R2T, desired_data_transfer_length=0),
    ),
    Fault(
        name="r2t-with-other-lun",
        breaks=("RFC7143-4.2.5.3-02",),
        says="Sends R2T with another LUN than the command's.",
        also="the Data-Out that copies its LUN fits no task",
        twist=set_fields(headers.R2T, lun=lambda h: h.lun ^ 1 << 48),
    ),
    Fault(
        name="r2t-stat-sn-wrong",
        breaks=("RFC7143-11.8.3-i01", "RFC7143-11.16-04"),
        says="Gives R2T another StatSN than the next.",
        twist=set_fields(headers.R2T, stat_sn=one_more("stat_sn")),
    ),
    Fault(
        name="max-cmd-sn-far-below",
        breaks=("RFC7143-4.2.2.1-12",),
        says="Sends a MaxCmdSN lower than ExpCmdSN-1.",
        twist=set_fields(STATUSES, max_cmd_sn=lambda h: serial.add(h.exp_cmd_sn, -9)),
    ),
    Fault(
        name="exp-cmd-sn-late",
        breaks=("RFC7143-4.2.2.1-18", "RFC7143-11.16-03", "RFC7143-11.16-06"),
        says="Answers a command before ExpCmdSN acknowledges it.",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn), exp_cmd_sn=one_less("exp_cmd_sn")
        ),
    ),
    Fault(
        name="stat-sn-stands-still",
        breaks=("RFC7143-4.2.2.2-i01", "RFC7143-4.2.2.2-04"),
        says="Gives each status the same StatSN.",
        also="every session judges StatSN, so no exchange counts",
        twist=set_fields(STATUSES, stat_sn=0x7000),
    ),
    Fault(
        name="reject-without-header",
        breaks=("RFC7143-11.17.4-i01",),
        says="Sends Reject without the header that is refused.",
        also="each refusal is recognised by the header it returns",
        twist=change_data(headers.Reject, lambda _data: b""),
    ),
    Fault(
        name="reject-with-tag",
        breaks=("RFC7143-11.17-i01",),
        says="Sends Reject with an Initiator Task Tag.",
        twist=set_fields(headers.Reject, reserved_task_tag=1),
    ),
    Fault(
        name="reject-negotiation-reset",
        breaks=("RFC7143-11.17.1-01",),
        says="Rejects with the reason 0x0b, which is not to be used.",
        twist=set_fields(headers.Reject, reason=0x0B),
    ),
    Fault(
        name="reject-unsaid",
        breaks=(
            "RFC7143-4.3-02",
            "RFC7143-4.2.4-06",
            "RFC7143-4.3-01",
            "RFC7143-6.4-10",
            "RFC7143-7.8-02",
            "RFC7143-11.2.1.2-i01",
            "RFC7143-11.14.1-i01",
            "RFC7143-11.17.1-i01",
            "RFC7143-11.17.3-i01",
        ),
        says="Sends no Reject where one is required.",
        also="a Reject or a drop is awaited wherever a PDU is refused",
        twist=swallow(headers.Reject),
    ),
    Fault(
        name="tmf-unanswered",
        breaks=(
            "RFC7143-11.5.1-01",
            "RFC7143-4.2.2.1-04",
            "RFC7143-4.2.2.1-06",
            "RFC7144-6.3-03",
            "RFC7144-4.1-02",
        ),
        says="Does not answer task management functions.",
        also="many checks begin or end with a function",
        twist=swallow(headers.TaskManagementResponse),
    ),
    Fault(
        name="tmf-response-with-data",
        breaks=("RFC7143-11.6.2-01", "RFC7143-11.2.1.6-01"),
        says="Sends data with a task management response.",
        twist=change_data(headers.TaskManagementResponse, lambda _data: b"data"),
    ),
    Fault(
        name="tmf-always-complete",
        breaks=(
            "RFC7143-11.6.1-i03",
            "RFC7143-7.2.2-07",
            "RFC7143-7.2.2-08",
            "RFC7143-7.11-04",
            "RFC7143-11.6.1-i04",
            "RFC7143-11.5.1-18",
            "RFC7143-11.5.1-20",
            "RFC7143-11.5.1-21",
            "RFC7143-11.5.1-i02",
            "RFC7144-6.3-08",
            "RFC7144-6.3-09",
        ),
        says="Answers every function with Function complete.",
        twist=set_fields(headers.TaskManagementResponse, response=0),
    ),
    Fault(
        name="logout-response-with-data",
        breaks=("RFC7143-11.15.2-01",),
        says="Sends data with a Logout Response.",
        twist=change_data(headers.LogoutResponse, lambda _data: b"data"),
    ),
    Fault(
        name="logout-unanswered",
        breaks=(
            "RFC7143-11.14-i01",
            "RFC7143-8.1.2-i07",
            "RFC7143-8.1.2-i08",
            "RFC7143-11.14-i02",
        ),
        says="Closes without a Logout Response.",
        also="many checks end with a logout",
        twist=swallow(headers.LogoutResponse),
    ),
)
