# SPDX-License-Identifier: GPL-2.0-only
"""Manual logins: one exchange, a whole stage, and the ways a target may end them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from initiator.describe import describe
from initiator.expect import ConformanceFailure, check, chose, next_or_drop
from initiator.login import LoginExchange, LoginRefused, unasked_response
from initiator.texts import Reader, read_text
from iscsi import text
from iscsi.constants import LoginStatus, Role, Stage
from iscsi.errors import ConnectionLost, DecodeError, DigestError, PeerTimeout
from iscsi.negotiation import Negotiator
from iscsi.parameters import Parameters
from iscsi.pdu import LoginRequest, LoginResponse, NOPIn, NOPOut, Reject
from iscsi.text import Pairs

INITIATOR_ERROR_CLASS = 2
"""The Status-Class of errors that the initiator most likely caused."""

_STATUS_FIRST = "RFC7143-7.12-i01"
"""A failed login ends with a status, not only by a closed connection."""

_PROOF_IS_OPTIONAL = "RFC7143-12.1-02"

_MAX_TURNS = 32
_MAX_PARTS = 512
"""The maximum number of responses for one text, which a target may split anywhere."""

_PLAIN = {
    Stage.SECURITY: [("AuthMethod", "None")],
    Stage.OPERATIONAL: [("HeaderDigest", "None"), ("DataDigest", "None")],
}
"""The keys that a plain login offers in a stage."""

# The answers of this side to keys that a target offers unasked.
_OWN = {
    "AuthMethod": "None",
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "TaskReporting": "RFC3720",
}


def ask(
    login: LoginExchange,
    pairs: Iterable[tuple[str, str]] | bytes = (),
    *,
    csg: int = Stage.OPERATIONAL,
    nsg: int | None = None,
    **fields: Any,
) -> tuple[LoginResponse, Pairs]:
    """Send a Login Request; return the response and its text, in however many PDUs.

    Raises:
        LoginRefused: the response bears a status other than 0.
    """
    outgoing = _with_answers(login, pairs)
    response = login.request(outgoing, csg=csg, nsg=nsg, **fields)
    with _charging_none(outgoing):
        _accepted(response)
    if fields.get("continuation"):
        return response, read_text(login.connection, bytes(response.data))
    return complete_text(login, response, csg=csg, nsg=nsg, **fields)


def complete_text(
    login: LoginExchange,
    response: LoginResponse,
    *,
    csg: int = Stage.OPERATIONAL,
    nsg: int | None = None,
    **fields: Any,
) -> tuple[LoginResponse, Pairs]:
    """Request the rest of a text that a response begins; return the last response.

    Raises:
        LoginRefused: a response bears a status other than 0.
    """
    reader = Reader(login.connection)
    for _turn in range(_MAX_PARTS):
        pairs = reader.add(response)
        if pairs is not None:
            state = _state_of(login)
            state.unanswered = state.negotiator.receive(pairs)
            _judge_foreign_values(login, state.negotiator)
            return response, pairs
        response = _accepted(login.request(csg=csg, nsg=nsg, **fields))
    raise ConformanceFailure(
        "the target ends its text",
        f"C=1 in {_MAX_PARTS} responses",
        login.connection.transcript,
    )


@contextmanager
def _charging_none(
    pairs: Iterable[tuple[str, str]] | bytes,
) -> Iterator[None]:
    """Charge the refusal of AuthMethod=None to the clause that makes proofs optional.

    Checks that offer it to a target name that requires a proof expect the refusal.
    """
    try:
        yield
    except LoginRefused as refusal:
        offers_none = not isinstance(pairs, bytes) and ("AuthMethod", "None") in pairs
        if offers_none and refusal.status == LoginStatus.AUTHENTICATION_FAILURE:
            refusal.requirement = refusal.requirement or _PROOF_IS_OPTIONAL
        raise


@dataclass(slots=True)
class _LoginState:
    """The keys of one login so far, and those that this side still has to answer."""

    negotiator: Negotiator
    unanswered: Pairs = field(default_factory=list)


def _judge_foreign_values(login: LoginExchange, negotiator: Negotiator) -> None:
    """Raise the error of an answer that is not in the offered list.

    It is then unclear what both sides use, unless a single value was offered, which is
    the only one that the target can mean.

    Raises:
        NegotiationError: the first of these answers.
    """
    while negotiator.violations:
        error = negotiator.violations.pop(0)
        if error.requirement == "RFC7143-6.2.1-01":
            if "," in (error.offered or ""):
                raise error
            login.connection.slip(error)


_STATES: "WeakKeyDictionary[LoginExchange, _LoginState]" = WeakKeyDictionary()


def _state_of(login: LoginExchange) -> _LoginState:
    state = _STATES.get(login)
    if state is None:
        state = _LoginState(Negotiator(Role.INITIATOR, _OWN, is_lenient=True))
        _STATES[login] = state
    return state


def _with_answers(
    login: LoginExchange, pairs: Iterable[tuple[str, str]] | bytes
) -> Iterable[tuple[str, str]] | bytes:
    """Return the pairs of a request, with answers to what the target has offered.

    A target may offer keys at any time, and waits for their answers (section 6.2). Raw
    bytes are not changed.
    """
    state = _state_of(login)
    own = text.read(pairs)[0] if isinstance(pairs, bytes) else list(pairs)
    named = {name for name, _value in own}
    unanswered = [pair for pair in state.unanswered if pair[0] not in named]
    for name, value in own:
        if name in dict(state.unanswered):
            state.negotiator.results[name] = value  # the answer replaces our offer
        else:
            state.negotiator.offer(name, value)
    if isinstance(pairs, bytes):
        state.unanswered = unanswered
        return pairs
    state.unanswered = []
    return [*unanswered, *own]


def _accepted(response: LoginResponse) -> LoginResponse:
    if response.status != LoginStatus.SUCCESS:
        raise LoginRefused(response)
    return response


def advance(
    login: LoginExchange,
    pairs: Pairs | None = None,
    *,
    csg: int = Stage.OPERATIONAL,
    nsg: int = Stage.FULL_FEATURE,
) -> LoginResponse:
    """Request the next stage until the target agrees; return its last response.

    Raises:
        LoginRefused: the target ends the login.
        ConformanceFailure: it never agrees.
    """
    outgoing = list(pairs or [])
    for _turn in range(_MAX_TURNS):
        response, _answers = ask(login, outgoing, csg=csg, nsg=nsg)
        outgoing = []
        if response.transit:
            _use_digests(login, response, _state_of(login).negotiator.results)
            return response
    raise ConformanceFailure(
        f"the target agrees to leave stage {Stage(csg).name}",
        f"T=0 in {_MAX_TURNS} responses",
        login.connection.transcript,
    )


def pass_security(login: LoginExchange, pairs: Pairs) -> LoginResponse:
    """Leave the security stage for the operational one by AuthMethod=None.

    Raises:
        LoginRefused, ConformanceFailure: as `advance`.
    """
    pairs = [*pairs, *_PLAIN[Stage.SECURITY]]
    return advance(login, pairs, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL)


def begin(login: LoginExchange, pairs: Pairs, stage: Stage) -> Pairs:
    """Begin a login in a stage; return the pairs left for the operational stage.

    These are all of them, or none if the security stage sent them.

    Raises:
        LoginRefused, ConformanceFailure: as `advance`.
    """
    if stage is Stage.OPERATIONAL:
        return pairs
    pass_security(login, pairs)
    return []


def _use_digests(
    login: LoginExchange, response: LoginResponse, results: Mapping[str, str]
) -> None:
    if response.nsg == Stage.FULL_FEATURE:
        parameters = Parameters()
        parameters.update(results)
        login.connection.digests = parameters.digests


def answers_to(offered: Pairs) -> Pairs:
    """Return this side's answers to the keys that a target has offered unasked."""
    return Negotiator(Role.INITIATOR, _OWN, is_lenient=True).receive(offered)


def texts_of(login: LoginExchange) -> Pairs:
    """Return all pairs that the target has sent in a login."""
    reader = Reader(login.connection)
    return [pair for one in login.responses for pair in reader.add(one) or []]


def log_in_through_all_stages(
    login: LoginExchange, first_pairs: Pairs
) -> list[LoginResponse]:
    """Log in through both stages in several exchanges; return every response."""
    ask(login, [*first_pairs, *_PLAIN[Stage.SECURITY]], csg=Stage.SECURITY)
    advance(login, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL)
    ask(login, [("HeaderDigest", "None")])
    ask(login, [("DataDigest", "None")])
    advance(login)
    return login.responses


def provoke(
    login: LoginExchange,
    pairs: Iterable[tuple[str, str]] | bytes = (),
    **how: Any,
) -> LoginRequest:
    """Send a request that breaks a rule, and check that it was sent unchanged."""
    request = login.send(pairs, **how)
    sent = login.connection.transcript.sent()[-1]
    assert b"".join(sent.segments()) == b"".join(request.segments())
    return request


@contextmanager
def charge_missing_status() -> Iterator[None]:
    """Charge a connection that closes in a block to the clause that requires a status.

    This is for logins that the target may refuse: the check is not about a refusal
    without a status.
    """
    try:
        yield
    except ConnectionLost as error:
        error.requirement = error.requirement or _STATUS_FIRST
        raise


