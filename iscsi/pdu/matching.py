# SPDX-License-Identifier: GPL-2.0-only
"""Matches answers to requests, and describes PDUs in a line, for Scapy's functions.

Scapy's `sr` and `sr1` match by `Packet.answers()`; `summary()` prints a line. A session
checks more than this (`initiator.session`).
"""

from collections.abc import Mapping
from typing import Any

from scapy.packet import Packet

from iscsi.constants import BHS_LENGTH, RESERVED_TAG, Opcode
from iscsi.printable import printable

_BY_TASK_TAG: Mapping[Opcode, frozenset[Opcode]] = {
    Opcode.NOP_IN: frozenset({Opcode.NOP_OUT}),
    Opcode.SCSI_RESPONSE: frozenset({Opcode.SCSI_COMMAND}),
    Opcode.DATA_IN: frozenset({Opcode.SCSI_COMMAND}),
    Opcode.R2T: frozenset({Opcode.SCSI_COMMAND}),
    Opcode.TASK_MANAGEMENT_RESPONSE: frozenset({Opcode.TASK_MANAGEMENT_REQUEST}),
    Opcode.LOGIN_RESPONSE: frozenset({Opcode.LOGIN_REQUEST}),
    Opcode.TEXT_RESPONSE: frozenset({Opcode.TEXT_REQUEST}),
    Opcode.LOGOUT_RESPONSE: frozenset({Opcode.LOGOUT_REQUEST}),
}
"""The answers of each request, matched by Initiator Task Tag (RFC 7143 section
11.2.1.8)."""

_BY_TRANSFER_TAG: Mapping[Opcode, frozenset[Opcode]] = {
    Opcode.DATA_OUT: frozenset({Opcode.R2T}),
    Opcode.NOP_OUT: frozenset({Opcode.NOP_IN}),
}
"""The answers of each request, matched by Target Transfer Tag (sections 11.7.4 and
11.18.2)."""

_SHOWN = {
    "lun": "LUN={:#x}",
    "initiator_task_tag": "ITT={:#x}",
    "target_transfer_tag": "TTT={:#x}",
    "cmd_sn": "CmdSN={}",
    "stat_sn": "StatSN={}",
    "status": "status={:#x}",
    "response": "response={:#x}",
    "reason": "reason={:#x}",
    "async_event": "event={}",
}


def answers(answer: Packet, request: Packet) -> bool:
    """Tell whether a PDU answers another, by their opcodes and tags.

    A Reject answers the PDU whose header it returns (RFC 7143 section 11.17.4).
    """
    answer_opcode, request_opcode = (
        getattr(one, "opcode_of_class", None) for one in (answer, request)
    )
    if answer_opcode is None or request_opcode is None:
        return False
    if answer_opcode is Opcode.REJECT:
        returned = bytes(answer.data or b"")[:BHS_LENGTH]
        return len(returned) == BHS_LENGTH and bytes(request)[:BHS_LENGTH] == returned
    if request_opcode in _BY_TASK_TAG.get(answer_opcode, ()):
        return _share(answer, request, "initiator_task_tag")
    if request_opcode in _BY_TRANSFER_TAG.get(answer_opcode, ()):
        return _share(answer, request, "target_transfer_tag")
    return False


def _share(answer: Packet, request: Packet, field: str) -> bool:
    tag = getattr(answer, field)
    return bool(tag != RESERVED_TAG and tag == getattr(request, field))


def summary(pdu: Packet) -> str:
    """Return a PDU's name, tags and numbers in a line, and the length of its data."""
    names = {field.name for field in pdu.fields_desc}
    parts = [type(pdu).__name__]
    parts += [
        form.format(getattr(pdu, name))
        for name, form in _SHOWN.items()
        if name in names and _has_value(pdu, name)
    ]
    if "cdb" in names:
        parts.append(f"CDB={bytes(pdu.cdb).hex(' ')}")
    if pdu.data:
        parts.append(f"data[{len(bytes(pdu.data))}]")
    return printable(" ".join(parts))


def _has_value(pdu: Packet, name: str) -> bool:
    value: Any = getattr(pdu, name)
    return isinstance(value, int) and not (
        (name == "lun" and not value) or value == RESERVED_TAG
    )
