# SPDX-License-Identifier: GPL-2.0-only
"""Data of commands, both ways (RFC 7143 sections 4.2.5.2, 11.7 and 11.8).

Out: immediate data, unsolicited Data-Out, then R2Ts for what is missing. In: Data-In
cut by the initiator's MaxRecvDataSegmentLength into sequences of MaxBurstLength, the
status in the last one where it may ride there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from iscsi import headers
from iscsi.constants import RESERVED_TAG, RejectReason
from iscsi.scsi.status import SCSIStatus
from reftarget import conditions, ranges
from reftarget.scsi.task import Outcome

if TYPE_CHECKING:
    from iscsi.digest import Buffer
    from reftarget.commands import Command
    from reftarget.connection import Connection
    from reftarget.ranges import Ranges
    from reftarget.scsi.task import DataOutNeeded
    from reftarget.session import Session
    from reftarget.stream import Received

TASK_SET_FULL: Final = Outcome(SCSIStatus.TASK_SET_FULL)
_RECOVERY_R2TS: Final = 1024
"""R2Ts that ask for lost data of one command once more; beyond, it fails."""
_RIDING: Final = frozenset({SCSIStatus.GOOD, SCSIStatus.CONDITION_MET})
"""Status that Data-In may carry (section 11.7.3)."""


@dataclass(slots=True)
class Sequence:
    """Data-Out that answers one R2T."""

    missing: Ranges
    data_sn: int = 0
    is_damaged: bool = False
    """A PDU of it was lost or spoilt."""


@dataclass(slots=True)
class Sent:
    """A Data-In or R2T that may be asked for again."""

    header: headers.DataIn | headers.R2T
    length: int = 0


def want(command: Command, needed: DataOutNeeded) -> None:
    """Get the data that the device server asks for."""
    command.presented = needed.length
    command.finish = needed.finish
    wanted = command.wanted = min(needed.length, command.write_length)
    data = command.immediate_data
    if not command.awaits_unsolicited:
        if len(data) >= wanted and command.buffer is None:
            command.immediate_data = b""
            _finish(command, data[:wanted])
            return
        if command.writes and command.received >= wanted and not data:
            _finish(command, memoryview(command.buffer or b"")[:wanted])
            return
    if not command.reserve(wanted):
        command.failure = TASK_SET_FULL
        command.finish_when_data_is_in()
        return
    command.keep_data()
    command.missing = command.session.rules.transfers.asked_for(command.missing, wanted)
    ranges.clip(command.missing, wanted)
    command.enter_task_set()
    proceed(command)


def _finish(command: Command, data: Buffer) -> None:
    task_set = command.task_set
    if task_set is not None and task_set.allegiance.holds(
        command, partial(_finish, command, data)
    ):
        command.enter_task_set()
        return
    finish = command.finish
    assert finish is not None
    execution = finish(data if isinstance(data, bytes) else memoryview(data))
    command.execute(execution, command.conclude)


def store(command: Command, offset: int, data: Buffer) -> None:
    """Keep Data-Out until it is all there."""
    buffer = command.buffer
    if buffer is None:
        buffer = command.buffer = bytearray()
    end = offset + len(data)
    if len(buffer) < end:
        # It grows with what arrives, not with what was announced.
        room = min(2 * end, max(end, command.wanted))
        buffer.extend(bytes(room - len(buffer)))
    # By way of a view: a bytearray would copy what it is given once more.
    memoryview(buffer)[offset:end] = data
    ranges.take(command.missing, offset, end)


def proceed(command: Command) -> None:
    """Ask for what is missing, or finish once nothing is."""
    if command.is_aborting and not command.owes_data:
        command.session.check_aborts()
    is_waiting = command.awaits_unsolicited or not command.is_started
    if command.is_aborting or is_waiting or command.steps is not None:
        return
    if command.failure is not None:
        is_crc = command.failure is conditions.PROTOCOL_SERVICE_CRC_ERROR
        if command.session.rules.transfers.concludes(is_crc):
            command.finish_when_data_is_in()
        return
    if not command.missing and not command.sequences:
        buffer = command.buffer
        _finish(command, memoryview(buffer or b"")[: command.wanted])
        return
    connection = command.connection
    if connection is None:
        return  # it goes on when it is reassigned
    parameters = connection.parameters
    rules = command.session.rules.transfers
    most = rules.outstanding(parameters.max_outstanding_r2t)
    while command.missing and len(command.sequences) < most:
        start, end = rules.burst(*command.missing[0], parameters.max_burst_length)
        ranges.take(command.missing, start, end)
        _send_r2t(command, connection, start, end)


def _send_r2t(command: Command, connection: Connection, start: int, end: int) -> None:
    tag = command.session.next_transfer_tag()
    command.sequences[tag] = Sequence([(start, end)])
    r2t = headers.R2T(
        lun=command.lun_field,
        initiator_task_tag=command.itt,
        target_transfer_tag=tag,
        r2t_sn=command.data_sn,
        buffer_offset=start,
        desired_data_transfer_length=end - start,
    )
    command.data_sn += 1
    connection.number(r2t, advance=False)
    recovery = command.session.recovery
    if recovery.is_keeping:
        recovery.keep_sent(command, r2t)
    connection.send(r2t)


def receive(
    connection: Connection, session: Session, pdu: Received, now: float
) -> None:
    """Take a SCSI Data-Out PDU."""
    header = headers.DataOut.parse(pdu.header)
    connection.acknowledge(header.exp_stat_sn)
    command = session.commands.get(header.initiator_task_tag)
    if command is not None:
        command.heard_at = now
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
    if sequence is None or (
        header.lun != command.lun_field and command.session.rules.transfers.checks_lun
    ):
        _refuse(command, pdu, RejectReason.INVALID_PDU_FIELD)
        return
    _take_data(command, sequence, header, pdu)
    if not header.final:
        return
    del command.sequences[header.target_transfer_tag]
    if sequence.missing:
        _incomplete(command, sequence)
    elif sequence.is_damaged:
        # A PDU is lost whose place is taken: nothing is left to be asked for.
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
        if sequence.is_damaged and not command.parameters.error_recovery_level:
            command.failure = command.failure or conditions.PROTOCOL_SERVICE_CRC_ERROR
        proceed(command)


def _is_beyond(sequence: Sequence, header: headers.DataOut, length: int) -> bool:
    """Tell whether unsolicited data exceeds FirstBurstLength (section 13.14)."""
    end = sequence.missing[-1][1] if sequence.missing else 0
    return header.buffer_offset + length > end


def _take_data(
    command: Command, sequence: Sequence, header: headers.DataOut, pdu: Received
) -> None:
    """Store a PDU's data, or note that it is lost."""
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
        # Out of order: an implied digest error (section 7.9).
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
        store(command, expected, bytes(len(pdu.data)))
        return
    is_due = ranges.take(sequence.missing, start, end)
    if not (is_due or rules.refuses_excess):
        sequence.missing.clear()
        is_due = True
    if (in_order and start != expected) or not is_due:
        _refuse(command, pdu, RejectReason.INVALID_PDU_FIELD)
        return
    if command.failure is None and command.steps is None:
        store(command, start, pdu.data)


