# SPDX-License-Identifier: GPL-2.0-only
"""What the target says unasked: pings and Async Messages (RFC 7143 section 11.9)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from iscsi import headers
from iscsi.constants import RESERVED_TAG, AsyncEvent
from iscsi.scsi import luns

if TYPE_CHECKING:
    from iscsi.digest import Buffer
    from reftarget.connection import Connection
    from reftarget.host import Host
    from reftarget.session import Session

log = logging.getLogger("reftarget")


class Events:
    """Sends what nobody asked for."""

    def __init__(self, target: Host) -> None:
        self.target = target

    def ping(self, connection: Connection) -> None:
        """Ask for a sign of life, and for an ExpStatSN with it."""
        session = connection.session
        assert session is not None
        tag = session.next_transfer_tag()
        connection.awaited_pong = tag
        node = session.node
        units = node.device.luns if node is not None else []
        lun = int.from_bytes(luns.encode(units[0]), "big") if units else 0
        ping = headers.NOPIn(target_transfer_tag=tag, lun=lun)
        connection.number(ping, advance=False)
        connection.send(ping)

    def pong(self, connection: Connection, answer: headers.NOPOut) -> None:
        """Take the answer to a ping."""
        if answer.target_transfer_tag == connection.awaited_pong:
            connection.awaited_pong = None

    def start_pings(self, connection: Connection, now: float) -> None:
        """Ping an idle connection from time to time, if so configured."""
        interval = self.target.config.limits.ping_interval
        assert connection.session is not None
        if interval and not connection.session.is_discovery:
            connection.start_timer(now + interval, self._ping_if_idle)

    def _ping_if_idle(self, connection: Connection, now: float) -> None:
        limits = self.target.config.limits
        if connection.awaited_pong is not None and not connection.was_heard:
            log.warning("%s: no answer to a ping", connection)
            connection.drop()
            return
        wait = limits.ping_interval
        if not connection.was_heard:
            self.ping(connection)
            wait = limits.ping_time
        connection.was_heard = False
        connection.start_timer(now + wait, self._ping_if_idle)

    def announce_window(self, session: Session) -> None:
        """Tell of a window that has opened with no response to say so (11.4.11)."""
        if not session.rules.sessions.announces_window:
            return
        for connection in session.connections.values():
            note = headers.NOPIn(target_transfer_tag=RESERVED_TAG)
            connection.number(note, advance=False)
            connection.send(note)
            return

    def announce_drop(self, session: Session, cid: int) -> None:
        """Tell a session's other connections that one has been dropped."""
        if not session.rules.sessions.announces_drop:
            return
        parameters = session.parameters
        for connection in session.connections.values():
            self.send(
                connection,
                AsyncEvent.CONNECTION_DROP,
                parameter1=cid,
                parameter2=parameters.default_time2wait,
                parameter3=parameters.default_time2retain,
            )
            return

    def send(
        self,
        connection: Connection,
        event: AsyncEvent,
        *,
        vcode: int = 0,
        lun: int = 0,
        parameter1: int = 0,
        parameter2: int = 0,
        parameter3: int = 0,
        data: Buffer = b"",
    ) -> None:
        """Send an Async Message."""
        log.info("%s: Async Message %s", connection, event.name)
        connection.respond(
            headers.AsyncMessage(
                async_event=event,
                async_vcode=vcode,
                lun=lun,
                parameter1=parameter1,
                parameter2=parameter2,
                parameter3=parameter3,
            ),
            data,
        )

    def request_logout(self, connection: Connection, seconds: int, now: float) -> None:
        """Ask for a logout; after `seconds` the connection is dropped."""
        asked = connection
        if connection.session is not None:
            every = connection.session.connections.values()
            asked = connection.rules.sessions.asked(connection, every)
        self.send(asked, AsyncEvent.LOGOUT_REQUEST, parameter3=seconds)
        connection.start_timer(now + seconds, self._drop)

    def _drop(self, connection: Connection, _now: float) -> None:
        if not connection.rules.sessions.drops_after_request:
            return
        self.drop_connection(connection)

    def drop_connection(self, connection: Connection) -> None:
        """Announce the end of a connection on itself, and end it."""
        parameters = connection.parameters
        self.send(
            connection,
            AsyncEvent.CONNECTION_DROP,
            parameter1=connection.cid,
            parameter2=parameters.default_time2wait,
            parameter3=parameters.default_time2retain,
        )
        connection.drop()

    def drop_session(self, session: Session) -> None:
        """Announce the end of a session on all its connections, and end it."""
        for connection in session.connections.values():
            self.send(connection, AsyncEvent.SESSION_DROP)
        session.close()

    def request_negotiation(self, connection: Connection, seconds: int) -> None:
        """Ask for a Text Request."""
        self.send(connection, AsyncEvent.NEGOTIATION_REQUEST, parameter3=seconds)

    def report_scsi(self, connection: Connection, lun: int, sense: bytes) -> None:
        """Report a SCSI asynchronous event."""
        field = int.from_bytes(luns.encode(lun), "big")
        data = len(sense).to_bytes(2, "big") + sense
        self.send(connection, AsyncEvent.SCSI, lun=field, data=data)
