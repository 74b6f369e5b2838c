# SPDX-License-Identifier: GPL-2.0-only
"""Error recovery: SNACK and connection allegiance (RFC 7143 chapter 7, section 11.16).

From ErrorRecoveryLevel 1 on a session keeps what it has sent until the initiator has
acknowledged it: Data-In and R2T with their command, status by StatSN. A command whose
connection is gone is an orphan: level 2 may reassign it once the connection has been
logged out; else, and after the time for that, it ends (section 11.14.5).
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from iscsi import headers, serial
from iscsi.constants import RejectReason
from iscsi.scsi.sense import AdditionalSense
from reftarget import data_in, ranges, transfers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iscsi.digest import Buffer
    from iscsi.parameters import Parameters
    from reftarget.budget import Budget
    from reftarget.command import Command, Node
    from reftarget.connection import Connection
    from reftarget.rules import Rules
    from reftarget.scsi.task import Nexus
    from reftarget.transfers import Transfer

REASSIGNING_LEVEL: Final = 2
KEPT_STATUS: Final = 1024
"""Responses of one connection that are kept; older ones cannot be had again."""
_KEPT_ECHO: Final = 8192
"""Bytes of ping data that are kept; a longer echo cannot be had again."""
KEPT_BYTES: Final = 32 << 20
"""Bytes that a session keeps; beyond, the oldest response is dropped."""
OVERHEAD: Final = 512
"""Bytes that a PDU counts for besides its data: what its header takes here."""


@dataclass(slots=True)
class Kept:
    """A response that may be asked for again, and the command it concludes."""

    header: headers.Header
    data: Buffer
    size: int
    """Bytes that it counts for, without those of the command."""
    itt: int | None = None


@dataclass(slots=True)
class Answer:
    """A command whose status is out but not acknowledged."""

    command: Command
    data: Buffer
    header: headers.SCSIResponse | headers.DataIn
    status_data: Buffer
    size: int
    """Bytes that it counts for."""


class Recovering(Protocol):
    """What recovery asks of its session."""

    @property
    def rules(self) -> Rules:
        """The decisions of the target."""

    @property
    def parameters(self) -> Parameters:
        """What was negotiated in its leading login."""

    @property
    def node(self) -> Node | None:
        """The target node; None for a discovery session without TargetName."""

    @property
    def nexus(self) -> Nexus:
        """The I_T nexus."""

    @property
    def budget(self) -> Budget:
        """Bytes that are kept for the session."""

    @property
    def commands(self) -> Mapping[int, Command]:
        """Tasks in progress, by Initiator Task Tag."""

    def announce_window(self) -> None:
        """Announce a window that has opened without a response."""


class Recovery:
    """What a session keeps in order to say it again, and its orphans.

    Attributes:
        session: the session, which owns this and is not owned by it.
    """

    def __init__(self, session: Recovering) -> None:
        self.session: Recovering = weakref.proxy(session)
        self.rules = session.rules.recovery
        self.is_keeping = session.parameters.error_recovery_level > 0
        self.answers: dict[int, Answer] = {}
        self.deadlines: dict[int, float] = {}
        self._size = 0
        self._statuses: dict[Connection, dict[int, Kept]] = {}
        self._acknowledged_by: dict[int, Transfer] = {}

    def end(self) -> None:
        """Let go of all that is kept: the session has ended."""
        self.answers.clear()
        self.deadlines.clear()
        self._statuses.clear()
        self._acknowledged_by.clear()
        self._size = 0

    def keep_status(
        self, connection: Connection, header: headers.Header, data: Buffer
    ) -> None:
        """Keep a response until it is acknowledged."""
        if isinstance(header, headers.NOPIn) and len(data) > _KEPT_ECHO:
            return
        size = len(data) + OVERHEAD
        statuses = self._statuses.setdefault(connection, {})
        if len(statuses) >= KEPT_STATUS:
            self._let_oldest_go(connection)
        if not self._make_room(connection, size):
            return
        statuses[header.stat_sn] = Kept(header, data, size)  # type: ignore[attr-defined]

    def _take(self, size: int) -> bool:
        """Count bytes that are to be kept; return False if there is no room."""
        if self._size + size > KEPT_BYTES or not self.session.budget.take(size):
            return False
        self._size += size
        return True

    def _give(self, size: int) -> None:
        self._size -= size
        self.session.budget.give(size)

    def _let_oldest_go(self, connection: Connection) -> bool:
        """Let go of the oldest response of a connection, else of any, if there is one.

        It cannot be had again (RFC 7143 section 11.16.1).
        """
        for statuses in (self._statuses.get(connection), *self._statuses.values()):
            if statuses:
                self._let_go(statuses.pop(next(iter(statuses))))
                return True
        if self.answers:
            self.forget(next(iter(self.answers)))
            return True
        return False

    def keep_sent(
        self, transfer: Transfer, header: headers.DataIn | headers.R2T, length: int = 0
    ) -> None:
        """Keep a Data-In or R2T until it is acknowledged or the status is."""
        transfer.sent.append(transfers.Sent(header, length))
        if isinstance(header, headers.DataIn) and header.acknowledge:
            self._acknowledged_by[header.target_transfer_tag] = transfer

    def keep_answer(
        self,
        command: Command,
        connection: Connection,
        data: Buffer,
        header: headers.SCSIResponse | headers.DataIn,
        status_data: Buffer,
    ) -> None:
        """Keep a finished command until its status is acknowledged."""
        entry = self._statuses.get(connection, {}).get(header.stat_sn)
        self.forget(command.itt)
        size = len(data) + OVERHEAD * len(command.sent)
        if entry is None or not self._make_room(connection, size):
            self._forget_sent(command)
            return
        if self._statuses[connection].get(header.stat_sn) is not entry:
            # The new answer was dropped itself: it is too large to be kept.
            self._give(size)
            self._forget_sent(command)
            return
        entry.itt = command.itt
        self.answers[command.itt] = Answer(command, data, header, status_data, size)

    def _make_room(self, connection: Connection, size: int) -> bool:
        """Count bytes that are to be kept, letting go of what is older."""
        while not self._take(size):
            if not self._let_oldest_go(connection):
                return False
        return True

    def _forget_sent(self, command: Command) -> None:
        """Let go of the Data-In and R2T PDUs of a command, and of the command."""
        for sent in command.sent:
            self._acknowledged_by.pop(sent.header.target_transfer_tag, None)

    def forget(self, itt: int) -> Answer | None:
        """Let go of a finished command, and return it if it was kept."""
        answer = self.answers.pop(itt, None)
        if answer is not None:
            self._give(answer.size)
            self._forget_sent(answer.command)
            self._detach(answer)
        return answer

    def _detach(self, answer: Answer) -> None:
        """Have a response that is still kept hold its own data alone.

        What rides on Data-In is a view, which would hold all data of the command.
        """
        connection = answer.command.connection
        if connection is None:
            return
        entry = self._statuses.get(connection, {}).get(answer.header.stat_sn)
        if entry is not None and entry.header is answer.header:
            entry.itt = None
            entry.data = bytes(entry.data)

    def status_acknowledged(self, connection: Connection) -> None:
        """Let go of what the initiator has."""
        statuses = self._statuses.get(connection)
        while statuses:
            oldest = next(iter(statuses))
            if not serial.less_than(oldest, connection.exp_stat_sn):
                return
            self._let_go(statuses.pop(oldest))

    def _let_go(self, entry: Kept) -> None:
        self._give(entry.size)
        if entry.itt is not None:
            answer = self.answers.get(entry.itt)
            if answer is not None and answer.header is entry.header:
                self.forget(entry.itt)

    def resend_status(
        self, connection: Connection, begin: int, count: int
    ) -> RejectReason | None:
        """Repeat responses of a connection (Status SNACK)."""
        statuses = self._statuses.get(connection, {})
        first = connection.exp_stat_sn if begin == count == 0 else begin
        total = serial.distance(first, connection.stat_sn)
        if serial.less_than(first, connection.exp_stat_sn) or total < max(count, 1):
            # The answer is acknowledged, or was never sent.
            return RejectReason.PROTOCOL_ERROR
        if (count or total) > len(statuses):
            return RejectReason.SNACK_REJECT
        numbers = [serial.add(first, i) for i in range(count or total)]
        if any(stat_sn not in statuses for stat_sn in numbers):
            return RejectReason.SNACK_REJECT
        for stat_sn in numbers:
            entry = statuses[stat_sn]
            connection.renumber(entry.header)
            connection.send(self.rules.repeated(entry.header), entry.data)
        return None

    def find(self, itt: int) -> tuple[Command, Buffer] | None:
        """Return the command of a tag, unless its status is acknowledged."""
        command = self.session.commands.get(itt)
        if command is not None:
            return command, b""
        answer = self.answers.get(itt)
        return None if answer is None else (answer.command, answer.data)

    def resend_data(
        self, connection: Connection, command: Command, data: Buffer, numbers: range
    ) -> None:
        """Repeat Data-In and R2T PDUs as they were (Data/R2T SNACK)."""
        view = memoryview(data)
        for sent in command.sent[numbers.start : numbers.stop]:
            header = sent.header
            if isinstance(header, headers.R2T):
                if header.target_transfer_tag in command.sequences:
                    connection.number(header, advance=False)
                    connection.send(self.rules.repeated(header))
                continue
            connection.renumber(header)
            start = header.buffer_offset
            part = view[start : start + sent.length]
            connection.send(self.rules.repeated(header), part)

    def acknowledge_data(self, tag: int, begin: int) -> bool:
        """Let go of Data-In that the initiator has (DataACK)."""
        command = self._acknowledged_by.get(tag)
        if command is None or not command.acknowledged_sn <= begin <= len(command.sent):
            return False
        command.acknowledged_sn = begin
        return True

    def resegment(self, connection: Connection, itt: int, tag: int) -> bool:
        """Cut and send the data again, then the status with its tag (R-Data SNACK)."""
        task = self.find(itt)
        if task is None or task[0].connection is not connection:
            return False
        command, data = task
        command.snack_tag = tag
        answer = self.answers.get(itt)
        if answer is None:
            return True  # no data has been sent yet: the tag goes into the response
        if data_in.is_long(connection, len(data) - (_unacknowledged(command) or 0)):
            return False
        start = _rewind(command)
        if start is not None:
            data_in.send_data(command, connection, data, start=start)
        response = self._status_again(answer)
        response.snack_tag = tag
        connection.renumber(response)
        entry = self._statuses.get(connection, {}).get(response.stat_sn)
        if entry is not None:
            entry.header, entry.data = response, answer.status_data
        answer.header = response
        connection.send(response, answer.status_data)
        return True

    def _answer_again(self, answer: Answer, connection: Connection, tag: int) -> None:
        """Send what is not acknowledged of an answer, in steps if it is long."""
        command, data = answer.command, answer.data

        def conclude(start: int | None) -> None:
            if start is not None:
                data_in.send_data(command, connection, data, start=start)
            response = self._status_again(answer)
            response.snack_tag = tag
            connection.respond(response, answer.status_data)
            if command.is_kept:
                self.keep_answer(
                    command, connection, data, response, answer.status_data
                )

        start = _rewind(command)
        if start is not None and data_in.is_long(connection, len(data) - start):
            command.is_kept = False
            job = data_in.Sending(command, connection, data, conclude, start)
            connection.later(job)
        else:
            conclude(start)

    @staticmethod
    def _status_again(answer: Answer) -> headers.SCSIResponse:
        """Return the status as a SCSI Response of its own."""
        header = answer.header
        command = answer.command
        if isinstance(header, headers.DataIn):
            return headers.SCSIResponse(
                initiator_task_tag=header.initiator_task_tag,
                status=header.status,
                overflow=header.overflow,
                underflow=header.underflow,
                residual_count=header.residual_count,
                stat_sn=header.stat_sn,
                exp_data_sn=command.data_sn,
            )
        return replace(
            header, exp_data_sn=command.data_sn if command.request.read else 0
        )

    def connection_failed(self, connection: Connection) -> None:
        """Make orphans of a connection's tasks; its immediate ones end."""
        for entry in self._statuses.pop(connection, {}).values():
            self._give(entry.size)
        rules = self.rules
        for command in list(self.session.commands.values()):
            if command.connection is not connection:
                continue
            if command.request.immediate and rules.immediate_ends_with_connection:
                command.abandon()  # section 7.14
                continue
            command.connection = None
            for sequence in command.sequences.values():
                ranges.give_back(command.missing, sequence.missing)
            command.sequences.clear()
            command.awaits_unsolicited = False
        for answer in self.answers.values():
            if answer.command.connection is connection:
                answer.command.connection = None

    def acknowledge_detached(self, cid: int, exp_stat_sn: int) -> None:
        """Let go of what a new login says has arrived on the old connection."""
        for command in self._detached_commands(cid):
            answer = self.answers.get(command.itt)
            if answer is not None and serial.less_than(
                answer.header.stat_sn, exp_stat_sn
            ):
                self.forget(command.itt)

    def logged_out(self, cid: int, deadline: float) -> None:
        """Let a connection's orphans be reassigned, until the deadline."""
        for command in self._detached_commands(cid):
            command.is_reassignable = True
            self.deadlines[cid] = deadline

    def _detached_commands(self, cid: int) -> list[Command]:
        every = [
            *self.session.commands.values(),
            *(answer.command for answer in self.answers.values()),
        ]
        return [one for one in every if one.connection is None and one.cid == cid]

    def terminate(self, cid: int) -> None:
        """End the orphans of a connection (section 11.14.5)."""
        self.deadlines.pop(cid, None)
        luns = set()
        for command in self._detached_commands(cid):
            if not command.is_over:
                luns.add(command.lun)
                command.abandon()
            self.forget(command.itt)
        node = self.session.node
        if node is not None:
            for lun in luns:
                node.device.establish_attention(lun, self.session.nexus, _CLEARED)
        if luns:
            self.session.announce_window()

    def tick(self, now: float) -> None:
        """End the tasks that were not reassigned in time."""
        for cid, deadline in list(self.deadlines.items()):
            if now >= deadline:
                self.terminate(cid)

    def reassign(
        self, command: Command, connection: Connection, exp_data_sn: int
    ) -> None:
        """Go on with an orphan on another connection (section 7.2.2)."""
        command.connection = connection
        command.cid = connection.cid
        command.parameters = connection.parameters
        command.is_reassignable = False
        rules = self.rules
        if not rules.reassigned_goes_on:
            return
        is_wild = exp_data_sn > len(command.sent)
        if is_wild and not rules.forgives_wild_exp_data_sn:
            self.forget(command.itt)
            command.abandon()
            return
        tag = command.snack_tag = rules.reassigned_snack_tag(command.snack_tag)
        exp_data_sn = rules.acknowledged(exp_data_sn)
        if command.acknowledged_sn <= exp_data_sn <= len(command.sent) and exp_data_sn:
            command.acknowledged_sn = exp_data_sn
        answer = self.forget(command.itt)
        if answer is not None:
            self._answer_again(answer, connection, tag)
        elif command.outcome is not None:
            command.conclude(command.outcome)
        elif command.may_start and not command.is_started:
            command.start_in_turn()
        else:
            transfers.proceed(command)


def _unacknowledged(command: Command) -> int | None:
    """Return the offset of the first Data-In that is not acknowledged, if any."""
    first = command.acknowledged_sn
    if not command.request.read or first >= len(command.sent):
        return None
    return command.sent[first].header.buffer_offset


def _rewind(command: Command) -> int | None:
    """Forget the Data-In that is not acknowledged; return its offset, if any."""
    start = _unacknowledged(command)
    if start is not None:
        del command.sent[command.acknowledged_sn :]
        command.data_sn = command.acknowledged_sn
    return start


_CLEARED: Final = AdditionalSense.SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT
