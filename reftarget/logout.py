# SPDX-License-Identifier: GPL-2.0-only
"""Logout (RFC 7143 sections 11.14 and 11.15)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from iscsi import headers
from iscsi.constants import LogoutReason, LogoutResponseCode
from iscsi.states import ConnectionEvent
from reftarget.recovery import REASSIGNING_LEVEL
from reftarget.states import LOGGED_OUT, LOGGED_OUT_ELSEWHERE

if TYPE_CHECKING:
    from reftarget.connection import Connection
    from reftarget.session import Session

log = logging.getLogger("reftarget")


def receive(
    connection: Connection,
    session: Session,
    request: headers.LogoutRequest,
    _data: bytes,
    now: float,
) -> None:
    """Take a Logout Request whose reason is known."""
    reason = LogoutReason(request.reason)
    log.info("%s: logout, %s", connection, reason.name)
    is_own = reason is LogoutReason.CLOSE_SESSION or request.cid == connection.cid
    if is_own:
        connection.happened(ConnectionEvent.LOGOUT_RECEIVED)
    if reason is LogoutReason.CLOSE_SESSION:
        _respond(connection, request, LogoutResponseCode.CLOSED)
        if session.rules.sessions.logout_closes_session:
            session.close(by=connection)
    else:
        response = _judge(session, reason, request.cid)
        if response is LogoutResponseCode.CLOSED:
            _log_out(connection, session, request, now)
        elif is_own:
            # The connection has left full-feature phase, and its tasks wait (8.1.2,
            # T17).
            _respond(connection, request, response)
            connection.drop(ConnectionEvent.LOGOUT_FAILED)
        else:
            session.cleanup_failed(request.cid)
            _respond(connection, request, response)


def _judge(session: Session, reason: LogoutReason, cid: int) -> LogoutResponseCode:
    if cid not in session.connections and cid not in session.lingering:
        if session.rules.sessions.knows_unknown_cid:
            return LogoutResponseCode.CLOSED
        return LogoutResponseCode.CID_NOT_FOUND
    if (
        reason is LogoutReason.REMOVE_FOR_RECOVERY
        and session.parameters.error_recovery_level < REASSIGNING_LEVEL
    ):
        return LogoutResponseCode.RECOVERY_NOT_SUPPORTED
    return LogoutResponseCode.CLOSED


def _log_out(
    connection: Connection, session: Session, request: headers.LogoutRequest, now: float
) -> None:
    """Take one connection out of the session."""
    leaving = session.connections.get(request.cid)
    is_recovery = request.reason == LogoutReason.REMOVE_FOR_RECOVERY
    session.discard_held(request.cid)
    is_own = leaving is connection
    if is_own:
        _respond(connection, request, LogoutResponseCode.CLOSED)
    session.take_out(request.cid, LOGGED_OUT if is_own else LOGGED_OUT_ELSEWHERE)
    if is_recovery:
        session.recovery.logged_out(request.cid, now + session.patience)
    elif session.rules.sessions.logout_ends_tasks:
        session.recovery.terminate(request.cid)
    if not is_own:
        _respond(connection, request, LogoutResponseCode.CLOSED)
    session.end_if_deserted()


def _respond(
    connection: Connection,
    request: headers.LogoutRequest,
    response: LogoutResponseCode,
) -> None:
    answer = headers.LogoutResponse(
        response=response, initiator_task_tag=request.initiator_task_tag
    )
    if response is not LogoutResponseCode.CID_NOT_FOUND:
        answer.time2wait = connection.parameters.default_time2wait
        answer.time2retain = connection.parameters.default_time2retain
    connection.respond(answer)
