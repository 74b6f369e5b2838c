# SPDX-License-Identifier: GPL-2.0-only
"""Data of commands to the initiator, and status (RFC 7143 sections 11.4 and 11.7).

Data-In is cut by the initiator's MaxRecvDataSegmentLength into sequences of
MaxBurstLength, with the status in the last one if it may be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from iscsi import headers
from iscsi.scsi.status import SCSIStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from iscsi.digest import Buffer
    from reftarget.connection import Connection
    from reftarget.scsi.task import Outcome
    from reftarget.transfers import Transfer

AT_ONCE: Final = 2048
"""Data-In PDUs of one command that are sent in one turn, and kept for SNACK."""
STEP: Final = 256
"""Data-In PDUs of a command with more of them that are sent in one step."""
_SHORT: Final = AT_ONCE * 512
"""Bytes that never take more PDUs: each carries 512, the least that may be negotiated
(sections 13.12 and 13.13)."""
_RIDING: Final = frozenset({SCSIStatus.GOOD, SCSIStatus.CONDITION_MET})
"""Status that Data-In may carry (section 11.7.3)."""


def answer(command: Transfer, connection: Connection, outcome: Outcome) -> None:
    """Send a command's data and its status, in steps if there is much data.

    Args:
        command: whose data it is.
        connection: where the command is allegiant.
        outcome: data and status.
    """
    session = command.session
    rules = session.rules.transfers
    connection = rules.answering(connection, session.connections.values())
    data = joined(outcome.data_in)
    presented = length = len(data)
    if presented > command.read_length:
        # A copy, because a view of a few bytes would keep all of the data alive.
        data = bytes(memoryview(data)[: command.read_length])
        length = len(data)
    if command.request.write:
        command.data_sn = rules.first_data_sn(command.data_sn)
    if length > _SHORT and is_long(connection, length):
        command.is_kept = False
        finish = partial(_respond, command, connection, outcome, data, presented)
        connection.later(Sending(command, connection, data, finish))
    else:
        _respond(command, connection, outcome, data, presented)


def _respond(
    command: Transfer,
    connection: Connection,
    outcome: Outcome,
    data: Buffer,
    presented: int,
    start: int = 0,
) -> None:
    """Send data from an offset on, and status.

    Args:
        command: whose data it is.
        connection: where to.
        outcome: the status.
        data: all of the data that the initiator has room for.
        presented: bytes of data that there would have been.
        start: the offset of the first byte that is still to be sent.
    """
    session, request = command.session, command.request
    rules, recovery = session.rules.transfers, session.recovery
    keeps = recovery.is_keeping and command.is_kept
    overflow, underflow, residual = _residual(command, presented)
    sense = outcome.sense
    if data:
        rides = (
            outcome.status in _RIDING and not sense and rules.may_ride(request.write)
        )
        last = send_data(command, connection, data, start=start, rides=rides)
        if rides:
            last.status_present = True
            last.status = outcome.status
            last.overflow, last.underflow = overflow, underflow
            last.residual_count = residual
            offset = last.buffer_offset
            remainder: Buffer = memoryview(data)[offset:] if offset else data
            if recovery.is_keeping and not keeps:
                # Recovery keeps the status but not the rest of the data.
                remainder = bytes(remainder)
            connection.respond(last, remainder)
            if keeps:
                recovery.keep_sent(command, last, len(remainder))
                command.keep_answer(connection, data, last, remainder)
            return
    response = headers.SCSIResponse(
        initiator_task_tag=command.itt,
        status=outcome.status,
        overflow=overflow,
        underflow=underflow,
        residual_count=residual,
        snack_tag=command.snack_tag,
        exp_data_sn=rules.exp_data_sn(command.data_sn) if request.read else 0,
    )
    if request.read and request.write and rules.shows_read_residual:
        _set_bidirectional_residual(response, command, presented)
    status_data = len(sense).to_bytes(2, "big") + sense if sense else b""
    connection.respond(response, status_data)
    if keeps:
        command.keep_answer(connection, data, response, status_data)


def joined(data: Buffer | Iterable[Buffer]) -> Buffer:
    """Return data in one piece."""
    if isinstance(data, (bytes, memoryview, bytearray)):
        return data
    return b"".join(data)


def _residual(command: Transfer, data_in: int) -> tuple[bool, bool, int]:
    """Return O, U and the count (section 11.4.5); of a bidirectional one, the write's.

    Data that the command has no direction for counts as presented, too.
    """
    if command.request.write:
        presented, expected = command.presented, command.write_length
    else:
        presented, expected = data_in, command.read_length
    difference = presented - expected
    return difference > 0, difference < 0, abs(difference)


def _set_bidirectional_residual(
    response: headers.SCSIResponse, command: Transfer, data_in: int
) -> None:
    difference = data_in - command.read_length
    response.bidirectional_overflow = difference > 0
    response.bidirectional_underflow = difference < 0
    response.bidirectional_read_residual_count = abs(difference)


def _usual_length(connection: Connection) -> int:
    """Return how many bytes most Data-In PDUs carry."""
    parameters = connection.parameters
    segment = connection.rules.transfers.segment(
        parameters.initiator_max_recv_data_segment_length
    )
    return min(segment, parameters.max_burst_length)


def is_long(connection: Connection, length: int) -> bool:
    """Tell whether data takes so many Data-In PDUs that they are sent in steps.

    They are not kept, either: what is sent again is sent in one turn.
    """
    return length > _SHORT and length > AT_ONCE * _usual_length(connection)


@dataclass(slots=True)
class Sending:
    """Data-In of one command that is too much for one turn, as work of a connection."""

    command: Transfer
    connection: Connection
    data: Buffer
    finish: Callable[[int], None]
    """Called with the offset of the last part: sends it, and the status."""
    offset: int = 0

    def step(self) -> bool:
        """Send a part; return False if it was the last."""
        size = STEP * _usual_length(self.connection)
        stop = self.offset + size
        if len(self.data) - self.offset <= 2 * size:
            self.finish(self.offset)
            return False
        send_data(
            self.command, self.connection, self.data, start=self.offset, stop=stop
        )
        self.offset = stop
        return True


def send_data(
    command: Transfer,
    connection: Connection,
    data: Buffer,
    *,
    start: int = 0,
    stop: int | None = None,
    rides: bool = False,
) -> headers.DataIn:
    """Send Data-In PDUs, but for the last one if the status rides on it.

    Args:
        command: the one whose data it is.
        connection: where to.
        data: all of its data.
        start: the offset of the first byte to be sent.
        stop: that behind the last one, where others follow later.
        rides: whether the status rides on the last PDU.
    """
    parameters = connection.parameters
    segment = connection.rules.transfers.segment(
        parameters.initiator_max_recv_data_segment_length
    )
    burst = parameters.max_burst_length
    length = len(data)
    if stop is None:
        stop = length
    recovery = command.session.recovery
    keeps = recovery.is_keeping and command.is_kept
    offset = start
    while True:
        end = min(offset + segment, stop, offset - offset % burst + burst)
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
        if keeps and end % burst == 0:
            header.acknowledge = True
            header.lun = command.request.lun
            header.target_transfer_tag = command.session.next_transfer_tag()
        connection.number(header, advance=False)
        header.stat_sn = 0
        if keeps:
            recovery.keep_sent(command, header, end - offset)
        connection.send(header, memoryview(data)[offset:end])
        if end == stop:
            return header
        offset = end
