# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Data-Out PDUs: checked and stored (RFC 7143 section 11.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import headers
from iscsi.constants import RESERVED_TAG, RejectReason
from reftarget import conditions, ranges
from reftarget.transfers import Sequence, proceed

if TYPE_CHECKING:
    from reftarget.command import Command
    from reftarget.connection import Connection
    from reftarget.session import Session
    from reftarget.stream import Received

_RECOVERY_R2TS: Final = 1024
"""The maximum number of R2Ts that request lost data of one command again; then it
fails."""


def receive(
    connection: Connection, session: Session, pdu: Received, now: float
) -> None:
    """Process a SCSI Data-Out PDU."""
    header = headers.DataOut.parse(pdu.header)
    connection.acknowledge(header.exp_stat_sn)
    command = session.commands.get(header.initiator_task_tag)
    if command is not None:
        command.data_expected_at = now
    if command is None or command.connection is not connection:
        if not session.is_draining(header.initiator_task_tag):
            connection.reject(pdu, RejectReason.INVALID_PDU_FIELD)
        return
    if header.target_transfer_tag == RESERVED_TAG:
        _receive_unsolicited(command, header, pdu)
    else:
        _receive_solicited(command, header, pdu)


def _receive_solicited(
    command: Command, header: headers.DataOut, pdu: Received
) -> None:
    sequence = command.sequences.get(header.target_transfer_tag)
    rules = command.session.rules.transfers
    is_foreign = header.lun != command.request.lun
    if sequence is None or (is_foreign and rules.checks_lun):
        _refuse(command, pdu, RejectReason.INVALID_PDU_FIELD)
        return
    _take_data(command, sequence, header, pdu)
    if not header.final:
        return
    del command.sequences[header.target_transfer_tag]
    if sequence.missing:
        _incomplete(command, sequence)
    elif sequence.is_damaged:
        # Data of a later PDU fills the place of a lost one, so no R2T can request it
        # again.
        command.failure = command.failure or conditions.PROTOCOL_SERVICE_CRC_ERROR
    proceed(command)


def _receive_unsolicited(
    command: Command, header: headers.DataOut, pdu: Received
) -> None:
    if not command.awaits_unsolicited:
        command.failure = command.failure or conditions.UNEXPECTED_UNSOLICITED_DATA
        proceed(command)
        return
    sequence = command.unsolicited
    if sequence is None:
        parameters = command.parameters
        end = min(parameters.unsolicited_limit, command.write_length)
        sequence = command.unsolicited = Sequence([(command.received, end)])
    if pdu.objection is None and _is_beyond(sequence, header, len(pdu.data)):
        command.failure = command.failure or conditions.INCORRECT_AMOUNT_OF_DATA
    else:
        _take_data(command, sequence, header, pdu)
    if header.final:
        command.awaits_unsolicited = False
        if sequence.is_damaged and not _asks_again(command):
            command.failure = command.failure or conditions.PROTOCOL_SERVICE_CRC_ERROR
        proceed(command)


def _is_beyond(sequence: Sequence, header: headers.DataOut, length: int) -> bool:
    """Tell whether unsolicited data exceeds FirstBurstLength (section 13.14)."""
    end = sequence.missing[-1][1] if sequence.missing else 0
    return header.buffer_offset + length > end


def _take_data(
    command: Command, sequence: Sequence, header: headers.DataOut, pdu: Received
) -> None:
    """Store a PDU's data, or record that it is lost."""
    rules = command.session.rules.transfers
    if not (pdu.data or rules.takes_empty):
        _refuse(command, pdu, RejectReason.INVALID_PDU_FIELD)
        return
    if pdu.objection is not None:
        _refuse(command, pdu, pdu.objection)
        if not rules.waits_after_crc_error:
            command.conclude(conditions.PROTOCOL_SERVICE_CRC_ERROR)
            return
        sequence.is_damaged = True
        sequence.data_sn += 1
        return
    is_right = header.data_sn == sequence.data_sn
    if rules.checks_data_sn and not is_right:
        # Data out of order counts as a digest error (section 7.9).
        sequence.is_damaged = True
        if header.data_sn < sequence.data_sn:
            return
    sequence.data_sn = header.data_sn + 1
    start = header.buffer_offset
    end = start + len(pdu.data)
    in_order = command.parameters.data_pdu_in_order and not sequence.is_damaged
    expected = sequence.missing[0][0] if sequence.missing else start
    if start != expected and not rules.checks_offset:
        ranges.take(sequence.missing, expected, expected + len(pdu.data))
        command.store(expected, bytes(len(pdu.data)))
        return
    is_outstanding = ranges.take(sequence.missing, start, end)
    if not (is_outstanding or rules.refuses_excess):
        sequence.missing.clear()
        is_outstanding = True
    if (in_order and start != expected) or not is_outstanding:
        _refuse(command, pdu, RejectReason.INVALID_PDU_FIELD)
        return
    if command.failure is None and command.steps is None:
        command.store(start, pdu.data)


def _refuse(command: Command, pdu: Received, reason: RejectReason) -> None:
    if command.connection is not None:
        command.connection.reject(pdu, reason)


def _asks_again(command: Command) -> bool:
    """Tell whether lost data is requested again instead of ending its task (7.8)."""
    rules = command.session.rules.transfers
    return bool(command.parameters.error_recovery_level and rules.asks_again)


def _incomplete(command: Command, sequence: Sequence) -> None:
    """Handle a sequence whose F bit came before all of its data."""
    parameters = command.parameters
    enough = command.wanted // parameters.max_burst_length + _RECOVERY_R2TS
    may_ask = _asks_again(command) and command.data_sn < enough
    if sequence.is_damaged and may_ask:
        ranges.give_back(command.missing, sequence.missing)  # a recovery R2T follows
    elif sequence.is_damaged:
        command.failure = command.failure or conditions.PROTOCOL_SERVICE_CRC_ERROR
    else:
        command.failure = command.failure or conditions.INCORRECT_AMOUNT_OF_DATA
