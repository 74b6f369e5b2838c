# SPDX-License-Identifier: GPL-2.0-only
"""A session: its command window, its tasks, its connections and their recovery.

A connection that fails leaves its CID in `lingering` for Time2Wait + Time2Retain
(CLEANUP_WAIT, RFC 7143 section 8.2). A session whose last connection has failed exists
until that time is over (FAILED, section 8.3). Both follow the tables of chapter 8
(`reftarget.states`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from iscsi import headers
from iscsi.constants import RESERVED_TAG, AsyncEvent
from iscsi.numbering import CommandWindow, Place
from iscsi.scsi import luns
from iscsi.states import ConnectionEvent, SessionEvent, SessionState
from reftarget import events
from reftarget.budget import Budget
from reftarget.connection import Network
from reftarget.fence import Fence
from reftarget.recovery import REASSIGNING_LEVEL, Recovery
from reftarget.states import REINSTATED, Lingering, events_to_end, session_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iscsi.address import Portal
    from iscsi.constants import Opcode
    from iscsi.digest import Buffer
    from iscsi.parameters import Parameters
    from reftarget.command import Command
    from reftarget.config import TargetConfig
    from reftarget.connection import Connection
    from reftarget.requests import WaitingFunction
    from reftarget.scsi.device import DeviceServer
    from reftarget.scsi.task import Nexus
    from reftarget.taskset import TaskSet
    from reftarget.turns import Turns

    Numbered = (
        headers.SCSICommand
        | headers.NOPOut
        | headers.TaskManagementRequest
        | headers.TextRequest
        | headers.LogoutRequest
    )

log = logging.getLogger("reftarget")

_LAST_TAG: Final = 0xFFFFFFFE
_DRAINING_TASKS: Final = 1024


class Node(Protocol):
    """A target node: a name, its logical units and their task sets."""

    @property
    def config(self) -> TargetConfig:
        """Its configuration."""

    @property
    def device(self) -> DeviceServer:
        """Its logical units."""

    def task_set(self, lun: int, nexus: Nexus) -> TaskSet[Command]:
        """Return the task set of a logical unit, or that of a nexus with it."""

    def task_sets(self, lun: int) -> list[TaskSet[Command]]:
        """Return every task set of a logical unit."""

    def sessions(self) -> list[Session]:
        """Return the normal sessions with this node."""

    def nexus_lost(self, nexus: Nexus) -> None:
        """Notify units and task sets that a session has ended."""


class Host(Network, Protocol):
    """The interface of the target for a session."""

    @property
    def nodes(self) -> Mapping[str, Node]:
        """All target nodes, by name."""

    @property
    def turns(self) -> Turns:
        """Work that is too long for one turn."""

    def session_ended(self, session: Session) -> None:
        """Forget a session; its nexus is lost (RFC 7143 section 6.3.5.1)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A request that waits for earlier ones."""

    origin: Connection | None
    """Its connection."""
    action: Callable[[float], None]
    size: int = 0
    """The bytes that it has reserved in the session's budget."""


