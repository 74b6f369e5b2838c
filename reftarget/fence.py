# SPDX-License-Identifier: GPL-2.0-only
"""The Response Fence of sessions with several connections (RFC 7143 section 4.2.2.3).

    raised -> all earlier status acknowledged -> fenced response sent
        -> that response acknowledged -> cleared, what was held goes out

With one connection TCP keeps the order, and nothing special is done.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from iscsi import serial
from iscsi.scsi import sense
from iscsi.scsi.sense import SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.rules.allegiance import has_naca, preempts_and_aborts
from reftarget.rules.fencing import Fenced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reftarget.rules import Rules
    from reftarget.scsi.task import Outcome

_MOST_HELD: Final = 1024
"""Responses that wait; commands, which the window bounds, come on top."""


class Acknowledged(Protocol):
    """What a fence asks of a connection."""

    @property
    def cid(self) -> int:
        """Its number in the session."""

    @property
    def stat_sn(self) -> int:
        """The number of the next status."""

    @property
    def exp_stat_sn(self) -> int:
        """The first number that the initiator has not acknowledged."""

    @property
    def has_unacknowledged_status(self) -> bool:
        """True while a status is under way."""

    def ping(self) -> None:
        """Ask for an acknowledgement."""


class Responding(Protocol):
    """What a fence asks of a command."""

    @property
    def lun(self) -> int:
        """Its logical unit."""

    @property
    def cdb(self) -> bytes:
        """Its CDB."""

    def conclude(self, outcome: Outcome) -> None:
        """Send data and status, which may have to wait for a fence."""

    def conclude_fenced(self, outcome: Outcome) -> Acknowledged | None:
        """Send data and status now; return the connection that they went out on."""


class Fencing(Protocol):
    """What a fence asks of its session."""

    @property
    def rules(self) -> Rules:
        """The decisions of the target."""

    @property
    def connections(self) -> Mapping[int, Acknowledged]:
        """Its connections, by CID."""


class Fence:
    """One session's fences, for one or all of its logical units.

    Attributes:
        session: the session, which owns this and is not owned by it.
        awaited: the status that must be acknowledged, by connection.
    """

    def __init__(self, session: Fencing) -> None:
        self.session: Fencing = weakref.proxy(session)
        self.rules = session.rules.fence
        self.awaited: dict[Acknowledged, int] = {}
        self._lun: int | None = None
        self._send: Callable[[], Acknowledged | None] | None = None
        self._is_up = False
        self._held: list[Callable[[], None]] = []
        self._watched: set[int] = set()
        self._in_allegiance: set[int] = set()

    def end(self) -> None:
        """Let go of all that is held: the session has ended."""
        self.awaited.clear()
        self._held.clear()
        self._send = None

    def raise_for(
        self, lun: int | None, send: Callable[[], Acknowledged | None]
    ) -> None:
        """Send a response between two fences.

        Args:
            lun: the logical unit whose responses keep in line; None for all of them.
            send: sends the response; returns the connection that it went out on.
        """
        if self._is_up:
            self._held.append(lambda: self.raise_for(lun, send))
            return
        if len(self.session.connections) < 2 or not self.rules.is_raised:
            send()
            return
        self._is_up = True
        self._lun = lun
        self._send = send
        for connection in self.session.connections.values():
            if connection.has_unacknowledged_status:
                self.awaited[connection] = connection.stat_sn
                connection.ping()
        self.progress()

    @property
    def is_crowded(self) -> bool:
        """True while so much is held that no request should add to it."""
        return len(self._held) >= _MOST_HELD

    def watch(self, lun: int) -> None:
        """Fence the next UNIT ATTENTION of a logical unit (4.2.2.3.4 a)."""
        self._watched.add(lun)

    def watch_allegiance(self, lun: int) -> None:
        """Fence the next ACA ACTIVE of a logical unit (4.2.2.3.4 d)."""
        self._in_allegiance.add(lun)

    def progress(self) -> None:
        """Go on if all that is awaited has been acknowledged, or cannot be."""
        for connection, stat_sn in list(self.awaited.items()):
            is_gone = self.session.connections.get(connection.cid) is not connection
            if is_gone or serial.less_or_equal(stat_sn, connection.exp_stat_sn):
                del self.awaited[connection]
        if self.awaited or not self._is_up:
            return
        send, self._send = self._send, None
        if send is not None:
            used = send()
            if not self.rules.waits_for_acknowledgement:
                used = None
            if used is not None and used.has_unacknowledged_status:
                self.awaited[used] = used.stat_sn
                return
        self._is_up = False
        waiting, self._held = self._held, []
        for action in waiting:
            action()

    def holds(self, command: Responding, outcome: Outcome) -> bool:
        """Take a response in charge if it has to wait or to be fenced."""
        if self._is_up:
            if self._lun not in (None, command.lun):
                return False
            self._held.append(lambda: command.conclude(outcome))
            return True
        if len(self.session.connections) < 2:
            return False
        if not self._needs_fence(command, outcome):
            return False

        self.raise_for(command.lun, partial(command.conclude_fenced, outcome))
        return True

    def _needs_fence(self, command: Responding, outcome: Outcome) -> bool:
        """Tell whether section 4.2.2.3.4 lists this response."""
        fenced = self.rules.fenced
        if preempts_and_aborts(command.cdb):
            return Fenced.PREEMPT in fenced
        if outcome.status is SCSIStatus.CHECK_CONDITION and has_naca(command.cdb):
            return Fenced.ACA in fenced
        if outcome.status is SCSIStatus.ACA_ACTIVE:
            is_first = command.lun in self._in_allegiance
            self._in_allegiance.discard(command.lun)
            return is_first and Fenced.ACA_ACTIVE in fenced
        if command.lun not in self._watched or not outcome.sense:
            return False
        is_attention = (
            outcome.status == SCSIStatus.CHECK_CONDITION
            and sense.parse(outcome.sense).key is SenseKey.UNIT_ATTENTION
        )
        if is_attention:
            self._watched.discard(command.lun)
            return Fenced.ATTENTION in fenced
        return False
