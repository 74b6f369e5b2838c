# SPDX-License-Identifier: GPL-2.0-only
"""SCSI commands: from the PDU to the device server and back (RFC 7143 section 11.3).

received -> (held for CmdSN) -> (dormant in the task set) -> started
    -> outcome at once, or data wanted -> data complete -> finished -> concluded

What takes long is done in steps (`Execution`), in turns with all else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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
from iscsi.scsi.status import SCSIStatus
from reftarget import conditions, transfers
from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Steps, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.connection import Connection
    from reftarget.ranges import Ranges
    from reftarget.session import Session
    from reftarget.stream import Received
    from reftarget.taskset import TaskSet
    from reftarget.transfers import Sent, Sequence

_LAST_ATTRIBUTE: Final = TaskAttribute.ACA


class Command:
    """One SCSI command from its arrival until its status is out.

    Attributes:
        connection: where it is allegiant; None while that connection is gone.
        read_length: bytes of Data-In that the initiator expects.
        write_length: bytes of Data-Out that the initiator has.
        wanted: bytes of Data-Out that the device server takes.
        presented: bytes of Data-Out that the device server would have taken.
        received: bytes of immediate data.
        reserved: bytes of the session's budget that it has taken.
        heard_at: when data for it was asked for, or came, the last time.
        missing: the part of Data-Out that is neither here nor asked for.
        awaits_unsolicited: True until the F bit of unsolicited data has come.
        unsolicited: what is due of unsolicited Data-Out, once some has come.
        sequences: R2Ts that are out, by Target Transfer Tag.
        failure: what the command comes to once the initiator has sent its data.
        data_sn: the number of the next Data-In or R2T.
        sent: Data-In and R2T PDUs that SNACK may ask for again, by DataSN.
        acknowledged_sn: the first of them that is not acknowledged.
        cid: the connection that it is, or was last, allegiant to.
        is_reassignable: True once that connection has been logged out.
        is_aborting: True while an abort waits for data that is on its way.
        steps: what is left to be done of it, while it is being executed.
    """

    __slots__ = (
        "acknowledged_sn",
        "attribute",
        "awaits_unsolicited",
        "buffer",
        "cdb",
        "cid",
        "cmd_sn",
        "connection",
        "data_sn",
        "failure",
        "finish",
        "has_arrived",
        "heard_at",
        "immediate_data",
        "is_aborting",
        "is_counted",
        "is_immediate",
        "is_over",
        "is_reassignable",
        "is_started",
        "itt",
        "lun",
        "lun_field",
        "missing",
        "outcome",
        "parameters",
        "presented",
        "priority",
        "read_length",
        "reads",
        "received",
        "reserved",
        "sent",
        "sequences",
        "session",
        "snack_tag",
        "steps",
        "task_set",
        "unsolicited",
        "wanted",
        "write_length",
        "writes",
    )

    def __init__(
        self, connection: Connection, session: Session, header: headers.SCSICommand
    ) -> None:
        self.connection: Connection | None = connection
        self.session = session
        self.parameters = connection.parameters
        self.itt = header.initiator_task_tag
        self.cmd_sn = header.cmd_sn
        self.lun_field = header.lun
        self.lun = session.rules.tasks.lun(header.lun)
        self.cdb = header.cdb
        self.attribute = header.attribute
        self.priority = header.priority
        self.is_immediate = header.immediate
        self.reads = header.read
        self.writes = header.write
        length = header.expected_data_transfer_length
        self.write_length = length if header.write else 0
        self.read_length = length if header.read else 0
        self.wanted = 0
        self.presented = 0
        self.received = 0
        self.reserved = 0
        self.heard_at = session.target.now
        self.missing: Ranges = [(0, length)] if header.write and length else []
        self.buffer: bytearray | None = None
        self.immediate_data: bytes | memoryview = b""
        self.awaits_unsolicited = header.write and not header.final
        self.unsolicited: Sequence | None = None
        self.sequences: dict[int, Sequence] = {}
        self.finish: Callable[[bytes | memoryview], Outcome | Steps] | None = None
        self.failure: Outcome | None = None
        self.outcome: Outcome | None = None
        self.data_sn = 0
        self.snack_tag = 0
        self.sent: list[Sent] = []
        self.acknowledged_sn = 0
        self.cid = connection.cid
        self.is_reassignable = False
        self.is_aborting = False
        self.task_set: TaskSet[Command] | None = None
        self.is_counted = False
        self.has_arrived = False
        self.is_started = False
        self.is_over = False
        self.steps: Steps | None = None

    def arrive(self, _now: float = 0.0) -> None:
        """Begin, or wait in the task set for those before."""
        session = self.session
        self.has_arrived = True
        if self.is_over:
            return  # aborted while it was held
        if not self.is_immediate:
            self.is_counted = True
            session.window.size -= 1
        node = session.node
        assert node is not None
        task_set = self.task_set = node.task_set(self.lun, session.nexus)
        is_next = task_set.is_empty or session.rules.tasks.begins(
            TaskAttribute(self.attribute), task_set.may_start(self)
        )
        if is_next or task_set.allegiance.nexus is not None:
            self.start()
        else:
            self.keep_data()
            task_set.enter(self)

    def start(self) -> None:
        """Hand the command to the device server."""
        self.is_started = True
        assert self.task_set is not None
        allegiance = self.task_set.allegiance
        if allegiance.nexus is not None:
            self.failure = self.failure or allegiance.refuses(self)
        if self.read_length and self.session.budget.is_short:
            self.failure = self.failure or transfers.TASK_SET_FULL
        if self.failure is not None:
            self.finish_when_data_is_in()
            return
        session = self.session
        assert session.node is not None
        result = session.node.device.start(
            Task(
                session.nexus,
                self.lun,
                self.cdb,
                TaskAttribute(self.attribute),
                self.write_length,
                session.parameters.protocol_level,
                allegiance.nexus is not None,
            ),
            session.target.now,
        )
        if isinstance(result, DataOutNeeded):
            transfers.want(self, result)
        else:
            self.execute(result, self._finish_without_data)

    def _finish_without_data(self, outcome: Outcome) -> None:
        """Conclude a command that takes no data."""
        self.failure = outcome
        self.finish_when_data_is_in()

    def execute(
        self, execution: Outcome | Steps, then: Callable[[Outcome], None]
    ) -> None:
        """Do the steps of a command that takes long; go on with what it comes to."""
        if isinstance(execution, Outcome):
            then(execution)
            return
        self.immediate_data = b""  # it has been used, or is not wanted
        self.steps = execution
        self.enter_task_set()
        self.session.target.turns.begin(Execution(self, execution, then))

    def finish_when_data_is_in(self) -> None:
        """Conclude, unless data is still on its way (RFC 7143 section 11.4.2)."""
        assert self.failure is not None
        is_coming = self.awaits_unsolicited or self.sequences
        if is_coming and self.session.rules.transfers.waits_for_data:
            self.keep_data()
            self.enter_task_set()
        else:
            self.conclude(self.failure)

    @property
    def nexus(self) -> Nexus:
        """The I_T nexus that it came from."""
        return self.session.nexus

    @property
    def owes_data(self) -> bool:
        """True while Data-Out is to come that was asked for, or announced."""
        return not self.is_over and (bool(self.sequences) or self.awaits_unsolicited)

    def enter_task_set(self) -> None:
        """Become a task that others may have to wait for."""
        if self.task_set is not None:
            self.task_set.enter(self)

    def keep_data(self) -> None:
        """Copy immediate data that must outlive this turn, if there is room for it."""
        if self.immediate_data:
            if self.reserve(len(self.immediate_data)):
                transfers.store(self, 0, self.immediate_data)
            else:
                self.failure = self.failure or transfers.TASK_SET_FULL
            self.immediate_data = b""

    def reserve(self, count: int) -> bool:
        """Have room for so much data set aside; return False if there is not enough."""
        more = max(0, count - self.reserved)
        if not self.session.budget.take(more):
            return False
        self.reserved += more
        self.heard_at = self.session.target.now
        return True

    def release(self) -> None:
        """Take the task out of every book; its window slot becomes free."""
        self.is_over = True
        session = self.session
        if session.commands.get(self.itt) is self:
            del session.commands[self.itt]
        if self.is_counted:
            self.is_counted = False
            session.window.size += 1
        if self.reserved:
            session.budget.give(self.reserved)
            self.reserved = 0
        if self.steps is not None:
            self.steps.close()
            self.steps = None
        self.buffer = None
        self.immediate_data = b""
        self.finish = None

    def conclude(self, outcome: Outcome) -> None:
        """Send data and status, and let the next ones start."""
        if self.is_over:
            return
        if outcome.status is SCSIStatus.CHECK_CONDITION:
            self.note_check_condition()
        if self.connection is None:
            self.outcome = outcome  # told when the task is reassigned
            return
        session = self.session
        if len(session.connections) > 1 and session.fence.holds(self, outcome):
            return
        self.conclude_now(outcome)

    def note_check_condition(self) -> None:
        """Establish, or end, auto contingent allegiance where that is due."""
        node, task_set = self.session.node, self.task_set
        if task_set is None or node is None or not task_set.allegiance.note(self):
            return
        for session in node.sessions():
            session.fence.watch_allegiance(self.lun)

    def conclude_now(self, outcome: Outcome) -> None:
        """Send data and status without regard to fences."""
        self.release()
        transfers.answer(self, outcome)
        task_set = self.task_set
        if task_set is not None and not task_set.is_empty:
            task_set.leave(self)

    def conclude_fenced(self, outcome: Outcome) -> Connection | None:
        """Send data and status now; return the connection that they went out on.

        A command whose connection was lost at the fence waits to be reassigned.
        """
        if self.is_over:
            return None
        if self.connection is None:
            self.outcome = outcome
            return None
        self.conclude_now(outcome)
        return self.connection

    def abandon(self) -> None:
        """End without a word to anybody."""
        if self.is_over:
            return
        self.session.rules.tasks.after_abort(self)
        self.release()
        self.sequences.clear()
        if self.task_set is not None:
            self.task_set.leave(self)


@dataclass(frozen=True, slots=True)
class Execution:
    """A command that takes long, as work of the target."""

    command: Command
    steps: Steps
    then: Callable[[Outcome], None]
    """Called with what the command comes to."""

    def step(self) -> bool:
        """Do the next step; return False if it was the last, or has to wait."""
        command = self.command
        if command.is_over:
            return False
        turns, task_set = command.session.target.turns, command.task_set
        if task_set is not None and task_set.allegiance.holds(
            command, partial(turns.add, self)
        ):
            return False
        try:
            next(self.steps)
        except StopIteration as end:
            command.steps = None
            self.then(end.value)
            return False
        return True


def receive(
    connection: Connection, session: Session, pdu: Received, now: float
) -> None:
    """Take a SCSI Command PDU."""
    header = headers.SCSICommand.parse(pdu.header)
    connection.acknowledge(header.exp_stat_sn)
    known = session.commands.get(header.initiator_task_tag)
    place = session.place_request(header)
    is_retry = known is not None and known.cmd_sn == header.cmd_sn
    if session.rules.commands.before_command(connection, header, is_retry):
        return
    if place is Place.OUTSIDE or (is_retry and not header.immediate):
        return  # silently, a retry included (section 4.2.2.1)
    reason = _objection(header, pdu)
    if known is not None or header.initiator_task_tag in session.pending:
        reason = RejectReason.TASK_IN_PROGRESS
    elif header.immediate and session.is_crowded:
        reason = RejectReason.IMMEDIATE_COMMAND_REJECT
    if reason is not None:
        connection.reject(pdu, reason)
        return
    command = _instantiate(connection, session, header, pdu)
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
    """Return why the PDU cannot be a command at all."""
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
    header: headers.SCSICommand,
    pdu: Received,
) -> Command:
    """Make a task of a command that is not to be refused."""
    command = Command(connection, session, header)
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
    """Take what the additional header segments say (section 11.2.2)."""
    segments = _additional_segments(wire) or {}
    rules = command.session.rules.commands
    command.cdb += rules.extended_cdb(segments.get(AHSType.EXTENDED_CDB, b""))
    length = segments.get(AHSType.BIDIRECTIONAL_READ_LENGTH)
    is_bidirectional = command.writes and command.reads
    if length is not None and is_bidirectional and rules.heeds_read_length:
        command.read_length = int.from_bytes(length, "big")


def _check_unsolicited(
    command: Command, header: headers.SCSICommand, length: int
) -> None:
    """Judge what came, and is to come, unasked (sections 13.10, 13.11 and 13.14)."""
    parameters = command.parameters
    command.received = length
    rules = command.session.rules.transfers
    if not rules.judges_unsolicited:
        return
    is_wanted = rules.takes_immediate(parameters.immediate_data)
    if not header.write or (length and not is_wanted):
        command.failure = conditions.UNEXPECTED_UNSOLICITED_DATA
    elif command.awaits_unsolicited and parameters.initial_r2t:
        # Data-Out that was not agreed on is not waited for.
        command.awaits_unsolicited = False
        command.session.drain(command.itt)
        command.failure = conditions.UNEXPECTED_UNSOLICITED_DATA
    elif length > parameters.unsolicited_limit:
        command.failure = conditions.INCORRECT_AMOUNT_OF_DATA
