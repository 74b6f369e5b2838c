# SPDX-License-Identifier: GPL-2.0-only
"""Describes a PDU in one line."""

from typing import Any

from initiator import proofs
from iscsi import text
from iscsi.constants import (
    RESERVED_TAG,
    AsyncEvent,
    LoginStatus,
    LogoutReason,
    LogoutResponseCode,
    RejectReason,
    SNACKType,
    Stage,
    TMFunction,
    TMResponse,
)
from iscsi.errors import DecodeError
from iscsi.pdu import PDU, LoginRequest, LoginResponse, TextRequest, TextResponse
from iscsi.printable import printable
from iscsi.scsi.status import SCSIStatus

_ENUMS: dict[tuple[str, str], Any] = {
    ("TaskManagementRequest", "function"): TMFunction,
    ("TaskManagementResponse", "response"): TMResponse,
    ("LogoutRequest", "reason"): LogoutReason,
    ("LogoutResponse", "response"): LogoutResponseCode,
    ("Reject", "reason"): RejectReason,
    ("SNACK", "type"): SNACKType,
    ("AsyncMessage", "async_event"): AsyncEvent,
    ("SCSIResponse", "status"): SCSIStatus,
    ("DataIn", "status"): SCSIStatus,
}

_FLAGS = {
    "immediate": "I",
    "final": "F",
    "transit": "T",
    "continuation": "C",
    "read": "R",
    "write": "W",
    "acknowledge": "A",
    "status_present": "S",
    "overflow": "O",
    "underflow": "U",
    "bidirectional_overflow": "o",
    "bidirectional_underflow": "u",
}

_NUMBERS = {
    "lun": "LUN",
    "initiator_task_tag": "ITT",
    "target_transfer_tag": "TTT",
    "referenced_task_tag": "RTT",
    "tsih": "TSIH",
    "cid": "CID",
    "cmd_sn": "CmdSN",
    "ref_cmd_sn": "RefCmdSN",
    "stat_sn": "StatSN",
    "exp_stat_sn": "ExpStatSN",
    "exp_cmd_sn": "ExpCmdSN",
    "max_cmd_sn": "MaxCmdSN",
    "data_sn": "DataSN",
    "r2t_sn": "R2TSN",
    "exp_data_sn": "ExpDataSN",
    "expected_data_transfer_length": "EDTL",
    "buffer_offset": "Offset",
    "desired_data_transfer_length": "Desired",
    "residual_count": "Residual",
    "beg_run": "BegRun",
    "run_length": "RunLength",
    "time2wait": "Time2Wait",
    "time2retain": "Time2Retain",
    "parameter1": "Parameter1",
    "parameter2": "Parameter2",
    "parameter3": "Parameter3",
}

# Fields that carry no information when they are zero.
_QUIET = {"lun", "residual_count", "exp_data_sn", "ref_cmd_sn", "buffer_offset"}
_TAGS = {"initiator_task_tag", "target_transfer_tag", "referenced_task_tag"}


def describe(pdu: PDU) -> str:
    """Return the PDU's name, flags, numbers and a description of its data."""
    names = {field.name for field in pdu.fields_desc}
    parts = [type(pdu).__name__]
    flags = "".join(
        letter
        for field, letter in _FLAGS.items()
        if field in names and getattr(pdu, field)
    )
    if flags:
        parts.append(flags)
    parts += _codes(pdu, names)
    parts += [
        f"{label}={_number(field, getattr(pdu, field))}"
        for field, label in _NUMBERS.items()
        if field in names and (getattr(pdu, field) or field not in _QUIET)
    ]
    if "cdb" in names:
        parts.append(f"CDB={bytes(pdu.cdb).hex(' ')}")
    if pdu.ahs:
        parts.append(f"AHS={b''.join(bytes(ahs) for ahs in pdu.ahs).hex(' ')}")
    parts += _data(pdu)
    return " ".join(parts)


def outline(pdu: PDU) -> str:
    """Return the PDU's name and its codes, without numbers and data."""
    names = {field.name for field in pdu.fields_desc}
    return " ".join([type(pdu).__name__, *_codes(pdu, names)])


def _codes(pdu: PDU, names: set[str]) -> list[str]:
    codes: list[str] = []
    if isinstance(pdu, LoginRequest | LoginResponse):
        codes.append(f"{_name(Stage, pdu.csg)}>{_name(Stage, pdu.nsg)}")
    if isinstance(pdu, LoginResponse):
        codes.append(f"status={pdu.status:#06x} {_name(LoginStatus, pdu.status)}")
    for (cls, field), enum in _ENUMS.items():
        if type(pdu).__name__ != cls:
            continue
        if cls == "DataIn" and not pdu.status_present:
            continue
        value = getattr(pdu, field)
        codes.append(f"{field}={value:#x} {_name(enum, value)}")
    if "response" in names and type(pdu).__name__ == "SCSIResponse":
        codes.append(f"response={pdu.response:#x}")
    return codes


def _name(enum: Any, value: int) -> str:
    try:
        return str(enum(value).name)
    except ValueError:
        return "?"


def _number(field: str, value: int) -> str:
    if field in _TAGS:
        return "ffffffff" if value == RESERVED_TAG else f"{value:#x}"
    if field == "lun":
        return f"{value:016x}"
    return str(value)


def _data(pdu: PDU) -> list[str]:
    data = bytes(pdu.data or b"")
    if not data:
        return []
    if isinstance(pdu, LoginRequest | LoginResponse | TextRequest | TextResponse):
        try:
            pairs = text.decode(data)
        except DecodeError:
            return [f"data[{len(data)}]={proofs.without_proofs(data)[:48]!r}"]
        listed = ", ".join(f"{key}={proofs.shown(key, value)}" for key, value in pairs)
        return ["{" + printable(listed) + "}"]
    octets = data[:24].hex(" ") + (" ..." if len(data) > 24 else "")
    return [f"data[{len(data)}]={octets}"]
