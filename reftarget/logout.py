# SPDX-License-Identifier: GPL-2.0-only
"""Logout (RFC 7143 sections 11.14 and 11.15)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from iscsi import headers
from iscsi.constants import LogoutReason, LogoutResponseCode

if TYPE_CHECKING:
    from reftarget.connection import Connection
    from reftarget.fullfeature import Request
    from reftarget.session import Session

log = logging.getLogger("reftarget")


def receive(connection: Connection, request: Request, _data: bytes, now: float) -> None:
    """Take a Logout Request."""
    assert isinstance(request, headers.LogoutRequest)
    session = connection.session
    assert session is not None
    reason = LogoutReason(request.reason)
    log.info("%s: logout, %s", connection, reason.name)
    if reason is LogoutReason.CLOSE_SESSION:
        _respond(connection, request, LogoutResponseCode.CLOSED)
        session.close()
        return
    cid = request.cid
    if cid not in session.connections and cid not in session.lingering:
        _respond(connection, request, LogoutResponseCode.CID_NOT_FOUND)
        return
    is_recovery = reason is LogoutReason.REMOVE_FOR_RECOVERY
    if is_recovery and session.parameters.error_recovery_level < 2:
        _respond(connection, request, LogoutResponseCode.RECOVERY_NOT_SUPPORTED)
        return
    if is_recovery:
        _remove_for_recovery(session, cid, now)
    else:
        session.recovery.terminate_tasks(cid)
    _respond(connection, request, LogoutResponseCode.CLOSED)
    session.lingering.pop(cid, None)
    leaving = session.connections.pop(cid, None)
    if leaving is not None:
        leaving.finish()
    if is_recovery and session.recovery.has_orphans(cid):
        session.linger(cid, now, _time(session))
    elif not session.connections and not session.lingering:
        session.end()


def _remove_for_recovery(session: Session, cid: int, _now: float) -> None:
    """Make the tasks of a connection ready to be reassigned (section 7.2.2)."""
    session.recovery.logged_out_for_recovery(cid)


def _time(session: Session) -> float:
    parameters = session.parameters
    return parameters.default_time2wait + parameters.default_time2retain


def _respond(
    connection: Connection,
    request: headers.LogoutRequest,
    response: LogoutResponseCode,
) -> None:
    parameters = connection.parameters
    answer = headers.LogoutResponse(
        response=response,
        initiator_task_tag=request.initiator_task_tag,
        time2wait=parameters.default_time2wait,
        time2retain=parameters.default_time2retain,
    )
    connection.respond(answer)
