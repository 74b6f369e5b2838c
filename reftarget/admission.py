# SPDX-License-Identifier: GPL-2.0-only
"""Logins by name, access, and the table of RFC 7143 section 6.3.1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iscsi import headers, text
from iscsi.constants import LoginStatus
from iscsi.names import MAX_NAME_LENGTH
from reftarget.refusal import Refusal
from reftarget.scsi.task import Nexus

if TYPE_CHECKING:
    from iscsi.parameters import Parameters
    from reftarget.config import Access
    from reftarget.connection import Connection
    from reftarget.host import Host
    from reftarget.session import Node, Session


@dataclass(frozen=True, slots=True)
class Admission:
    """A login, as described by its first text."""

    node: Node | None
    nexus: Nexus
    access: Access
    is_discovery: bool
    session: Session | None
    """The session to join; None for a leading login."""
    declarations: text.Pairs


def admit(
    target: Host,
    connection: Connection,
    request: headers.LoginRequest,
    pairs: text.Pairs,
) -> Admission:
    """Judge names and session identity.

    Raises:
        Refusal: the login is refused with a status.
    """
    initiator = text.value(pairs, "InitiatorName")
    if not initiator:
        raise Refusal(connection.rules.login.missing_name, "no InitiatorName")
    if len(initiator.encode()) > MAX_NAME_LENGTH:
        raise Refusal(LoginStatus.INITIATOR_ERROR, "InitiatorName is too long")
    is_discovery = _is_discovery(connection, request, pairs)
    name = text.value(pairs, "TargetName")
    if name is None and not is_discovery:
        raise Refusal(connection.rules.login.missing_name, "no TargetName")
    node = None if name is None else _find_node(target, connection, name, initiator)
    group = connection.portal.group_tag
    nexus = Nexus(initiator, request.isid, name or "", group)
    access = target.config.discovery if node is None else node.config.access
    if not access.admits(initiator):
        raise Refusal(LoginStatus.AUTHORIZATION_FAILURE, initiator)
    declarations = [("TargetPortalGroupTag", str(group))]
    if node is not None and not is_discovery and node.config.alias:
        declarations.append(("TargetAlias", node.config.alias))
    joined = _find_session(target, connection, request, nexus)
    if joined is not None and not target.rules.login.can_join:
        raise Refusal(
            LoginStatus.SESSION_DOES_NOT_EXIST, "no connection can join this session"
        )
    if joined is not None:
        is_discovery = joined.is_discovery
    return Admission(node, nexus, access, is_discovery, joined, declarations)


def _is_discovery(
    connection: Connection, request: headers.LoginRequest, pairs: text.Pairs
) -> bool:
    """Return whether a login is for discovery, if this portal has such sessions."""
    config, rules = connection.target.config, connection.rules.login
    session_type = text.value(pairs, "SessionType")
    kind = rules.session_type(session_type)
    if kind is None:
        raise Refusal(
            LoginStatus.SESSION_TYPE_NOT_SUPPORTED, f"SessionType={session_type}"
        )
    if kind != "Discovery":
        return False
    if not config.is_discovery_offered:
        raise Refusal(
            LoginStatus.SESSION_TYPE_NOT_SUPPORTED, "this portal offers no discovery"
        )
    is_first_portal = connection.portal is config.portals[0]
    objection = rules.objection_to_discovery(request.csg, is_first_portal)
    if objection is not None:
        raise objection
    return True


def _find_node(target: Host, connection: Connection, name: str, initiator: str) -> Node:
    """Return the target node, if this portal serves it now."""
    node = target.nodes.get(name)
    if node is None or not node.config.is_served_by(connection.portal.group_tag):
        raise Refusal(LoginStatus.NOT_FOUND, name)
    config = node.config
    if config.is_removed:
        raise Refusal(LoginStatus.TARGET_REMOVED, name)
    if not config.access.admits(initiator):
        raise Refusal(LoginStatus.AUTHORIZATION_FAILURE, initiator)
    if config.redirection is not None:
        status = (
            LoginStatus.TARGET_MOVED_PERMANENTLY
            if config.redirection.is_permanent
            else LoginStatus.TARGET_MOVED_TEMPORARILY
        )
        address = ("TargetAddress", config.redirection.address)
        raise Refusal(status, config.redirection.address, [address])
    if not config.is_online:
        raise Refusal(LoginStatus.SERVICE_UNAVAILABLE, name)
    return node


def _find_session(
    target: Host,
    connection: Connection,
    request: headers.LoginRequest,
    nexus: Nexus,
) -> Session | None:
    """Return the session that a non-zero TSIH names."""
    if not request.tsih:
        return None
    session = target.sessions.get(request.tsih)
    if session is None or (session.nexus.initiator_name, session.nexus.isid) != (
        nexus.initiator_name,
        nexus.isid,
    ):
        if connection.rules.login.unknown_tsih_is_new:
            return None
        raise Refusal(LoginStatus.SESSION_DOES_NOT_EXIST, f"TSIH {request.tsih:#06x}")
    if session.nexus.target_name != nexus.target_name:
        raise Refusal(
            LoginStatus.SESSION_DOES_NOT_EXIST, "the TSIH belongs to another target"
        )
    if session.nexus != nexus:
        raise Refusal(
            LoginStatus.CANNOT_INCLUDE_IN_SESSION,
            "the session is in another portal group",
        )
    is_known = request.cid in session.connections or request.cid in session.lingering
    count = len(session.connections)
    maximum = session.parameters.max_connections
    if not connection.rules.login.has_room(count, maximum, is_known):
        raise Refusal(LoginStatus.TOO_MANY_CONNECTIONS, f"{count} are open")
    return session


def number(
    connection: Connection,
    admission: Admission | None,
    request: headers.LoginRequest,
    response: headers.LoginResponse,
) -> None:
    """Fill in the sequence numbers of a Login Response."""
    connection.number(response)
    session = admission.session if admission is not None else None
    if session is not None:
        response.exp_cmd_sn = session.window.exp_cmd_sn
        response.max_cmd_sn = session.window.max_cmd_sn
        return
    # A leading login sets the numbers but consumes none (section 11.12.8).
    depth = connection.target.limits.queue_depth
    response.exp_cmd_sn = request.cmd_sn
    response.max_cmd_sn = request.cmd_sn + depth - 1 & 0xFFFFFFFF


def establish(
    target: Host,
    connection: Connection,
    admission: Admission,
    request: headers.LoginRequest,
    parameters: Parameters,
    user: str,
) -> Session:
    """Return the session of a login that has succeeded.

    Raises:
        Refusal: there is no room, or the session has ended meanwhile.
    """
    session = None
    if admission.session is not None:
        session = _find_session(target, connection, request, admission.nexus)
    if session is None:
        target.rules.login.before_session(
            list(target.sessions.values()), admission.nexus, admission.is_discovery
        )
        return target.new_session(connection, admission, request, parameters, user)
    if not target.rules.login.is_same_identity(session.user, user):
        # A session has one identity (section 9.2).
        raise Refusal(LoginStatus.AUTHENTICATION_FAILURE, "another CHAP_N")
    session.reinstate_connection(request.cid, request.exp_stat_sn, target.now)
    return session


def of_connection(session: Session, negotiated: Parameters) -> Parameters:
    """Return a connection's parameters: those of the session and its own."""
    return replace(
        session.parameters,
        header_digest=negotiated.header_digest,
        data_digest=negotiated.data_digest,
        initiator_max_recv_data_segment_length=(
            negotiated.initiator_max_recv_data_segment_length
        ),
        target_max_recv_data_segment_length=(
            negotiated.target_max_recv_data_segment_length
        ),
    )
