# SPDX-License-Identifier: GPL-2.0-only
"""The states of a target's connections and sessions (RFC 7143 chapter 8).

Two rules of this file: every transition is in a table, and a table knows nothing but
states and events. What is absent is illegal.

The standard draws two diagrams for a connection. They are one table here, since the
second begins and ends in states of the first (R1 is S8, R3 is S1):

    FREE --> XPT_UP --> IN_LOGIN --> LOGGED_IN ------------> IN_LOGOUT --> FREE
                                      |  |                     |  ^
                                      |  +-> LOGOUT_REQUESTED -|--+
                                      v         v              v
              FREE <-- IN_CLEANUP <--> CLEANUP_WAIT --> FREE

LOGGED_IN, LOGOUT_REQUESTED and IN_LOGOUT are full-feature phase. A connection that
fails there is not free: its tasks continue until it leaves CLEANUP_WAIT. It does so by
a logout of its CID on another connection, by its reinstatement, with its session, or
when its time is over.

A session is ACTIVE during its leading login, LOGGED_IN while it has a connection in
full-feature phase, FAILED when the last of them has failed, and IN_CONTINUE while a
login tries to bring it back:

    FREE --> ACTIVE --> LOGGED_IN --> FAILED <--> IN_CONTINUE --> LOGGED_IN

This is the target's view. An event is something that a target sees or does; each row
has the number of its arrow. The standard lists some events under several arrows.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from iscsi.errors import IllegalTransition


class ConnectionState(StrEnum):
    """The states of a connection (sections 8.1.1 and 8.2.1)."""

    FREE = "FREE"
    XPT_UP = "XPT_UP"
    IN_LOGIN = "IN_LOGIN"
    LOGGED_IN = "LOGGED_IN"
    IN_LOGOUT = "IN_LOGOUT"
    LOGOUT_REQUESTED = "LOGOUT_REQUESTED"
    CLEANUP_WAIT = "CLEANUP_WAIT"
    IN_CLEANUP = "IN_CLEANUP"

    @property
    def is_full_feature(self) -> bool:
        """True in full-feature phase (section 8.1.4)."""
        return self in _FULL_FEATURE


_FULL_FEATURE = frozenset(
    {
        ConnectionState.LOGGED_IN,
        ConnectionState.IN_LOGOUT,
        ConnectionState.LOGOUT_REQUESTED,
    }
)


class ConnectionEvent(StrEnum):
    """What happens to a connection (sections 8.1.2 and 8.2.2)."""

    TRANSPORT_OPENED = "the transport connection is established"
    TRANSPORT_FAILED = "the transport connection is closed, reset or timed out"
    LOGIN_RECEIVED = "the initial Login Request is received"
    LOGIN_ACCEPTED = "the final Login Response is sent, with Status-Class 0"
    LOGIN_REFUSED = "a Login Response with another Status-Class is sent"
    LOGIN_TIMED_OUT = "the login is not finished in time"
    LOGOUT_REQUESTED = "an Async Message asks for a logout"
    LOGOUT_RECEIVED = "a Logout Request for this connection is received on it"
    LOGOUT_SUCCEEDED = "its Logout Response is sent, with success"
    LOGOUT_FAILED = "its Logout Response is sent, with a failure"
    DROPPED = "an Async Message announces that the connection is dropped"
    SESSION_CLOSED = "another connection has closed the session"
    REINSTATED = "a login has reinstated the connection or the session"
    REINSTATEMENT_FAILED = "a login that was to reinstate it has failed"
    STATE_TIMED_OUT = "the time to keep the state of the connection is over"
    CLEANUP_STARTED = "a logout or a reinstatement for its CID has begun elsewhere"
    CLEANUP_FAILED = "this logout or reinstatement has failed"
    CLEANUP_SUCCEEDED = "this logout or reinstatement has succeeded"


class SessionState(StrEnum):
    """The states of a session (section 8.3.3)."""

    FREE = "FREE"
    ACTIVE = "ACTIVE"
    LOGGED_IN = "LOGGED_IN"
    FAILED = "FAILED"
    IN_CONTINUE = "IN_CONTINUE"


class SessionEvent(StrEnum):
    """What happens to a session (section 8.3.4)."""

    LOGIN_STARTED = "the first connection is in login"
    LOGIN_FAILED = "the login of the first connection has failed"
    LOGGED_IN = "a connection is in full-feature phase"
    CLOSED = "the session is closed in good order"
    REINSTATED = "a login has reinstated the session"
    FAILED = "the last connection has failed"
    STATE_TIMED_OUT = "the time to keep the state of the session is over"
    CONTINUATION_STARTED = "a login tries to continue the session"
    CONTINUATION_FAILED = "the last login that tried to continue it has failed"
    CONTINUATION_SUCCEEDED = "a login has continued the session"


_State = TypeVar("_State", bound=StrEnum)
_Event = TypeVar("_Event", bound=StrEnum)


class Transition(NamedTuple, Generic[_State, _Event]):
    """An arrow of a diagram: its number, its ends, and what leads along it."""

    number: str
    source: _State
    target: _State
    events: frozenset[_Event]


_S, _E = ConnectionState, ConnectionEvent
_FAILURES = frozenset({_E.TRANSPORT_FAILED, _E.REINSTATEMENT_FAILED, _E.DROPPED})
_ENDED_ELSEWHERE = frozenset({_E.SESSION_CLOSED, _E.REINSTATED})

CONNECTION_TRANSITIONS: tuple[Transition[ConnectionState, ConnectionEvent], ...] = (
    Transition("T3", _S.FREE, _S.XPT_UP, frozenset({_E.TRANSPORT_OPENED})),
    Transition("T4", _S.XPT_UP, _S.IN_LOGIN, frozenset({_E.LOGIN_RECEIVED})),
    Transition("T5", _S.IN_LOGIN, _S.LOGGED_IN, frozenset({_E.LOGIN_ACCEPTED})),
    Transition(
        "T6",
        _S.XPT_UP,
        _S.FREE,
        frozenset({_E.LOGIN_TIMED_OUT, _E.TRANSPORT_FAILED}),
    ),
    Transition(
        "T7",
        _S.IN_LOGIN,
        _S.FREE,
        frozenset(
            {
                _E.LOGIN_REFUSED,
                _E.LOGIN_TIMED_OUT,
                _E.TRANSPORT_FAILED,
                _E.SESSION_CLOSED,
            }
        ),
    ),
    Transition("T8", _S.LOGGED_IN, _S.FREE, _ENDED_ELSEWHERE),
    Transition("T9", _S.LOGGED_IN, _S.IN_LOGOUT, frozenset({_E.LOGOUT_RECEIVED})),
    Transition(
        "T10", _S.LOGOUT_REQUESTED, _S.IN_LOGOUT, frozenset({_E.LOGOUT_RECEIVED})
    ),
    Transition(
        "T11", _S.LOGGED_IN, _S.LOGOUT_REQUESTED, frozenset({_E.LOGOUT_REQUESTED})
    ),
    Transition(
        "T12",
        _S.LOGOUT_REQUESTED,
        _S.LOGOUT_REQUESTED,
        frozenset({_E.LOGOUT_REQUESTED}),
    ),
    Transition("T13", _S.IN_LOGOUT, _S.FREE, _ENDED_ELSEWHERE | {_E.LOGOUT_SUCCEEDED}),
    Transition("T15", _S.LOGGED_IN, _S.CLEANUP_WAIT, _FAILURES),
    Transition("T16", _S.LOGOUT_REQUESTED, _S.CLEANUP_WAIT, _FAILURES),
    Transition("T17", _S.IN_LOGOUT, _S.CLEANUP_WAIT, _FAILURES | {_E.LOGOUT_FAILED}),
    Transition("T18", _S.LOGOUT_REQUESTED, _S.FREE, _ENDED_ELSEWHERE),
    Transition(
        "M1",
        _S.CLEANUP_WAIT,
        _S.FREE,
        frozenset({_E.STATE_TIMED_OUT, _E.SESSION_CLOSED}),
    ),
    Transition("M2", _S.CLEANUP_WAIT, _S.IN_CLEANUP, frozenset({_E.CLEANUP_STARTED})),
    Transition("M3", _S.IN_CLEANUP, _S.CLEANUP_WAIT, frozenset({_E.CLEANUP_FAILED})),
    Transition(
        "M4",
        _S.IN_CLEANUP,
        _S.FREE,
        frozenset({_E.CLEANUP_SUCCEEDED, _E.SESSION_CLOSED}),
    ),
)
"""The tables of sections 8.1.4 and 8.2. A target has no T1, T2 and T14."""

_Q, _N = SessionState, SessionEvent

SESSION_TRANSITIONS: tuple[Transition[SessionState, SessionEvent], ...] = (
    Transition("N1", _Q.FREE, _Q.ACTIVE, frozenset({_N.LOGIN_STARTED})),
    Transition("N2", _Q.ACTIVE, _Q.LOGGED_IN, frozenset({_N.LOGGED_IN})),
    Transition("N3", _Q.LOGGED_IN, _Q.FREE, frozenset({_N.CLOSED, _N.REINSTATED})),
    Transition("N5", _Q.LOGGED_IN, _Q.FAILED, frozenset({_N.FAILED})),
    Transition(
        "N6", _Q.FAILED, _Q.FREE, frozenset({_N.STATE_TIMED_OUT, _N.REINSTATED})
    ),
    Transition("N7", _Q.FAILED, _Q.IN_CONTINUE, frozenset({_N.CONTINUATION_STARTED})),
    Transition("N8", _Q.IN_CONTINUE, _Q.FAILED, frozenset({_N.CONTINUATION_FAILED})),
    Transition("N9", _Q.ACTIVE, _Q.FREE, frozenset({_N.LOGIN_FAILED})),
    Transition(
        "N10", _Q.IN_CONTINUE, _Q.LOGGED_IN, frozenset({_N.CONTINUATION_SUCCEEDED})
    ),
    Transition("N11", _Q.IN_CONTINUE, _Q.FREE, frozenset({_N.REINSTATED})),
)
"""The table of section 8.3.2. A target has no N4."""


def _by_event(
    transitions: Iterable[Transition[_State, _Event]],
) -> Mapping[tuple[_State, _Event], Transition[_State, _Event]]:
    return MappingProxyType(
        {(row.source, event): row for row in transitions for event in row.events}
    )


_CONNECTION = _by_event(CONNECTION_TRANSITIONS)
_SESSION = _by_event(SESSION_TRANSITIONS)


def connection_transition(
    state: ConnectionState, event: ConnectionEvent
) -> Transition[ConnectionState, ConnectionEvent]:
    """Return the arrow that an event leads a connection along.

    Raises:
        IllegalTransition: the event cannot happen in this state.
    """
    return _taken(_CONNECTION, state, event)


def session_transition(
    state: SessionState, event: SessionEvent
) -> Transition[SessionState, SessionEvent]:
    """Return the arrow that an event leads a session along.

    Raises:
        IllegalTransition: the event cannot happen in this state.
    """
    return _taken(_SESSION, state, event)


def _taken(
    table: Mapping[tuple[_State, _Event], Transition[_State, _Event]],
    state: _State,
    event: _Event,
) -> Transition[_State, _Event]:
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(state, event) from None
