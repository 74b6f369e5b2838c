# SPDX-License-Identifier: GPL-2.0-only
"""A session: its command window, its tasks, its connections and their afterlife.

A connection that fails leaves its CID in `lingering` for Time2Wait + Time2Retain
(CLEANUP_WAIT, RFC 7143 section 8.2). A session whose last connection has failed lives
on until that time is over (FAILED, section 8.3).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iscsi import serial
from iscsi.numbering import CommandWindow, Place
from reftarget.budget import Budget
from reftarget.faults import Bend
from reftarget.faults.states import StateBend
from reftarget.fence import Fence
from reftarget.recovery import REASSIGNING_LEVEL, Recovery

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi import headers
    from iscsi.constants import Opcode
    from iscsi.parameters import Parameters
    from reftarget.commands import Command
    from reftarget.config import Portal
    from reftarget.connection import Connection
    from reftarget.scsi.task import Nexus
    from reftarget.target import Node, ReferenceTarget
    from reftarget.tmf import MultiTaskAbort

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

_FOR_EVER: Final = 3600.0
"""Seconds that one of the faults keeps state."""


@dataclass(frozen=True, slots=True)
class Held:
    """A request that waits for those before it."""

    origin: Connection | None
    """The connection that it came on."""
    action: Callable[[float], None]
    size: int = 0
    """Bytes of the session's budget that it has taken."""


