# SPDX-License-Identifier: GPL-2.0-only
"""The target side of a network entity: nodes, sessions and connections.

There are no sockets and no clock here: a server provides connections, bytes and the
time, and sends the output of `ready` connections. Three things drive it: a peer (bytes
on a connection), the clock (`tick`), and an operator (`reftarget.control`).
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from iscsi.constants import LoginStatus
from reftarget import habits
from reftarget.aborts import abort
from reftarget.backing import BackingError
from reftarget.budget import Budget
from reftarget.config import ConfigError
from reftarget.connection import Connection
from reftarget.faults import rules_with
from reftarget.login import LoginPhase
from reftarget.refusal import Refusal
from reftarget.scsi.device import DeviceServer
from reftarget.session import Session
from reftarget.taskset import TaskSet
from reftarget.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iscsi import headers
    from iscsi.address import Portal
    from iscsi.parameters import Parameters
    from reftarget.command import Command
    from reftarget.config import Config, TargetConfig
    from reftarget.host import Admitted
    from reftarget.scsi.config import LogicalUnitConfig
    from reftarget.scsi.task import Nexus

log = logging.getLogger("reftarget")

_LAST_TSIH: Final = 0xFFFF


class Node:
    """A target node: a name, its logical units and their task sets."""

    def __init__(
        self,
        config: TargetConfig,
        *,
        target: ReferenceTarget,
        state_directory: Path | None = None,
    ) -> None:
        self.config = config
        self.target = target
        groups = sorted({portal.group_tag for portal in target.config.portals})
        try:
            self.device = DeviceServer(
                config.name,
                config.units,
                portal_group_tags=list(filter(config.is_served_by, groups)),
                state_directory=state_directory,
                abort_tasks=self._abort_tasks,
                rules=target.rules.scsi,
                turns=target.turns,
            )
        except (BackingError, ValueError) as error:
            raise ConfigError(f"target {config.name}: {error}") from error
        self._has_many_sets = target.rules.tasks.set_for_each_nexus
        self._task_sets: dict[tuple[int, Nexus | None], TaskSet[Command]] = {}

    def task_set(self, lun: int, nexus: Nexus) -> TaskSet[Command]:
        """Return the task set of a logical unit, or that of a nexus with it."""
        rules = self.target.rules.allegiance
        key = lun, nexus if self._has_many_sets else None
        task_set = self._task_sets.get(key)
        if task_set is None:
            if lun not in self.device.units:
                return TaskSet(rules)
            task_set = self._task_sets[key] = TaskSet(rules)
        return task_set

    def task_sets(self, lun: int) -> list[TaskSet[Command]]:
        """Return every task set of a logical unit."""
        return [
            one for (unit_lun, _), one in self._task_sets.items() if unit_lun == lun
        ]

    def add_unit(self, config: LogicalUnitConfig) -> None:
        """Serve one more unit (see `DeviceServer.add_unit`)."""
        self.device.add_unit(config)

    def remove_unit(self, lun: int) -> None:
        """Stop serving a unit; a later one with its LUN begins without tasks."""
        self.device.remove_unit(lun)
        if not self.target.rules.scsi.changes.completes_tasks:
            for session in self.sessions():
                for command in list(session.commands.values()):
                    if command.lun == lun:
                        abort(command)
        for place in [one for one in self._task_sets if one[0] == lun]:
            del self._task_sets[place]

    def nexus_lost(self, nexus: Nexus) -> None:
        """Notify units and task sets that a session has ended."""
        rules = self.target.rules
        if not rules.sessions.reports_nexus_loss:
            return
        self.device.nexus_lost(nexus)
        if not rules.allegiance.ends_with_nexus:
            return
        for task_set in self._task_sets.values():
            task_set.allegiance.lose(nexus)
        if self._has_many_sets:
            for lun in self.device.luns:
                self._task_sets.pop((lun, nexus), None)

    def sessions(self) -> list[Session]:
        """Return the normal sessions with this node."""
        every = self.target.sessions.values()
        return [one for one in every if one.node is self and not one.is_discovery]

    def _abort_tasks(self, lun: int, nexus: Nexus) -> None:
        """Abort the tasks of a nexus on a unit: PREEMPT AND ABORT."""
        for session in self.sessions():
            if session.nexus == nexus:
                for command in list(session.commands.values()):
                    if command.lun == lun and command.is_started:
                        abort(command)
                self.task_set(lun, nexus).allegiance.lose(nexus)
                session.fence.watch(lun)
                session.announce_window()


class ReferenceTarget:
    """The whole target behind the portals.

    Attributes:
        ready: connections that have output or want to close; the server empties it.
        now: the time of the event that is being handled.
        budget: bytes that are kept for all peers.
        turns: work that is too long for one turn; the server has it done.
    """

    def __init__(
        self, config: Config, *, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.config = config
        self.limits = config.limits
        self.random = random
        rows = habits.named(config.habits)
        self.rules = habits.rules_with(rules_with(config.faults, rows), rows)
        self.now = 0.0
        self.budget = Budget(config.limits.buffered_bytes)
        self.turns = Turns()
        self.ready: list[Connection] = []
        self.connections: dict[Connection, None] = {}
        self.sessions: dict[int, Session] = {}
        self.nodes = {
            node.name: Node(
                node,
                target=self,
                state_directory=config.state_directory,
            )
            for node in config.targets
        }
        self._last_tsih = self.rules.sessions.first_tsih - 1

    def connect(self, portal: Portal, peer: str, now: float) -> Connection:
        """Return the target's end of a new TCP connection."""
        self.now = now
        connection = Connection(self, portal, peer, LoginPhase(self), now)
        self.connections[connection] = None
        return connection

    def forget(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
        self.connections.pop(connection, None)

    def new_session(
        self,
        connection: Connection,
        admission: Admitted,
        request: headers.LoginRequest,
        parameters: Parameters,
        user: str,
    ) -> Session:
        """Return a new session, which replaces one of the same identity.

        Raises:
            Refusal: there are too many.
        """
        nexus = admission.nexus
        for session in self._sessions() if self.rules.login.reinstates else ():
            is_here = admission.node is not None or session.portal == connection.portal
            if session.nexus == nexus and is_here:
                log.info("session %#06x: reinstated", session.tsih)
                session.close(is_reinstated=True)
        if len(self.sessions) >= self.limits.sessions:
            self._end_deserted()
        if len(self.sessions) >= self.limits.sessions:
            raise Refusal(LoginStatus.OUT_OF_RESOURCES, "too many sessions")
        tsih = self._free_tsih()
        session = self.sessions[tsih] = Session(
            self,
            admission.node,
            nexus,
            tsih,
            parameters,
            self.rules.login.first_cmd_sn(request.cmd_sn),
            portal=connection.portal,
            user=user,
            is_discovery=admission.is_discovery,
        )
        return session

    def _end_deserted(self) -> None:
        """End the oldest session without a connection, to make room for others."""
        deserted = (one for one in self._sessions() if not one.connections)
        oldest = next(deserted, None)
        if oldest is not None:
            log.warning("session %#06x: ended, too many sessions", oldest.tsih)
            oldest.end()

    def _free_tsih(self) -> int:
        tsih = self._last_tsih
        while True:
            tsih = tsih % _LAST_TSIH + 1
            if tsih not in self.sessions:
                self._last_tsih = tsih
                return tsih

    def session_ended(self, session: Session) -> None:
        """Forget a session; its nexus is lost (RFC 7143 section 6.3.5.1)."""
        if self.sessions.pop(session.tsih, None) is None:
            return
        for connection in list(self.connections):
            if connection.joining is session:
                connection.finish()  # T7 of section 8.1.2
        if session.node is not None and not session.is_discovery:
            session.node.nexus_lost(session.nexus)

    def next_deadline(self) -> float | None:
        """Return when `tick` will have something to do, or None."""
        deadlines = [
            *(connection.deadline for connection in self.connections),
            *(session.deadline for session in self._sessions()),
        ]
        return min((at for at in deadlines if at is not None), default=None)

    def tick(self, now: float) -> None:
        """Run the timers that are due."""
        self.now = now
        for connection in list(self.connections):
            connection.tick(now)
        for session in self._sessions():
            if session.deadline is not None and session.deadline <= now:
                session.tick(now)
            for function in list(session.aborts.values()):
                if now >= function.deadline:
                    function.expire()
            if self.budget.is_short:
                session.drop_stalled_transfers(now - self.limits.data_time)

    def close(self) -> None:
        """Close the logical units."""
        for node in self.nodes.values():
            node.device.close()

    def _sessions(self) -> list[Session]:
        return list(self.sessions.values())
