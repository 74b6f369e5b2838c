# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Command PDUs: checked, and turned into commands (RFC 7143 section 11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import headers
from iscsi.constants import (
    BHS_LENGTH,
    RESERVED_TAG,
    AHSType,
    RejectReason,
    TaskAttribute,
)
from iscsi.numbering import Place
from reftarget import conditions
from reftarget.command import Command

if TYPE_CHECKING:
    from reftarget.connection import Connection
    from reftarget.session import Node, Session
    from reftarget.stream import Received

_LAST_ATTRIBUTE: Final = TaskAttribute.ACA


def receive(
    connection: Connection, session: Session, pdu: Received, now: float
) -> None:
    """Process a SCSI Command PDU."""
    node = session.node
    if node is None:
        # A discovery session has no unit.
        connection.reject(pdu, RejectReason.PROTOCOL_ERROR)
        return
    header = headers.SCSICommand.parse(pdu.header)
    connection.acknowledge(header.exp_stat_sn)
    existing = session.commands.get(header.initiator_task_tag)
    place = session.place_request(header)
    is_retry = existing is not None and existing.request.cmd_sn == header.cmd_sn
    if session.rules.commands.before_command(connection, header, is_retry):
        return
    if place is Place.OUTSIDE or (is_retry and not header.immediate):
        return  # the target ignores it silently, a retry included (section 4.2.2.1)
    reason = _objection(header, pdu)
    if existing is not None or header.initiator_task_tag in session.pending:
        reason = RejectReason.TASK_IN_PROGRESS
    elif header.immediate and session.is_crowded:
        reason = RejectReason.IMMEDIATE_COMMAND_REJECT
    if reason is not None:
        connection.reject(pdu, reason)
        return
    command = _instantiate(connection, session, node, header, pdu)
    if header.immediate:
        command.arrive()
    elif place is Place.AHEAD:
        command.keep_data()
        session.hold(header.cmd_sn, connection, command.arrive)
    else:
        session.window.advance()
        command.arrive()
        if session.held or session.aborts:
            session.release_held(now)


def _objection(header: headers.SCSICommand, pdu: Received) -> RejectReason | None:
    """Return why the PDU cannot be a command; None if it can."""
    if pdu.objection is not None:
        return pdu.objection
    if header.attribute > _LAST_ATTRIBUTE:
        return RejectReason.PROTOCOL_ERROR  # a reserved code (chapter 11)
    if header.initiator_task_tag == RESERVED_TAG:
        return RejectReason.INVALID_PDU_FIELD
    if header.total_ahs_length or (header.read and header.write):
        return _objection_to_ahs(header, pdu.header)
    if len(pdu.data) > header.expected_data_transfer_length and header.write:
        return RejectReason.INVALID_PDU_FIELD
    return None


def _instantiate(
    connection: Connection,
    session: Session,
    node: Node,
    header: headers.SCSICommand,
    pdu: Received,
) -> Command:
    """Create the task of a command that is not refused."""
    command = Command(connection, session, node, header)
    session.commands[command.itt] = command
    if header.total_ahs_length:
        _apply_ahs(command, pdu.header)
    length = len(pdu.data)
    if length:
        command.immediate_data = pdu.data
    if header.write or length:
        _check_unsolicited(command, header, length)
    return command


def _additional_segments(header: bytes) -> dict[int, bytes] | None:
    """Return the AHSs by type without their reserved byte; None if malformed."""
    segments: dict[int, bytes] = {}
    offset = BHS_LENGTH
    while offset < len(header):
        length = int.from_bytes(header[offset : offset + 2], "big")
        end = offset + 3 + length
        kind = header[offset + 2] & 0x3F
        if end > len(header) or length < 1 or kind in segments:
            return None
        segments[kind] = header[offset + 4 : end]
        offset = end + (-end & 3)
    return segments


def _objection_to_ahs(header: headers.SCSICommand, wire: bytes) -> RejectReason | None:
    segments = _additional_segments(wire)
    if segments is None or not segments.keys() <= set(AHSType):
        return RejectReason.INVALID_PDU_FIELD
    length = segments.get(AHSType.BIDIRECTIONAL_READ_LENGTH)
    if header.read and header.write and length is None:
        return RejectReason.INVALID_PDU_FIELD
    if length is not None and len(length) != 4:
        return RejectReason.INVALID_PDU_FIELD
    return None


def _apply_ahs(command: Command, wire: bytes) -> None:
    """Apply the additional header segments (section 11.2.2)."""
    segments = _additional_segments(wire) or {}
    rules = command.session.rules.commands
    command.cdb += rules.extended_cdb(segments.get(AHSType.EXTENDED_CDB, b""))
    length = segments.get(AHSType.BIDIRECTIONAL_READ_LENGTH)
    is_bidirectional = command.request.write and command.request.read
    if length is not None and is_bidirectional and rules.applies_read_length:
        command.read_length = int.from_bytes(length, "big")


def _check_unsolicited(
    command: Command, header: headers.SCSICommand, length: int
) -> None:
    """Check the unsolicited data, sent and announced (sections 13.10, 13.11, 13.14)."""
    parameters = command.parameters
    command.received = length
    rules = command.session.rules.transfers
    if not rules.judges_unsolicited:
        return
    is_wanted = rules.takes_immediate(parameters.immediate_data)
    if not header.write or (length and not is_wanted):
        command.failure = conditions.UNEXPECTED_UNSOLICITED_DATA
    elif command.awaits_unsolicited and parameters.initial_r2t:
        # Unsolicited Data-Out that was not negotiated does not arrive.
        command.awaits_unsolicited = False
        command.session.drain(command.itt)
        command.failure = conditions.UNEXPECTED_UNSOLICITED_DATA
    elif length > parameters.unsolicited_limit:
        command.failure = conditions.INCORRECT_AMOUNT_OF_DATA