class Session:
    """One session, normal or discovery; its identity never changes.

    Attributes:
        node: the target node, or None for a discovery session without TargetName.
        user: the CHAP name that all its connections log in with.
        held: what waits for the command numbers before it, by CmdSN.
        pending: the tags of those among them that are no SCSI commands.
        commands: tasks in progress, by Initiator Task Tag.
        aborts: task management functions in progress, by Initiator Task Tag.
        lingering: when the state of a failed connection ends, by CID.
    """

    def __init__(
        self,
        target: ReferenceTarget,
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
        self.window = CommandWindow(exp_cmd_sn, target.config.limits.queue_depth)
        self.held: dict[int, Held] = {}
        self.pending: dict[int, Opcode] = {}
        self.commands: dict[int, Command] = {}
        self.aborts: dict[int, MultiTaskAbort] = {}
        self.connections: dict[int, Connection] = {}
        self.lingering: dict[int, float] = {}
        limits = target.config.limits
        self.budget = Budget(limits.session_bytes, target.budget)
        self.recovery = Recovery(self)
        self.fence = Fence(self)
        self._last_transfer_tag = 0
        self._draining: dict[int, None] = {}

    def place_request(self, request: Numbered) -> Place:
        """Tell where a request lies; an immediate one is always next."""
        if request.immediate:
            return Place.NEXT
        place = self.place(request.cmd_sn)
        if place is not Place.NEXT and not self.target.faults.is_clean:
            place = self._bent_place(request, place)
        return place

    def _bent_place(self, request: Numbered, place: Place) -> Place:
        faults = self.target.faults
        if place is Place.AHEAD:
            if not faults.bends(Bend.RUNS_OUT_OF_ORDER):
                return place
            # Its number is used up; the gap is still there.
            self.held[request.cmd_sn] = Held(None, lambda _now: None)
        else:
            is_below = serial.less_than(request.cmd_sn, self.window.exp_cmd_sn)
            bend = Bend.RUNS_BELOW_WINDOW if is_below else Bend.RUNS_ABOVE_WINDOW
            if not faults.bends(bend):
                return place
        request.immediate = True
        return Place.NEXT

    @property
    def is_crowded(self) -> bool:
        """True while immediate commands, which no window holds back, are too many."""
        if self.target.faults.bends(StateBend.NO_IMMEDIATE):
            return True
        return len(self.commands) >= 2 * self.target.config.limits.queue_depth

    def place(self, cmd_sn: int) -> Place:
        """Tell where a numbered request lies; one that is held already is outside."""
        place = self.window.place(cmd_sn)
        if not self.target.faults.is_clean and self._is_misplaced(cmd_sn):
            return Place.OUTSIDE
        if place is Place.AHEAD and cmd_sn in self.held:
            takes = self.target.faults.bends(StateBend.TAKES_DUPLICATES)
            return Place.AHEAD if takes else Place.OUTSIDE
        return place

    def _is_misplaced(self, cmd_sn: int) -> bool:
        """Tell whether a faulty target does not find a number in its window."""
        bends, window = self.target.faults.bends, self.window
        if bends(StateBend.NARROW_WINDOW) and cmd_sn == window.max_cmd_sn:
            return True
        is_within = window.exp_cmd_sn <= cmd_sn <= window.max_cmd_sn
        return bends(StateBend.COMPARES_PLAINLY) and not is_within

    def admit(
        self,
        connection: Connection,
        cmd_sn: int,
        place: Place,
        action: Callable[[float], None],
        now: float,
        size: int = 0,
    ) -> None:
        """Run a request when its number's turn comes: now, or after the gap.

        Args:
            connection: the one that it came on.
            cmd_sn: its number.
            place: where that lies.
            action: called with the time when the turn has come.
            now: the time.
            size: bytes that are kept for it until then, taken from the budget already.
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
        """Have a request wait for those before it; the arguments are those of admit."""
        self.held[cmd_sn] = Held(connection, action, size)

    def release_held(self, now: float) -> None:
        """Run what the last number received was waited for."""
        while (entry := self.held.pop(self.window.exp_cmd_sn, None)) is not None:
            self.window.advance()
            self.budget.give(entry.size)
            entry.action(now)
        if self.aborts:
            self.check_aborts()

    def fill_gap(self, connection: Connection, cmd_sn: int, now: float) -> None:
        """Count a number as received though its request never came (section 7.11)."""
        place = self.place(cmd_sn)
        if place is not Place.OUTSIDE:
            self.admit(connection, cmd_sn, place, lambda _now: None, now)

    def discard_held(self, cid: int) -> None:
        """Forget requests of a connection that ExpCmdSN has not reached (11.14)."""
        if self.target.faults.bends(StateBend.KEEPS_HELD):
            return
        for cmd_sn, entry in list(self.held.items()):
            if entry.origin is not None and entry.origin.cid == cid:
                del self.held[cmd_sn]
                self.budget.give(entry.size)
        for command in list(self.commands.values()):
            if command.cid == cid and not command.has_arrived:
                command.abandon()

    def drop_debtors(self, since: float) -> None:
        """Drop connections that owe data and have sent none of it since a time."""
        for command in list(self.commands.values()):
            connection = command.connection
            is_late = command.heard_at < since and command.owes_data
            if is_late and connection is not None and not connection.is_closing:
                log.warning("%s: no data for a write", connection)
                connection.drop()

    def check_aborts(self) -> None:
        """Carry out the aborts that need to wait no longer."""
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

    def attach(self, connection: Connection) -> None:
        """Take in a connection that has logged in."""
        self.connections[connection.cid] = connection
        self.lingering.pop(connection.cid, None)

    def connection_lost(self, connection: Connection, now: float) -> None:
        """Keep a failed connection's CID for recovery (section 7.5)."""
        if self.connections.get(connection.cid) is not connection:
            return
        del self.connections[connection.cid]
        log.warning("%s: connection lost", connection)
        is_over = self.target.faults.bends(StateBend.ENDS_WITH_ONE)
        if self.is_discovery or is_over:
            self.close()
            return
        self.lingering[connection.cid] = now + self.patience
        self.recovery.connection_failed(connection)
        self.target.events.announce_drop(self, connection.cid)
        self.fence.progress()
        self.check_aborts()
        if not self.patience:
            self.tick(now)

    @property
    def patience(self) -> float:
        """Seconds for which the state of what failed is kept.

        With Time2Retain 0 it is discarded at once (section 13.16).
        """
        parameters = self.parameters
        bends = self.target.faults.bends
        if bends(StateBend.NEVER_TIMES_OUT):
            return _FOR_EVER
        if not parameters.default_time2retain or bends(StateBend.FORGETS_AT_ONCE):
            return 0.0
        return parameters.default_time2wait + parameters.default_time2retain

    def take_out(self, cid: int) -> None:
        """Log a connection out, alive or lingering, without ending its tasks."""
        self.lingering.pop(cid, None)
        connection = self.connections.pop(cid, None)
        if connection is not None:
            if not self.target.faults.bends(StateBend.KEEPS_OLD_CONNECTION):
                connection.finish()
            self.recovery.connection_failed(connection)
            self.fence.progress()

    def reinstate_connection(self, cid: int, exp_stat_sn: int, now: float) -> None:
        """Log out a connection's former life implicitly (section 6.3.4)."""
        if cid not in self.connections and cid not in self.lingering:
            return
        self.take_out(cid)
        self.recovery.acknowledge_orphans(cid, exp_stat_sn)  # section 11.12.9
        if self.target.faults.bends(StateBend.KEEPS_OLD_TASKS):
            return
        if self.parameters.error_recovery_level < REASSIGNING_LEVEL:
            self.recovery.terminate(cid)
        else:
            self.recovery.logged_out(cid, now + self.patience)

    @property
    def deadline(self) -> float | None:
        """When the next lingering connection's state ends."""
        times = (*self.lingering.values(), *self.recovery.deadlines.values())
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """End what has lingered too long (section 8.2, M1)."""
        for cid, deadline in list(self.lingering.items()):
            if now >= deadline:
                del self.lingering[cid]
                self.recovery.terminate(cid)
        self.recovery.tick(now)
        self.end_if_deserted()

    def end_if_deserted(self) -> None:
        """End the session when nothing can come of it any more."""
        if not self.connections and self.deadline is None:
            log.info("session %#06x: over", self.tsih)
            self.end()

    def status_acknowledged(self, connection: Connection) -> None:
        """Let go of what waited for the acknowledgement of status."""
        if self.recovery.is_keeping:
            self.recovery.status_acknowledged(connection)
        if self.fence.awaited:
            self.fence.progress()

    def next_transfer_tag(self) -> int:
        """Return a Target Transfer Tag that is not in use (section 11.8.5)."""
        self._last_transfer_tag = self._last_transfer_tag % _LAST_TAG + 1
        return self._last_transfer_tag

    def drain(self, itt: int) -> None:
        """Let pass in silence what may still come for a task that is gone."""
        self._draining[itt] = None
        if len(self._draining) > _DRAINING_TASKS:
            del self._draining[next(iter(self._draining))]

    def is_draining(self, itt: int) -> bool:
        """Tell whether Data-Out of a task that is gone was to be expected."""
        if self.target.faults.bends(StateBend.REJECTS_LATE_DATA):
            return False
        return itt in self._draining

    def close(self) -> None:
        """End all connections, all tasks and the session itself."""
        leaving = list(self.connections.values())
        if self.target.faults.bends(StateBend.CLOSES_ONE):
            leaving = leaving[:1]
        for connection in leaving:
            connection.finish()
        self.connections.clear()
        self.end()

    def end(self) -> None:
        """Remove the session; the SCSI layer hears of the nexus's loss."""
        self.lingering.clear()
        self.held.clear()
        self.aborts.clear()
        for command in list(self.commands.values()):
            command.abandon()
        self.recovery.end()
        self.fence.end()
        self.budget.give_all()
        self.target.session_ended(self)
