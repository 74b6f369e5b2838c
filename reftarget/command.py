# SPDX-License-Identifier: GPL-2.0-only
"""A SCSI command as a task: from the PDU to the device server and back.

received -> (held for CmdSN) -> (dormant in the task set) -> started
    -> outcome at once, or data wanted -> data complete -> finished -> concluded

Long commands run in steps (`Execution`), in turns with all else. The data of a
command, its base, is in `reftarget.transfers`. The PDUs that make commands and feed
them are above: `reftarget.commands`, `reftarget.data_out`, `reftarget.snack`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from iscsi.constants import TaskAttribute
from iscsi.scsi.status import SCSIStatus
from reftarget import data_in, transfers
from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Steps, Task
from reftarget.transfers import TASK_SET_FULL, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iscsi import headers
    from iscsi.digest import Buffer
    from iscsi.numbering import CommandWindow
    from iscsi.parameters import Parameters
    from reftarget.connection import Connection
    from reftarget.fence import Fence
    from reftarget.scsi.device import DeviceServer
    from reftarget.taskset import TaskSet
    from reftarget.turns import Turns


_ATTRIBUTES: Final = tuple(TaskAttribute)
"""The statuses by code. (A call of the enum takes forty times as long, in each
command.)"""


class Keeper(transfers.Keeper, Protocol):
    """Stores sent PDUs of which the initiator may request a repetition."""

    def keep_answer(
        self,
        command: Command,
        connection: Connection,
        data: Buffer,
        header: headers.SCSIResponse | headers.DataIn,
        status_data: Buffer,
    ) -> None:
        """Keep a finished command until its status is acknowledged."""


class Host(transfers.Clock, Protocol):
    """The interface of the target for a command."""

    @property
    def turns(self) -> Turns:
        """Work that takes too long for one turn."""


class Owner(transfers.Owner, Protocol):
    """The interface of the session for a command."""

    @property
    def target(self) -> Host:
        """The target that contains it."""

    @property
    def nexus(self) -> Nexus:
        """The I_T nexus."""

    @property
    def parameters(self) -> Parameters:
        """The negotiated values of its leading login."""

    @property
    def window(self) -> CommandWindow:
        """The command window."""

    @property
    def commands(self) -> dict[int, Command]:
        """Tasks in progress, by Initiator Task Tag."""

    @property
    def has_full_task_set(self) -> bool:
        """True if there is no room for the task that starts."""

    @property
    def recovery(self) -> Keeper:
        """The data that it keeps for retransmission."""

    @property
    def fence(self) -> Fence:
        """Its response fences."""

    def drain(self, itt: int) -> None:
        """Discard data that may still arrive for a task that has ended."""

    def announce_window(self) -> None:
        """Announce a window that has opened without a response."""


class Node(Protocol):
    """The interface of the target node for a command."""

    @property
    def device(self) -> DeviceServer:
        """Its logical units."""

    def task_set(self, lun: int, nexus: Nexus) -> TaskSet[Command]:
        """Return the task set of a logical unit, or that of a nexus with it."""

    def sessions(self) -> Sequence[Owner]:
        """Return the normal sessions with this node."""


class Command(Transfer):
    """One SCSI command from its arrival until its status has been sent.

    Attributes:
        node: its target node.
        cid: the connection to which it is, or was last, allegiant.
        finish: gives the device server the data for which it waits, if it does.
        outcome: its result, if it ended while it had no connection.
        may_start: True once it need not wait for others in its task set.
        is_counted: True while it takes a place of the command window.
        is_reassignable: True once its connection has been logged out.
    """

    __slots__ = (
        "attribute",
        "cdb",
        "cid",
        "finish",
        "has_arrived",
        "is_counted",
        "is_reassignable",
        "lun",
        "may_start",
        "node",
        "outcome",
        "session",
        "task_set",
    )

    def __init__(
        self,
        connection: Connection,
        session: Owner,
        node: Node,
        request: headers.SCSICommand,
    ) -> None:
        super().__init__(connection, request)
        self.session: Owner = session
        self.node = node
        self.lun = session.rules.tasks.lun(request.lun)
        self.cdb = request.cdb
        self.attribute = _ATTRIBUTES[request.attribute]
        self.finish: Callable[[bytes | memoryview], Outcome | Steps] | None = None
        self.outcome: Outcome | None = None
        self.cid = connection.cid
        self.is_reassignable = False
        self.task_set = node.task_set(self.lun, session.nexus)
        self.is_counted = False
        self.may_start = False
        self.has_arrived = False

    def arrive(self, _now: float = 0.0) -> None:
        """Begin, or wait in the task set for earlier tasks."""
        session = self.session
        self.has_arrived = True
        if self.is_over:
            return  # the command was aborted while it was held
        if not self.request.immediate:
            self.is_counted = True
            session.window.size -= 1
        task_set = self.task_set
        is_next = task_set.is_empty or session.rules.tasks.begins(
            self.attribute, task_set.may_start(self)
        )
        if is_next or task_set.allegiance.nexus is not None:
            self.start()
        else:
            self.keep_data()
            task_set.enter(self)

    def start_in_turn(self) -> None:
        """Start after a wait in the task set; many tasks may start at the same time."""
        self.may_start = True
        turns, connection = self.session.target.turns, self.connection
        if connection is not None and connection.is_full:
            connection.later(Start(self))
        elif turns.has_time():
            self.start()
        else:
            turns.add(Start(self))

    def start(self) -> None:
        """Hand the command to the device server."""
        self.may_start = self.is_started = True
        allegiance = self.task_set.allegiance
        if allegiance.nexus is not None:
            self.failure = self.failure or allegiance.refuses(self)
        if self.read_length and self.session.budget.is_short:
            self.failure = self.failure or TASK_SET_FULL
        if self.session.has_full_task_set:
            self.failure = self.failure or TASK_SET_FULL
        if self.failure is not None:
            self.conclude_after_data(self.failure)
            return
        session = self.session
        result = self.node.device.start(
            Task(
                session.nexus,
                self.lun,
                self.cdb,
                self.attribute,
                self.write_length,
                session.parameters.protocol_level,
                allegiance.nexus is not None,
            ),
            session.target.now,
        )
        if isinstance(result, DataOutNeeded):
            self.finish = result.finish
            transfers.want(self, result.length)
        else:
            self._execute(result, self.conclude_after_data)

    def take_data(self, data: Buffer) -> None:
        """Give the device server all the data for which it waits."""
        if self.task_set.allegiance.holds(self, partial(self.take_data, data)):
            self.enter_task_set()
            return
        finish = self.finish
        assert finish is not None  # only a command with `finish` requests data
        execution = finish(data if isinstance(data, bytes) else memoryview(data))
        self._execute(execution, self.conclude)

    def _execute(
        self, execution: Outcome | Steps, on_outcome: Callable[[Outcome], None]
    ) -> None:
        """Run a long command in steps; then call back with its outcome."""
        if isinstance(execution, Outcome):
            on_outcome(execution)
            return
        self.immediate_data = b""  # the immediate data has been used or is not needed
        self.steps = execution
        self.enter_task_set()
        target = self.session.target
        target.turns.begin(Execution(self, execution, on_outcome))

    @property
    def nexus(self) -> Nexus:
        """The I_T nexus that it came from."""
        return self.session.nexus

    def enter_task_set(self) -> None:
        """Become a task that others may have to wait for."""
        if self.has_arrived:
            self.task_set.enter(self)

    def release(self) -> None:
        """Remove the task everywhere; its window slot becomes free."""
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
        self.failure = None

    def conclude(self, outcome: Outcome) -> None:
        """Send data and status, and let the next ones start."""
        if self.is_over:
            return
        if outcome.status is SCSIStatus.CHECK_CONDITION:
            self.note_check_condition()
        connection, session = self.connection, self.session
        if connection is None:
            self._keep_outcome(outcome)
            return
        if len(session.connections) > 1 and session.fence.holds(self, outcome):
            return
        self._conclude_now(connection, outcome)

    def _keep_outcome(self, outcome: Outcome) -> None:
        """Keep the data and status for a reassignment, if there is room."""
        data = data_in.joined(outcome.data_in)
        has_room = self.reserve(self.reserved + len(data))
        self.outcome = outcome if has_room else TASK_SET_FULL

    def note_check_condition(self) -> None:
        """Establish or end auto contingent allegiance, as the status requires."""
        if not self.has_arrived or not self.task_set.allegiance.note(self):
            return
        for session in self.node.sessions():
            session.fence.watch_allegiance(self.lun)

    def _conclude_now(self, connection: Connection, outcome: Outcome) -> None:
        """Send data and status without regard to fences."""
        self.release()
        data_in.answer(self, connection, outcome)
        task_set = self.task_set
        if not task_set.is_empty:
            task_set.leave(self)

    def keep_answer(
        self,
        connection: Connection,
        data: Buffer,
        header: headers.SCSIResponse | headers.DataIn,
        status_data: Buffer,
    ) -> None:
        """Keep the sent PDUs if SNACK may request them again."""
        recovery = self.session.recovery
        recovery.keep_answer(self, connection, data, header, status_data)

    def conclude_fenced(self, outcome: Outcome) -> Connection | None:
        """Send data and status now; return the connection that was used.

        A command whose connection was lost at the fence waits to be reassigned.
        """
        connection = self.connection
        if self.is_over:
            return None
        if connection is None:
            self._keep_outcome(outcome)
            return None
        self._conclude_now(connection, outcome)
        return self.connection

    def abandon(self) -> None:
        """End without a response or a notice."""
        if self.is_over:
            return
        rules = self.session.rules
        rules.tasks.after_abort(self)
        self.release()
        self.sequences.clear()
        self.task_set.leave(self)


@dataclass(frozen=True, slots=True)
class Execution:
    """A command that takes long, as work of the target."""

    command: Command
    steps: Steps
    then: Callable[[Outcome], None]
    """Called with the result of the command."""

    def step(self) -> bool:
        """Do the next step; return False if it was the last, or has to wait."""
        command = self.command
        if command.is_over:
            return False
        turns = command.session.target.turns
        if command.task_set.allegiance.holds(command, partial(turns.add, self)):
            return False
        try:
            next(self.steps)
        except StopIteration as end:
            command.steps = None
            self.then(end.value)
            return False
        return True


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a command that waited in its task set, as work of the target."""

    command: Command

    def step(self) -> bool:
        """Start it, unless it has ended or has to wait once more."""
        command = self.command
        reschedule = partial(command.session.target.turns.add, self)
        if not command.is_over and not command.task_set.allegiance.holds(
            command, reschedule
        ):
            command.start()
        return False
