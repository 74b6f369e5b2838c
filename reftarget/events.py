# SPDX-License-Identifier: GPL-2.0-only
"""The PDUs that the target sends unasked: pings, Async Messages (section 11.9)."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from iscsi import headers
from iscsi.constants import AsyncEvent
from iscsi.scsi import luns
from iscsi.states import ConnectionEvent

if TYPE_CHECKING:
    from collections.abc import Collection

    from iscsi.digest import Buffer
    from reftarget.connection import Connection

log = logging.getLogger("reftarget")


def start_pings(connection: Connection, now: float) -> None:
    """Ping an idle connection from time to time, if that is configured."""
    interval = connection.target.limits.ping_interval
    if interval and not connection.is_discovery:
        connection.start_timer(now + interval, _ping_if_idle)


def _ping_if_idle(
    connection: Connection, now: float, *, asked: int | None = None
) -> None:
    """Ping a silent peer; drop one that has not answered the last ping."""
    limits = connection.target.limits
    is_unanswered = asked is not None and connection.awaited_pong == asked
    if is_unanswered and not connection.has_received:
        log.warning("%s: no answer to a ping", connection)
        connection.drop()
        return
    wait, asked = limits.ping_interval, None
    if not connection.has_received:
        connection.ping()
        wait, asked = limits.ping_time, connection.awaited_pong
    connection.has_received = False
    connection.start_timer(now + wait, partial(_ping_if_idle, asked=asked))


def send(
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


def announce_drop(connection: Connection, cid: int) -> None:
    """Notify a connection that one of its session, or itself, is dropped."""
    parameters = connection.parameters
    send(
        connection,
        AsyncEvent.CONNECTION_DROP,
        parameter1=cid,
        parameter2=parameters.default_time2wait,
        parameter3=parameters.default_time2retain,
    )


def request_logout(
    connection: Connection, others: Collection[Connection], seconds: int, now: float
) -> None:
    """Request a logout; after `seconds` the connection is dropped.

    Args:
        connection: the one that is to log out.
        others: all connections of its session.
        seconds: the time that it has.
        now: the time.
    """
    recipient = connection.rules.sessions.asked(connection, others)
    send(recipient, AsyncEvent.LOGOUT_REQUEST, parameter3=seconds)
    recipient.happened(ConnectionEvent.LOGOUT_REQUESTED)
    connection.start_timer(now + seconds, _drop)


def _drop(connection: Connection, _now: float) -> None:
    if connection.rules.sessions.drops_after_request:
        drop_connection(connection)


def drop_connection(connection: Connection) -> None:
    """Announce the end of a connection on itself, and end it."""
    announce_drop(connection, connection.cid)
    connection.drop(ConnectionEvent.DROPPED)


def request_negotiation(connection: Connection, seconds: int) -> None:
    """Request a Text Request."""
    send(connection, AsyncEvent.NEGOTIATION_REQUEST, parameter3=seconds)


def report_scsi(connection: Connection, lun: int, sense: bytes) -> None:
    """Report a SCSI asynchronous event."""
    field = int.from_bytes(luns.encode(lun), "big")
    data = len(sense).to_bytes(2, "big") + sense
    send(connection, AsyncEvent.SCSI, lun=field, data=data)
