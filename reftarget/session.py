# SPDX-License-Identifier: GPL-2.0-only
"""A session: its command window, its tasks, its connections and their afterlife.

A connection that fails leaves its CID in `lingering` for Time2Wait + Time2Retain
(CLEANUP_WAIT, RFC 7143 section 8.2). A session whose last connection has failed lives
on until that time is over (FAILED, section 8.3).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from iscsi.numbering import CommandWindow, Place
from reftarget.recovery import Recovery
from reftarget.scsi.task import Nexus

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.parameters import Parameters
    from reftarget.commands import Command
    from reftarget.config import Portal
    from reftarget.connection import Connection
    from reftarget.target import Node, ReferenceTarget

log = logging.getLogger("reftarget")

_LAST_TAG: Final = 0xFFFFFFFE
_DRAINING_TASKS: Final = 1024


class Session:
    """One session, normal or discovery; its identity never changes.

    Attributes:
        node: the target node, or None for a discovery session without TargetName.
        held: what waits for the command numbers before it, by CmdSN.
        commands: tasks in progress, by Initiator Task Tag.
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
        is_discovery: bool,
    ) -> None:
        self.target = target
        self.node = node
        self.nexus = nexus
        self.tsih = tsih
        self.parameters = parameters
        self.is_discovery = is_discovery
        self.user = ""
        self.portal: Portal | None = None
        self.window = CommandWindow(exp_cmd_sn, target.config.limits.queue_depth)
        self.held: dict[int, Callable[[float], None]] = {}
        self.commands: dict[int, Command] = {}
        self.connections: dict[int, Connection] = {}
        self.lingering: dict[int, float] = {}
        self.recovery = Recovery(self)
        self._last_transfer_tag = 0
        self._draining: dict[int, None] = {}

    def place(self, cmd_sn: int) -> Place:
        """Tell where a numbered request lies; one that is held already is outside."""
        place = self.window.place(cmd_sn)
        if place is Place.AHEAD and cmd_sn in self.held:
            return Place.OUTSIDE
        return place

    def admit(
        self, cmd_sn: int, place: Place, action: Callable[[float], None], now: float
    ) -> None:
        """Run a request when its number's turn comes: now, or after the gap."""
        if place is Place.AHEAD:
            self.held[cmd_sn] = action
            return
        self.window.advance()
        action(now)
        self.release_held(now)

    def release_held(self, now: float) -> None:
        """Run what the last number received was waited for."""
        while (action := self.held.pop(self.window.exp_cmd_sn, None)) is not None:
            self.window.advance()
            action(now)

    def fill_gap(self, cmd_sn: int, now: float) -> None:
        """Count a number as received though its request never came (section 7.11)."""
        if cmd_sn == self.window.exp_cmd_sn:
            self.window.advance()
            self.release_held(now)
        elif self.place(cmd_sn) is Place.AHEAD:
            self.held[cmd_sn] = lambda _now: None

    def attach(self, connection: Connection) -> None:
        """Take in a connection that has logged in."""
        self.connections[connection.cid] = connection
        self.lingering.pop(connection.cid, None)

    def detach(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        if self.connections.get(connection.cid) is connection:
            del self.connections[connection.cid]

    def connection_lost(self, connection: Connection, now: float) -> None:
        """Keep a failed connection's CID for recovery (section 7.5)."""
        self.detach(connection)
        if self.is_discovery:
            self.end()
            return
        self.linger(
            connection.cid,
            now,
            self.parameters.default_time2wait + self.parameters.default_time2retain,
        )
        self.recovery.connection_failed(connection)
        if self.connections:
            self.target.events.announce_drop(self, connection.cid)
        log.warning("%s: connection lost", connection)

    def linger(self, cid: int, now: float, seconds: float) -> None:
        """Keep the state of a CID for some time."""
        self.lingering[cid] = now + seconds

    @property
    def deadline(self) -> float | None:
        """When the next lingering connection's state ends."""
        return min(self.lingering.values(), default=None)

    def tick(self, now: float) -> None:
        """End what has lingered too long (section 8.2, M1)."""
        for cid, deadline in list(self.lingering.items()):
            if now >= deadline:
                del self.lingering[cid]
                self.recovery.connection_expired(cid)
        if not self.connections and not self.lingering:
            log.warning("session %#06x: timed out", self.tsih)
            self.end()

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
        return itt in self._draining

    def reinstate_connection(self, cid: int) -> None:
        """Log out a connection's former life implicitly (section 6.3.4)."""
        old = self.connections.pop(cid, None)
        if old is not None:
            old.finish()
            self.recovery.connection_failed(old)
        self.lingering.pop(cid, None)
        if self.parameters.error_recovery_level < 2:
            self.recovery.connection_expired(cid)

    def status_acknowledged(self, connection: Connection) -> None:
        """Let go of what waited for the acknowledgement of status."""
        self.recovery.status_acknowledged(connection)

    def close(self) -> None:
        """End all connections, all tasks and the session itself."""
        for connection in list(self.connections.values()):
            connection.finish()
        self.connections.clear()
        self.end()

    def end(self) -> None:
        """Remove the session; the SCSI layer hears of the nexus's loss."""
        self.lingering.clear()
        self.held.clear()
        for command in list(self.commands.values()):
            command.abandon()
        self.target.session_ended(self)
