# SPDX-License-Identifier: GPL-2.0-only
"""Full Feature Phase: each PDU to its handler (RFC 7143 sections 4.3 and 11)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from iscsi import headers
from iscsi.constants import RESERVED_TAG, LogoutReason, Opcode, RejectReason
from iscsi.numbering import Place
from reftarget import commands, data_out, exchanges, logout, snack, tmf

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.connection import Connection
    from reftarget.requests import Request
    from reftarget.session import Session
    from reftarget.stream import Received

    Handler = Callable[[Connection, Session, Received, float], None]


def handler_of(session: Session) -> Callable[[Connection, Received, float], None]:
    """Return what handles the PDUs of a session's connections."""
    return partial(_receive, session)


def _receive(
    session: Session, connection: Connection, pdu: Received, now: float
) -> None:
    """Take one PDU."""
    opcode = pdu.header[0] & 0x3F
    handler = _HANDLERS.get(opcode)
    if handler is None:
        connection.reject(pdu, RejectReason.COMMAND_NOT_SUPPORTED)
    elif (
        session.is_discovery
        and opcode not in connection.rules.connections.discovery_opcodes
    ):
        # A discovery session may send SendTargets only (section 4.3).
        connection.reject(pdu, RejectReason.PROTOCOL_ERROR)
    else:
        handler(connection, session, pdu, now)


_R = TypeVar("_R", bound="Request")


def _numbered(
    parse: Callable[[bytes], _R],
    act: Callable[[Connection, Session, _R, bytes, float], None],
    objection: Callable[[Connection, Session, _R, Received], RejectReason | None],
) -> Handler:
    """Return the handler of a request that has a CmdSN: judge it, wait its turn."""

    def handle(
        connection: Connection, session: Session, pdu: Received, now: float
    ) -> None:
        request = parse(pdu.header)
        connection.acknowledge(request.exp_stat_sn)
        place = session.place_request(request)
        if place is Place.OUTSIDE:
            return  # the target ignores it silently (section 4.2.2.1)
        reason = _objection(connection, request, pdu)
        reason = reason or objection(connection, session, request, pdu)
        if place is Place.AHEAD:
            reason = reason or _take_room(session, pdu)
        if reason is not None:
            connection.reject(pdu, reason)
            return
        data = bytes(pdu.data)
        if request.immediate:
            act(connection, session, request, data, now)
            return
        tag = request.initiator_task_tag
        if place is Place.AHEAD:
            session.pending[tag] = request.opcode

        def act_in_turn(time: float) -> None:
            if session.pending.pop(tag, request.opcode) is request.opcode:
                act(connection, session, request, data, time)

        session.admit(connection, request.cmd_sn, place, act_in_turn, now, len(data))

    return handle


def _take_room(session: Session, pdu: Received) -> RejectReason | None:
    """Take room for data that waits for its number, or say why it is refused."""
    has_room = session.budget.take(len(pdu.data))
    return None if has_room else RejectReason.LONG_OPERATION_REJECT


def _objection(
    connection: Connection, request: Request, pdu: Received
) -> RejectReason | None:
    """Return why no request can be taken like this one, whatever it asks for."""
    if pdu.objection is not None:
        return pdu.objection
    if request.total_ahs_length:
        return RejectReason.INVALID_PDU_FIELD  # only a SCSI Command has one
    return connection.rules.commands.objection_to_request(pdu.header, request.immediate)


def _objection_to_tag(session: Session, request: Request) -> RejectReason | None:
    """Refuse the reserved tag, and one that a command bears."""
    if request.initiator_task_tag == RESERVED_TAG:
        return RejectReason.INVALID_PDU_FIELD
    tag = request.initiator_task_tag
    if tag in session.commands or tag in session.pending or tag in session.aborts:
        return RejectReason.TASK_IN_PROGRESS
    return None


def _objection_to_nop(
    _connection: Connection, session: Session, request: headers.NOPOut, _pdu: Received
) -> RejectReason | None:
    if request.initiator_task_tag == RESERVED_TAG:
        # A NOP-Out without a tag must be immediate (section 11.18.1).
        return None if request.immediate else RejectReason.PROTOCOL_ERROR
    if request.target_transfer_tag != RESERVED_TAG:
        return RejectReason.INVALID_PDU_FIELD
    return _objection_to_tag(session, request)


def _objection_to_function(
    _connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    pdu: Received,
) -> RejectReason | None:
    if len(pdu.data):
        # A task management request has no data (section 11.5.2).
        return RejectReason.INVALID_PDU_FIELD
    rules = session.rules.functions
    if rules.rejects_absent and request.function in rules.absent:
        return RejectReason.COMMAND_NOT_SUPPORTED
    return _objection_to_tag(session, request)


def _objection_to_logout(
    _connection: Connection,
    session: Session,
    request: headers.LogoutRequest,
    _pdu: Received,
) -> RejectReason | None:
    try:
        reason = LogoutReason(request.reason)
    except ValueError:
        return RejectReason.PROTOCOL_ERROR
    if session.is_discovery and reason is not LogoutReason.CLOSE_SESSION:
        return RejectReason.PROTOCOL_ERROR
    return _objection_to_tag(session, request)


def _nop(
    connection: Connection,
    _session: Session,
    request: headers.NOPOut,
    data: bytes,
    _now: float,
) -> None:
    """Answer a ping; take the answer to ours (section 11.18)."""
    is_untagged = request.initiator_task_tag == RESERVED_TAG
    if is_untagged and not connection.rules.connections.answers_untagged:
        connection.pong(request.target_transfer_tag)
        return
    limit = connection.parameters.initiator_max_recv_data_segment_length
    answer = headers.NOPIn(initiator_task_tag=request.initiator_task_tag)
    connection.respond(answer, data[:limit])


_NOP: Final = _numbered(headers.NOPOut.parse, _nop, _objection_to_nop)
_TEXT: Final = _numbered(
    headers.TextRequest.parse, exchanges.receive, exchanges.objection
)
_LOGOUT: Final = _numbered(
    headers.LogoutRequest.parse, logout.receive, _objection_to_logout
)


def _refuse_login(
    connection: Connection, _session: Session, pdu: Received, _now: float
) -> None:
    """Refuse a second Login Phase (section 4.2.4)."""
    connection.reject(pdu, RejectReason.PROTOCOL_ERROR)


_HANDLERS: Final[dict[int, Handler]] = {
    Opcode.LOGIN_REQUEST: _refuse_login,
    Opcode.NOP_OUT: _NOP,
    Opcode.SCSI_COMMAND: commands.receive,
    Opcode.TASK_MANAGEMENT_REQUEST: _numbered(
        headers.TaskManagementRequest.parse, tmf.receive, _objection_to_function
    ),
    Opcode.TEXT_REQUEST: _TEXT,
    Opcode.DATA_OUT: data_out.receive,
    Opcode.LOGOUT_REQUEST: _LOGOUT,
    Opcode.SNACK: snack.receive,
}