class Session:
    """One session, normal or discovery; its identity never changes.

    Attributes:
        node: the target node, or None for a discovery session without TargetName.
        user: the CHAP name with which all its connections log in.
        held: the requests that wait for earlier command numbers, by CmdSN.
        pending: the tags of those that are not SCSI commands.
        commands: tasks in progress, by Initiator Task Tag.
        aborts: task management functions in progress, by Initiator Task Tag.
        lingering: the recoverable state of failed connections, by CID.
        logins: the connections whose logins are to join it.
        state: its state in the diagram of section 8.3.
    """

    def __init__(
        self,
        target: Host,
        node: Node | None,
        nexus: Nexus,
        tsih: int,
        parameters: Parameters,
        exp_cmd_sn: int,
        *,
        portal: Portal,
        user: str,
        is_discovery: bool,
    ) -> None:
        self.target = target
        self.rules = target.rules
        self.node = node
        self.nexus = nexus
        self.tsih = tsih
        self.parameters = parameters
        self.portal = portal
        self.user = user
        self.is_discovery = is_discovery
        self.window = CommandWindow(exp_cmd_sn, target.limits.queue_depth)
        self.held: dict[int, Held] = {}
        self.pending: dict[int, Opcode] = {}
        self.commands: dict[int, Command] = {}
        self.aborts: dict[int, WaitingFunction] = {}
        self.connections: dict[int, Connection] = {}
        self.lingering: dict[int, Lingering] = {}
        self.logins: set[Connection] = set()
        self.state = SessionState.FREE
        self.happened(SessionEvent.LOGIN_STARTED)
        self.budget = Budget(target.limits.session_bytes, target.budget)
        self.recovery = Recovery(self)
        self.fence = Fence(self)
        self._last_transfer_tag = self.rules.sessions.first_transfer_tag - 1
        self._draining: dict[int, None] = {}
        self._most_commands = 0

    def place_request(self, request: Numbered) -> Place:
        """Return the position of a request; an immediate one is always next."""
        if request.immediate:
            return Place.NEXT
        place = self.rules.commands.place(self.window, self.held, request.cmd_sn)
        if place is not Place.NEXT:
            place = self.rules.commands.misplaced(self, request, place)
        return place

    @property
    def is_crowded(self) -> bool:
        """True while too many immediate commands, which have no window, are active."""
        configured = 2 * self.target.limits.queue_depth
        return len(self.commands) >= self.rules.commands.immediate_commands(configured)

    @property
    def has_full_task_set(self) -> bool:
        """True if there is no room for the task that starts (SAM-5 section 5.3.1)."""
        in_progress = len(self.commands)
        self._most_commands = max(self._most_commands, in_progress)
        return self.rules.tasks.is_full(in_progress, self._most_commands)

    def place(self, cmd_sn: int) -> Place:
        """Return the position of a numbered request; one that is held is outside."""
        return self.rules.commands.place(self.window, self.held, cmd_sn)

    def admit(
        self,
        connection: Connection,
        cmd_sn: int,
        place: Place,
        action: Callable[[float], None],
        now: float,
        size: int = 0,
    ) -> None:
        """Run a request when its number is next: now, or after the gap.

        Args:
            connection: its connection.
            cmd_sn: its number.
            place: where that lies.
            action: called with the time when the turn has come.
            now: the time.
            size: the bytes that are kept for it until then, already reserved in the
                budget.
        """
        if place is Place.AHEAD:
            self.hold(cmd_sn, connection, action, size)
            return
        self.window.advance()
        action(now)
        self.release_held(now)

    def hold(
        self,
        cmd_sn: int,
        connection: Connection,
        action: Callable[[float], None],
        size: int = 0,
    ) -> None:
        """Have a request wait for earlier ones; the arguments are those of admit."""
        self.held[cmd_sn] = Held(connection, action, size)

    def receive_ahead(self, cmd_sn: int) -> None:
        """Count a number ahead as received, once those before it are."""
        self.held[cmd_sn] = Held(None, lambda _now: None)

    def release_held(self, now: float) -> None:
        """Run the requests that waited for the last received number."""
        while (entry := self.held.pop(self.window.exp_cmd_sn, None)) is not None:
            self.window.advance()
            self.budget.give(entry.size)
            entry.action(now)
        if self.aborts:
            self.check_aborts()

    def fill_gap(self, connection: Connection, cmd_sn: int, now: float) -> None:
        """Count a number as received although its request never came (section 7.11)."""
        place = self.place(cmd_sn)
        if place is not Place.OUTSIDE:
            self.admit(connection, cmd_sn, place, lambda _now: None, now)

    def discard_held(self, cid: int) -> None:
        """Forget requests of a connection that ExpCmdSN has not reached (11.14)."""
        if not self.rules.sessions.logout_discards_held:
            return
        for cmd_sn, entry in list(self.held.items()):
            if entry.origin is not None and entry.origin.cid == cid:
                del self.held[cmd_sn]
                self.budget.give(entry.size)
        for command in list(self.commands.values()):
            if command.cid == cid and not command.has_arrived:
                command.abandon()

    def drop_stalled_transfers(self, since: float) -> None:
        """Drop connections that have sent no outstanding data since a time."""
        for command in list(self.commands.values()):
            connection = command.connection
            is_late = command.data_expected_at < since and command.awaits_data_out
            if is_late and connection is not None and not connection.is_closing:
                log.warning("%s: no data for a write", connection)
                connection.drop()

    def check_aborts(self) -> None:
        """Carry out the aborts that need not wait any more."""
        for abort in list(self.aborts.values()):
            abort.progress()

    @property
    def has_connections(self) -> bool:
        """Whether a connection of it is open."""
        return bool(self.connections)

    @property
    def tasks(self) -> list[Command]:
        """Its tasks in progress."""
        return list(self.commands.values())

    def happened(self, event: SessionEvent) -> None:
        """Change the state as an event requires."""
        self.state = session_after(self.state, event, f"session {self.tsih:#06x}")

    def login_started(self, connection: Connection) -> None:
        """Record a login that is to join."""
        connection.joining = self
        self.logins.add(connection)
        if connection.cid in self.lingering:
            self.lingering[connection.cid].clean_up_begins()
        if self.state is SessionState.FAILED:
            self.happened(SessionEvent.CONTINUATION_STARTED)

    def login_failed(self, connection: Connection) -> None:
        """Record the end of a connection whose login was to join."""
        self.logins.discard(connection)
        if all(other.cid != connection.cid for other in self.logins):
            self.cleanup_failed(connection.cid)
        if self.state is SessionState.IN_CONTINUE and not self.logins:
            self.happened(SessionEvent.CONTINUATION_FAILED)

    def cleanup_failed(self, cid: int) -> None:
        """Record that a lingering connection was not logged out."""
        entry = self.lingering.get(cid)
        if entry is not None:
            entry.clean_up_begins()
            entry.clean_up_fails()

    def attach(self, connection: Connection) -> None:
        """Add a connection that has logged in."""
        self.connections[connection.cid] = connection
        self.logins.discard(connection)
        if self.state is SessionState.IN_CONTINUE:
            self.happened(SessionEvent.CONTINUATION_SUCCEEDED)
        elif self.state is SessionState.ACTIVE:
            self.happened(SessionEvent.LOGGED_IN)
        entry = self.lingering.pop(connection.cid, None)
        if entry is not None:
            entry.is_cleaned_up()

    def connection_lost(self, connection: Connection, now: float) -> None:
        """Keep a failed connection's CID for recovery (section 7.5)."""
        if self.connections.get(connection.cid) is not connection:
            return
        del self.connections[connection.cid]
        log.warning("%s: connection lost", connection)
        entry = Lingering(str(connection), now + self.patience)
        self.lingering[connection.cid] = entry
        if not self.connections:
            self.happened(SessionEvent.FAILED)
        if self.rules.sessions.ends_with_connection(self.is_discovery):
            self.close()
            return
        self._go_on_with_logins(connection.cid, entry)
        self.recovery.connection_failed(connection)
        self._announce_drop(connection.cid)
        self.fence.progress()
        self.check_aborts()
        if not self.patience:
            self.tick(now)

    def _go_on_with_logins(self, cid: int, entry: Lingering) -> None:
        """Let logins in progress clean up connections that have failed meanwhile."""
        if any(other.cid == cid for other in self.logins):
            entry.clean_up_begins()
        if self.logins and self.state is SessionState.FAILED:
            self.happened(SessionEvent.CONTINUATION_STARTED)

    def _announce_drop(self, cid: int) -> None:
        """Notify another connection of the session that one has been dropped."""
        other = next(iter(self.connections.values()), None)
        if other is not None and self.rules.sessions.announces_drop:
            events.announce_drop(other, cid)

    def announce_window(self) -> None:
        """Announce a window that has opened without a response (11.4.11)."""
        connection = next(iter(self.connections.values()), None)
        if connection is not None and self.rules.sessions.announces_window:
            note = headers.NOPIn(target_transfer_tag=RESERVED_TAG)
            connection.number(note, advance=False)
            connection.send(note)

    def ping(self, connection: Connection) -> None:
        """Ping a connection, to get an ExpStatSN."""
        tag = connection.awaited_pong = self.next_transfer_tag()
        units = self.node.device.luns if self.node is not None else []
        lun = int.from_bytes(luns.encode(units[0]), "big") if units else 0
        ping = headers.NOPIn(target_transfer_tag=tag, lun=lun)
        connection.number(ping, advance=False)
        connection.send(ping)

    @property
    def patience(self) -> float:
        """The seconds for which the state of a failed connection is kept."""
        parameters = self.parameters
        return self.rules.sessions.retention_seconds(
            parameters.default_time2wait, parameters.default_time2retain
        )

    def take_out(
        self, cid: int, happened: tuple[ConnectionEvent, ...] = REINSTATED
    ) -> None:
        """Log a connection out, alive or lingering, without ending its tasks."""
        entry = self.lingering.pop(cid, None)
        if entry is not None:
            entry.is_cleaned_up()
        connection = self.connections.pop(cid, None)
        if connection is not None:
            if self.rules.sessions.reinstatement_closes:
                connection.finish(*happened)
            self.recovery.connection_failed(connection)
            self.fence.progress()

    def reinstate_connection(self, cid: int, exp_stat_sn: int, now: float) -> None:
        """Log out the former connection with this CID implicitly (section 6.3.4)."""
        if cid not in self.connections and cid not in self.lingering:
            return
        self.take_out(cid)
        self.recovery.acknowledge_detached(cid, exp_stat_sn)  # section 11.12.9
        if not self.rules.sessions.reinstatement_settles_tasks:
            return
        if self.parameters.error_recovery_level < REASSIGNING_LEVEL:
            self.recovery.terminate(cid)
        else:
            self.recovery.logged_out(cid, now + self.patience)

    @property
    def deadline(self) -> float | None:
        """When the next lingering connection's state ends."""
        ends = (entry.deadline for entry in self.lingering.values())
        return min((*ends, *self.recovery.deadlines.values()), default=None)

    def tick(self, now: float) -> None:
        """End what has lingered for too long (section 8.2, M1)."""
        for cid, entry in list(self.lingering.items()):
            if now >= entry.deadline:
                del self.lingering[cid]
                entry.times_out()
                self.recovery.terminate(cid)
        self.recovery.tick(now)
        self.end_if_deserted()

    def end_if_deserted(self) -> None:
        """End the session once it has no connection and none can return."""
        if not self.connections and self.deadline is None:
            log.info("session %#06x: ended", self.tsih)
            self.end()

    def keep_status(
        self, connection: Connection, header: headers.Header, data: Buffer
    ) -> None:
        """Keep a response that SNACK may request again."""
        self.recovery.keep_status(connection, header, data)

    def status_acknowledged(self, connection: Connection) -> None:
        """Release the responses that waited for the acknowledgement of status."""
        if self.recovery.is_keeping:
            self.recovery.status_acknowledged(connection)
        if self.fence.awaited:
            self.fence.progress()

    def next_transfer_tag(self) -> int:
        """Return a Target Transfer Tag that is not in use (section 11.8.5)."""
        self._last_transfer_tag = self._last_transfer_tag % _LAST_TAG + 1
        return self._last_transfer_tag

    def drain(self, itt: int) -> None:
        """Discard the data that may still arrive for a task that has ended."""
        self._draining[itt] = None
        if len(self._draining) > _DRAINING_TASKS:
            del self._draining[next(iter(self._draining))]

    def is_draining(self, itt: int) -> bool:
        """Tell whether Data-Out of a task that has ended may still arrive."""
        return itt in self._draining and self.rules.functions.forgives_late_data

    def drop(self) -> None:
        """Announce the end of the session on all its connections, and end it."""
        for connection in self.connections.values():
            events.send(connection, AsyncEvent.SESSION_DROP)
        self.close()

    def close(
        self, *, by: Connection | None = None, is_reinstated: bool = False
    ) -> None:
        """End all connections, all tasks and the session itself.

        Args:
            by: the connection whose logout requested it, if any.
            is_reinstated: whether a login has replaced it by another session.
        """
        leaving = list(self.connections.values())
        for connection in leaving[: self.rules.sessions.closed(len(leaving))]:
            if connection is by:
                connection.finish(ConnectionEvent.LOGOUT_SUCCEEDED)
            elif is_reinstated:
                connection.finish(ConnectionEvent.REINSTATED)
            else:
                connection.finish(ConnectionEvent.SESSION_CLOSED)
        self.connections.clear()
        self.end(is_reinstated=is_reinstated)

    def end(self, *, is_reinstated: bool = False) -> None:
        """Remove the session and report the loss of the nexus to the SCSI layer."""
        for event in events_to_end(self.state, is_reinstated=is_reinstated):
            self.happened(event)
        for entry in self.lingering.values():
            entry.happened(ConnectionEvent.SESSION_CLOSED)
        self.lingering.clear()
        self.held.clear()
        self.aborts.clear()
        for command in list(self.commands.values()):
            command.abandon()
        self.recovery.end()
        self.fence.end()
        self.budget.give_all()
        self.target.session_ended(self)