def _refuse(command: Command, pdu: Received, reason: RejectReason) -> None:
    if command.connection is not None:
        command.connection.reject(pdu, reason)


def _incomplete(command: Command, sequence: Sequence) -> None:
    """Deal with a sequence whose F bit came before all of its data."""
    parameters = command.parameters
    enough = command.wanted // parameters.max_burst_length + _RECOVERY_R2TS
    may_ask = parameters.error_recovery_level and command.data_sn < enough
    if sequence.is_damaged and may_ask:
        ranges.give_back(command.missing, sequence.missing)  # a recovery R2T follows
    elif sequence.is_damaged:
        command.failure = command.failure or conditions.PROTOCOL_SERVICE_CRC_ERROR
    else:
        command.failure = command.failure or conditions.INCORRECT_AMOUNT_OF_DATA


def answer(command: Command, outcome: Outcome) -> None:
    """Send a command's data and its status."""
    session, rules = command.session, command.session.rules.transfers
    connection = rules.answering(command.connection, session.connections.values())
    assert connection is not None
    recovery = command.session.recovery
    data = _joined(outcome.data_in)
    length = min(len(data), command.read_length)
    rides = (
        length > 0
        and outcome.status in _RIDING
        and not outcome.sense
        and rules.may_ride(command.writes)
    )
    if command.writes:
        command.data_sn = rules.first_data_sn(command.data_sn)
    overflow, underflow, residual = _residual(command, len(data))
    if length:
        last = send_data(command, connection, data, length, rides=rides)
        if rides:
            last.status_present = True
            last.status = outcome.status
            last.overflow, last.underflow = overflow, underflow
            last.residual_count = residual
            rest = memoryview(data)[last.buffer_offset : length]
            connection.respond(last, rest)
            if recovery.is_keeping:
                recovery.keep_sent(command, last, len(rest))
                recovery.keep_answer(command, data, last, rest)
            return
    response = headers.SCSIResponse(
        initiator_task_tag=command.itt,
        status=outcome.status,
        overflow=overflow,
        underflow=underflow,
        residual_count=residual,
        snack_tag=command.snack_tag,
        exp_data_sn=rules.exp_data_sn(command.data_sn) if command.reads else 0,
    )
    if command.reads and command.writes and rules.shows_read_residual:
        _set_bidirectional_residual(response, command, len(data))
    sense = outcome.sense
    status_data = len(sense).to_bytes(2, "big") + sense if sense else b""
    connection.respond(response, status_data)
    if recovery.is_keeping:
        recovery.keep_answer(command, data, response, status_data)


