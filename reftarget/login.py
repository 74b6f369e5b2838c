# SPDX-License-Identifier: GPL-2.0-only
"""The Login Phase of a connection, from the target's end (RFC 7143 section 6.3).

Each Login Request goes through the same steps: the frame (who, which stage), the text
once it is whole, who logs in where (once), the keys of the stage, the transition. A
step that fails raises `Refusal`, which becomes the Login Response that ends it all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from iscsi import headers, text
from iscsi.constants import (
    ISCSI_VERSION,
    LoginStatus,
    Opcode,
    Role,
    Stage,
)
from iscsi.errors import DecodeError, NegotiationError, PeerError
from iscsi.keys import KEYS, Use, When
from iscsi.login import LoginStages
from iscsi.negotiation import Negotiator
from iscsi.parameters import Parameters
from iscsi.states import ConnectionEvent
from reftarget import admission, events, fullfeature
from reftarget.authentication import Authentication
from reftarget.config import ARCHITECTURE
from reftarget.refusal import Refusal
from reftarget.rules.login import OtherPDU
from reftarget.twist import worded

if TYPE_CHECKING:
    from reftarget.admission import Admission
    from reftarget.connection import Connection
    from reftarget.host import Host
    from reftarget.stream import Received

log = logging.getLogger("reftarget")

LONGEST_TEXT: Final = 1 << 16
"""Bytes of one text in a login, whose sender has proved nothing yet."""

_STAGE_OF: Final = {
    When.SECURITY: frozenset({Stage.SECURITY}),
    When.OPERATIONAL: frozenset({Stage.OPERATIONAL}),
    When.ANY_STAGE: frozenset({Stage.SECURITY, Stage.OPERATIONAL}),
    When.FULL_FEATURE: frozenset[Stage](),
}
"""The stages in which a key may be used, by its row of the table."""


def _identity(request: headers.LoginRequest) -> tuple[int, bytes, int, int]:
    """Return what stays the same from the first request of a login to its last."""
    return request.initiator_task_tag, request.isid, request.tsih, request.cid


@dataclass(slots=True)
class _Admitted:
    """What a login works with from its first text on."""

    admission: Admission
    authentication: Authentication
    negotiator: Negotiator
    unsent: list[bytes] = field(default_factory=list)
    """What is still to be sent of our text, in parts."""


class LoginPhase:
    """The state of one login; it is the connection's handler while it lasts."""

    def __init__(self, target: Host) -> None:
        self.target = target
        self.first: headers.LoginRequest | None = None
        self.stages = LoginStages()
        self.joiner = text.Joiner(limit=LONGEST_TEXT)
        self.admitted: _Admitted | None = None
        self.exchanges = 0
        self.has_declared = False
        self.awaits_answers = False

    def __call__(self, connection: Connection, pdu: Received, now: float) -> None:
        """Take one PDU."""
        try:
            request = self._check_frame(connection, pdu)
            if request is not None:
                self._take(connection, request, bytes(pdu.data), now)
        except Refusal as refusal:
            if self.first is None or not connection.rules.login.sends_refusals:
                connection.drop()
            else:
                _refuse(self.first, connection, refusal)
        # The initiator gets a response even if the target is at fault.
        except Exception as error:
            log.exception("%s: the login failed by a bug of the target", connection)
            if self.first is None:
                raise
            failed = Refusal(LoginStatus.TARGET_ERROR, str(error))
            _refuse(self.first, connection, failed)

    def _check_frame(
        self, connection: Connection, pdu: Received
    ) -> headers.LoginRequest | None:
        """Return the request if it belongs to this login."""
        if pdu.header[0] & 0x3F != Opcode.LOGIN_REQUEST:
            self._take_other(connection)
            return None
        request = headers.LoginRequest.parse(pdu.header)
        self.exchanges += 1
        if self.first is None:
            self.first = request
            connection.happened(ConnectionEvent.LOGIN_RECEIVED)
            connection.on_format_error = partial(_refuse_too_long, request)
            connection.cid = connection.rules.login.cid(request.cid)
        elif _identity(request) != _identity(self.first):
            raise Refusal(LoginStatus.INITIATOR_ERROR, "ITT, ISID, TSIH or CID changed")
        self._count(connection, request)
        try:
            self.stages.request(
                csg=request.csg,
                nsg=request.nsg,
                transit=request.transit,
                continuation=request.continuation,
            )
        except PeerError as error:
            stages = connection.rules.login.recovered_stages(request.csg)
            if stages is None:
                raise Refusal(LoginStatus.INITIATOR_ERROR, str(error)) from error
            self.stages = stages
        return request

    def _take_other(self, connection: Connection) -> None:
        """Refuse what is no Login Request (section 4.2.4)."""
        match connection.rules.login.other_pdu(self.first is None):
            case OtherPDU.DROP:
                log.warning("%s: the first PDU is not a Login Request", connection)
                connection.drop()
            case OtherPDU.REFUSE:
                raise Refusal(LoginStatus.INVALID_DURING_LOGIN, "not a Login Request")

    def _count(self, connection: Connection, request: headers.LoginRequest) -> None:
        """Refuse a version that there is none of, and a login that does not end."""
        rules = connection.rules.login
        is_new = request.version_min > ISCSI_VERSION
        if is_new and rules.judges_version(self.exchanges):
            raise Refusal(LoginStatus.UNSUPPORTED_VERSION, "version")
        limit = self.target.limits.login_exchanges
        if self.exchanges > rules.exchanges(limit):
            raise Refusal(LoginStatus.INITIATOR_ERROR, "too many exchanges")

    def _take(
        self,
        connection: Connection,
        request: headers.LoginRequest,
        data: bytes,
        now: float,
    ) -> None:
        rules = connection.rules.login
        data = rules.part(data, request.continuation)
        try:
            pairs = self.joiner.add(data, continues=request.continuation)
            if pairs is None:
                self._respond(connection, request, rules.answer_to_part)
                return
            if objection := rules.objection_to_text(data):
                raise Refusal(LoginStatus.INITIATOR_ERROR, objection)
            admitted = self.admitted
            if admitted is not None and admitted.unsent:
                if pairs:
                    raise Refusal(
                        LoginStatus.INITIATOR_ERROR,
                        "text before the response is complete",
                    )
                self._send_text(connection, admitted, request, now)
                return
            admitted, answers = self._negotiate(connection, request, pairs)
        except (DecodeError, NegotiationError) as error:
            raise Refusal(LoginStatus.INITIATOR_ERROR, str(error)) from error
        answers = worded(connection.rules.wordings, headers.LoginResponse, answers)
        data = text.encode(answers)
        admitted.unsent = text.split(data, rules.longest_part)
        self._send_text(connection, admitted, request, now)

    def _negotiate(
        self, connection: Connection, request: headers.LoginRequest, pairs: text.Pairs
    ) -> tuple[_Admitted, text.Pairs]:
        """Return who logs in, and what is to be said to the text of one request."""
        rules = connection.rules.login
        self.awaits_answers = False
        answers: text.Pairs = []
        admitted, is_first = self.admitted, self.admitted is None
        if admitted is None:
            admitted = self.admitted = self._admit(connection, request, pairs)
        negotiator = admitted.negotiator
        answers += rules.unasked_answers(pairs)
        pairs = rules.understood(pairs, admitted.admission.nexus.initiator_name)
        if rules.ignores_misplaced:
            pairs = [pair for pair in pairs if not self._is_misplaced(pair[0])]
        if rules.checks_stage:
            self._check_stage(request, pairs)
        pairs = rules.negotiated(pairs, negotiator.seen)
        if self.stages.current is Stage.OPERATIONAL:
            admitted.authentication.require()
        answers += rules.answers(pairs, negotiator.receive(pairs))
        if self.stages.current is Stage.SECURITY:
            answers = [pair for pair in answers if pair[0] != "AuthMethod"]
            answers += admitted.authentication.receive(pairs)
        elif not self.has_declared:
            answers += self._declare(connection, request, negotiator)
        if is_first:
            answers += admitted.admission.declarations
        return admitted, answers

    def _admit(
        self, connection: Connection, request: headers.LoginRequest, pairs: text.Pairs
    ) -> _Admitted:
        """Find the nexus, the session and the access rules of a login."""
        admitted = admission.admit(self.target, connection, request, pairs)
        if admitted.session is not None:
            admitted.session.login_started(connection)
        connection.is_discovery = admitted.is_discovery
        authentication = Authentication(
            admitted.access,
            admitted.nexus.initiator_name,
            self.target.random,
            connection.rules.authentication,
            is_added=admitted.session is not None,
        )
        negotiator = Negotiator(
            Role.TARGET,
            self.target.config.keys,
            is_discovery=admitted.is_discovery,
            takes_any_answer=connection.rules.login.takes_any_answer,
        )
        return _Admitted(admitted, authentication, negotiator)

    def _declare(
        self,
        connection: Connection,
        request: headers.LoginRequest,
        negotiator: Negotiator,
    ) -> text.Pairs:
        """Return the pairs that this side declares unasked in the operational stage."""
        self.has_declared = True
        keys = self.target.config.keys
        offers = [(ARCHITECTURE, keys[ARCHITECTURE])] if ARCHITECTURE in keys else []
        own_offers = connection.rules.login.own_offers(
            negotiator.seen, not request.tsih
        )
        offers += own_offers
        self.awaits_answers = bool(own_offers)
        for name, value in offers:
            negotiator.offer(name, value)
        length = keys["MaxRecvDataSegmentLength"]
        if not connection.rules.login.declares_length:
            return offers
        return [("MaxRecvDataSegmentLength", length), *offers]

    def _is_misplaced(self, name: str) -> bool:
        """Tell whether a key has no place in this stage."""
        key, stage = KEYS.get(name), self.stages.current
        return (
            key is not None and stage is not None and stage not in _STAGE_OF[key.when]
        )

    def _check_stage(self, request: headers.LoginRequest, pairs: text.Pairs) -> None:
        """Refuse keys that have no place in this stage or on this connection."""
        for name, _value in pairs:
            if self._is_misplaced(name):
                raise Refusal(
                    LoginStatus.INITIATOR_ERROR,
                    f"{name} in the stage of other keys",
                )
            key = KEYS.get(name)
            is_late = request.tsih and key is not None and key.use is Use.LEADING_ONLY
            if is_late and name != "SessionType":
                raise Refusal(
                    LoginStatus.INITIATOR_ERROR, f"{name} on an added connection"
                )

    def _send_text(
        self,
        connection: Connection,
        admitted: _Admitted,
        request: headers.LoginRequest,
        now: float,
    ) -> None:
        """Send the next part of our text; with the last part, grant the transition."""
        data = admitted.unsent.pop(0)
        if admitted.unsent:
            self._respond(connection, request, data, continuation=True)
            return
        may_transit = connection.rules.login.may_transit(self.exchanges)
        if self.awaits_answers and connection.rules.login.waits_for_answers:
            may_transit = False
        is_secured = self.stages.current is not Stage.SECURITY
        is_ready = is_secured or admitted.authentication.may_leave()
        transit = request.transit and is_ready and may_transit
        if transit and request.nsg == Stage.FULL_FEATURE:
            self._complete(connection, admitted, request, data, now)
        else:
            self._respond(connection, request, data, transit=transit)

    def _complete(
        self,
        connection: Connection,
        admitted: _Admitted,
        request: headers.LoginRequest,
        data: bytes,
        now: float,
    ) -> None:
        admitted.authentication.require()
        parameters = self._parameters(admitted.negotiator)
        session = admission.establish(
            self.target,
            connection,
            admitted.admission,
            request,
            parameters,
            admitted.authentication.user,
        )
        self._respond(connection, request, data, transit=True, tsih=session.tsih)
        connection.enter_full_feature(
            session,
            admission.of_connection(session, parameters),
            fullfeature.handler_of(session),
        )
        session.attach(connection)
        events.start_pings(connection, now)
        architecture = admitted.negotiator.declared.get(ARCHITECTURE, "not declared")
        log.info(
            "%s: logged in %s, architecture %r", connection, session.nexus, architecture
        )

    def _parameters(self, negotiator: Negotiator) -> Parameters:
        parameters = Parameters()
        parameters.update(negotiator.results)
        declared = negotiator.declared.get("MaxRecvDataSegmentLength")
        if declared is not None:
            length = text.parse_number(declared)
            parameters.initiator_max_recv_data_segment_length = length
        if self.has_declared:
            length = int(self.target.config.keys["MaxRecvDataSegmentLength"])
            parameters.target_max_recv_data_segment_length = length
        return parameters

    def _respond(
        self,
        connection: Connection,
        request: headers.LoginRequest,
        data: bytes,
        *,
        transit: bool = False,
        continuation: bool = False,
        tsih: int | None = None,
    ) -> None:
        self.stages.response(
            csg=request.csg,
            nsg=request.nsg if transit else 0,
            transit=transit,
            continuation=continuation,
        )
        response = headers.LoginResponse(
            transit=transit,
            continuation=continuation,
            csg=request.csg,
            nsg=request.nsg if transit else 0,
            version_max=ISCSI_VERSION,
            version_active=ISCSI_VERSION,
            isid=request.isid,
            tsih=request.tsih if tsih is None else tsih,
            initiator_task_tag=request.initiator_task_tag,
        )

        admitted = None if self.admitted is None else self.admitted.admission

        def send() -> None:
            admission.number(connection, admitted, request, response)
            connection.send(response, data)

        send()
        connection.rules.login.after_response(send)


def _refuse_too_long(first: headers.LoginRequest, connection: Connection) -> None:
    refusal = Refusal(LoginStatus.INITIATOR_ERROR, "the data segment is too long")
    _refuse(first, connection, refusal)


def _refuse(
    first: headers.LoginRequest, connection: Connection, refusal: Refusal
) -> None:
    """End the login that a request has begun with a status (section 11.13.5)."""
    log.warning("%s: login refused: %s", connection, refusal)
    response = headers.LoginResponse(
        version_max=ISCSI_VERSION,
        version_active=ISCSI_VERSION,
        isid=first.isid,
        tsih=first.tsih,
        initiator_task_tag=first.initiator_task_tag,
        status_class=refusal.status >> 8,
        status_detail=refusal.status & 0xFF,
    )
    connection.number(response)
    connection.send(response, text.encode(refusal.pairs))
    if connection.rules.login.refusal_closes:
        connection.finish(ConnectionEvent.LOGIN_REFUSED)
