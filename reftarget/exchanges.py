# SPDX-License-Identifier: GPL-2.0-only
"""Text Requests: SendTargets and renegotiation (RFC 7143 sections 6.4 and 11.10).

An exchange continues, with one Initiator Task Tag, as long as requests and responses
carry the Target Transfer Tag. Its results take effect with its last response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi import headers, text
from iscsi.constants import RESERVED_TAG, RejectReason, Role
from iscsi.errors import DecodeError, NegotiationError
from iscsi.keys import KEYS
from iscsi.names import TargetAddress
from iscsi.negotiation import Negotiator
from reftarget.requests import Exchange
from reftarget.twist import worded

if TYPE_CHECKING:
    from reftarget.connection import Connection
    from reftarget.session import Node, Session
    from reftarget.stream import Received


def objection(
    connection: Connection,
    session: Session,
    request: headers.TextRequest,
    _pdu: Received,
) -> RejectReason | None:
    """Return why a Text Request cannot be processed."""
    if request.initiator_task_tag == RESERVED_TAG:
        return RejectReason.INVALID_PDU_FIELD
    if request.initiator_task_tag in session.commands:
        return RejectReason.TASK_IN_PROGRESS
    if request.final and request.continuation:
        return RejectReason.PROTOCOL_ERROR
    if request.target_transfer_tag != RESERVED_TAG:
        exchange = connection.exchange
        if exchange is None or (
            exchange.itt,
            exchange.target_transfer_tag,
        ) != (request.initiator_task_tag, request.target_transfer_tag):
            return RejectReason.INVALID_PDU_FIELD
    return None


def receive(
    connection: Connection,
    session: Session,
    request: headers.TextRequest,
    data: bytes,
    _now: float,
) -> None:
    """Process a Text Request."""
    exchange = connection.exchange
    rules = connection.rules.text
    is_fresh = request.target_transfer_tag == RESERVED_TAG
    if exchange is None or (is_fresh and rules.new_request_resets):
        # A new request discards the former exchange (section 11.10.4).
        exchange = connection.exchange = Exchange(
            request.initiator_task_tag,
            Negotiator(
                Role.TARGET,
                connection.target.config.keys,
                is_discovery=session.is_discovery,
            ),
        )
    try:
        pairs = exchange.add(data, continues=request.continuation)
        if pairs is None:
            _respond(connection, session, exchange, request, b"", final=False)
            return
        _prepare(connection, session, exchange, pairs)
    except (DecodeError, NegotiationError):
        if rules.failed_takes_effect:
            _conclude(connection, exchange)
        connection.exchange = None
        if not request.immediate:
            session.window.step_back()
        connection.refuse(request.pack(), RejectReason.PROTOCOL_ERROR)
        return
    if rules.takes_effect_early:
        _conclude(connection, exchange)
    part = exchange.unsent.pop(0)
    exchange.unsent = rules.rest(exchange.unsent)
    if exchange.unsent:
        _respond(
            connection, session, exchange, request, part, final=False, continuation=True
        )
        return
    _respond(connection, session, exchange, request, part, final=request.final)
    if request.final:
        connection.exchange = None
        _conclude(connection, exchange)


def _prepare(
    connection: Connection, session: Session, exchange: Exchange, pairs: text.Pairs
) -> None:
    """Build the answer to a complete text, unless one is still being sent.

    Raises:
        NegotiationError: the text is not allowed here.
    """
    if exchange.unsent:
        if pairs:
            raise NegotiationError(
                "text in a request that should only continue the response"
            )
        return
    answers = _negotiate(connection, session, exchange, pairs)
    answers = worded(connection.rules.wordings, headers.TextResponse, answers)
    limit = min(
        connection.parameters.initiator_max_recv_data_segment_length,
        connection.rules.text.longest_part,
    )
    exchange.unsent = text.split(text.encode(answers), limit)


def _respond(
    connection: Connection,
    session: Session,
    exchange: Exchange,
    request: headers.TextRequest,
    data: bytes,
    *,
    final: bool,
    continuation: bool = False,
) -> None:
    tag = RESERVED_TAG if final else session.next_transfer_tag()
    exchange.target_transfer_tag = tag
    response = headers.TextResponse(
        final=final,
        continuation=continuation,
        lun=request.lun if not final else 0,
        initiator_task_tag=request.initiator_task_tag,
        target_transfer_tag=tag,
    )
    connection.rules.text.before_response(session.is_discovery, connection.ping)
    connection.respond(response, data)


def _negotiate(
    connection: Connection, session: Session, exchange: Exchange, pairs: text.Pairs
) -> text.Pairs:
    """Return the answers to the text of one request.

    Raises:
        NegotiationError: a key is not allowed here, or came twice.
    """
    rules = connection.rules.text
    own_answers = rules.own_answers(pairs)
    if own_answers is not None:
        return own_answers
    for name, _value in pairs:
        key = KEYS.get(name)
        if key is not None and not rules.has_place(key.use):
            raise NegotiationError(f"{name} in full-feature phase", key=name)
    if session.is_discovery and text.value(pairs, "SendTargets") is None:
        refusals = rules.refusals_in_discovery(pairs)
        if refusals is None:
            raise NegotiationError(
                "a discovery session may send only SendTargets"
            )  # section 4.3
        return refusals
    answers = exchange.negotiator.receive(pairs)
    rules.after_negotiation(exchange.negotiator.declared, pairs)
    for name, value in pairs:
        if name == "SendTargets":
            answers += _send_targets(connection, session, value)
    return answers


def _send_targets(connection: Connection, session: Session, value: str) -> text.Pairs:
    """Return the answer to SendTargets (RFC 7143 appendix C)."""
    rules = connection.rules.text
    name = rules.send_targets(value, session.nexus.target_name, session.is_discovery)
    if name is None:
        return [("SendTargets", text.REJECT)]
    nodes = session.target.nodes.values()
    chosen = [node for node in nodes if name in ("All", node.config.name)]
    answers: text.Pairs = []
    for node in chosen:
        if node.config.is_removed:
            continue
        if rules.lists(node.config.access.admits(session.nexus.initiator_name)):
            answers += _record(connection, node)
    return answers


def _record(connection: Connection, node: Node) -> text.Pairs:
    """Return a target's name and all its addresses."""
    return [
        ("TargetName", node.config.name),
        *(
            (
                "TargetAddress",
                str(TargetAddress(connection.seen_host(portal), portal.port, group)),
            )
            for portal in connection.target.config.portals
            if node.config.is_served_by(group := portal.group_tag)
        ),
    ]


def _conclude(connection: Connection, exchange: Exchange) -> None:
    """Apply the declared values."""
    declared = exchange.negotiator.declared.get("MaxRecvDataSegmentLength")
    if declared is not None and connection.rules.text.redeclared_length_counts:
        connection.parameters.initiator_max_recv_data_segment_length = (
            text.parse_number(declared)
        )