def _joined(data: object) -> Buffer:
    if isinstance(data, (bytes, memoryview, bytearray)):
        return data
    return b"".join(data)  # type: ignore[arg-type]


def _residual(command: Command, data_in: int) -> tuple[bool, bool, int]:
    """Return O, U and the count (section 11.4.5); of a bidirectional one, the write's.

    Data that the command has no direction for counts as presented, too.
    """
    if command.writes:
        presented, expected = command.presented, command.write_length
    else:
        presented, expected = data_in, command.read_length
    difference = presented - expected
    return difference > 0, difference < 0, abs(difference)


def _set_bidirectional_residual(
    response: headers.SCSIResponse, command: Command, data_in: int
) -> None:
    difference = data_in - command.read_length
    response.bidirectional_overflow = difference > 0
    response.bidirectional_underflow = difference < 0
    response.bidirectional_read_residual_count = abs(difference)


def send_data(
    command: Command,
    connection: Connection,
    data: Buffer,
    length: int,
    *,
    start: int = 0,
    rides: bool = False,
) -> headers.DataIn:
    """Send Data-In PDUs, but for the last one if the status rides on it."""
    parameters = connection.parameters
    segment = connection.rules.transfers.segment(
        parameters.initiator_max_recv_data_segment_length
    )
    burst = parameters.max_burst_length
    view = memoryview(data)
    recovery = command.session.recovery
    offset = start
    while True:
        end = min(offset + segment, length, offset - offset % burst + burst)
        ends_sequence = end == length or end % burst == 0
        header = headers.DataIn(
            final=ends_sequence,
            initiator_task_tag=command.itt,
            data_sn=command.data_sn,
            buffer_offset=offset,
        )
        command.data_sn += 1
        if end == length and rides:
            return header
        if recovery.is_keeping and end % burst == 0:
            header.acknowledge = True
            header.lun = command.lun_field
            header.target_transfer_tag = command.session.next_transfer_tag()
        connection.number(header, advance=False)
        header.stat_sn = 0
        if recovery.is_keeping:
            recovery.keep_sent(command, header, end - offset)
        connection.send(header, view[offset:end])
        if end == length:
            return header
        offset = end