def expect_refusal(
    login: LoginExchange,
    *statuses: int,
    is_malformed: bool = False,
    closing_clause: str = _STATUS_FIRST,
) -> LoginResponse | None:
    """Expect a Login Response that ends the login.

    Args:
        login: where the request was sent.
        *statuses: the statuses allowed; none for any of the initiator's errors.
        is_malformed: True if the request breaks the format, so that a Reject or a
            dropped connection is permitted, too (RFC 7143 section 7.7).
        closing_clause: the clause that a connection closed without a response breaks.

    Returns:
        The response, or None if there is none.

    Raises:
        ConformanceFailure: the login continues, or no answer came.
    """
    __tracebackhide__ = True
    expected = [f"Login Response with {_named(statuses)}"]
    if is_malformed:
        expected += ["Reject", "the connection is dropped"]
    connection = login.connection
    try:
        answer = next_or_drop(connection)
    except (PeerTimeout, DecodeError, DigestError) as error:
        raise ConformanceFailure(expected, error, connection.transcript) from error
    if is_malformed and (answer is None or isinstance(answer, Reject)):
        chose(answer)
        return None
    if answer is None:
        raise ConformanceFailure(
            expected,
            "the connection is dropped",
            connection.transcript,
            requirement=closing_clause,
        )
    is_right = isinstance(answer, LoginResponse) and (
        answer.status in statuses
        if statuses
        else answer.status_class == INITIATOR_ERROR_CLASS
    )
    if not is_right:
        raise ConformanceFailure(expected, answer, connection.transcript)
    assert isinstance(answer, LoginResponse)
    if len(expected) > 1 or len(statuses) != 1:
        chose(answer)
    return answer


def expect_no_login(
    login: LoginExchange,
    pairs: Pairs,
    *statuses: int,
    csg: Stage = Stage.OPERATIONAL,
) -> LoginResponse:
    """Continue a login as far as possible; expect that the target refuses it.

    A target may judge names and identities with the first request or later.

    Args:
        login: the login, with its identity set.
        pairs: the text of its first request.
        *statuses: the statuses allowed; none for any of the initiator's errors.
        csg: the stage in which it starts.

    Raises:
        ConformanceFailure: the login succeeds, or the status differs.
    """
    __tracebackhide__ = True
    offers = _PLAIN[csg]
    try:
        with charge_missing_status():
            response = advance(login, [*pairs, *offers], csg=csg)
            if response.nsg == Stage.OPERATIONAL:
                advance(login, _PLAIN[Stage.OPERATIONAL])
    except LoginRefused as refusal:
        answer = refusal.response
    else:
        answer = login.responses[-1]
    is_right = (
        answer.status in statuses
        if statuses
        else answer.status_class == INITIATOR_ERROR_CLASS
    )
    expected = f"Login Response with {_named(statuses)}"
    check(is_right, expected, answer, login.connection.transcript)
    if len(statuses) != 1:
        chose(answer)
    return answer


def _named(statuses: tuple[int, ...]) -> str:
    if not statuses:
        return f"Status-Class {INITIATOR_ERROR_CLASS}"
    return "status " + " or ".join(f"{status:#06x}" for status in statuses)


def expect_no_transition(login: LoginExchange) -> None:
    """Expect that a request for a forbidden transition does not cause it.

    A target may refuse it, drop the connection or stay where it is (T=0).

    Raises:
        ConformanceFailure: the response agrees to a transition, or no response came.
    """
    __tracebackhide__ = True
    connection = login.connection
    answer = next_or_drop(connection)
    is_refusal = isinstance(answer, LoginResponse) and answer.status_class != 0
    stays = (
        isinstance(answer, LoginResponse)
        and not answer.transit
        and answer.csg in (Stage.SECURITY, Stage.OPERATIONAL)
    )
    check(
        answer is None or isinstance(answer, Reject) or is_refusal or stays,
        ["a refusal", "the connection is dropped", "T=0"],
        answer,
        connection.transcript,
    )


def expect_full_feature(login: LoginExchange, data: bytes = b"up?") -> NOPIn:
    """Expect that a ping is answered: the login has reached full-feature phase.

    Args:
        login: the login.
        data: the ping data; the caller judges whether it is echoed.
    """
    __tracebackhide__ = True
    connection = login.connection
    ping = NOPOut(
        immediate=1,
        initiator_task_tag=0x7E57,
        cmd_sn=login.cmd_sn,
        exp_stat_sn=login.status.exp_stat_sn,
        data=data,
    )
    connection.send(ping)
    answer = next_or_drop(connection)
    if isinstance(answer, LoginResponse):
        connection.slip(unasked_response(answer))
        answer = next_or_drop(connection)
    if not (isinstance(answer, NOPIn) and answer.initiator_task_tag == 0x7E57):
        actual = describe(answer) if answer else "the connection is dropped"
        raise ConformanceFailure("the answer to a ping", actual, connection.transcript)
    return answer
