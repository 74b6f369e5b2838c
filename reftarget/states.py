# SPDX-License-Identifier: GPL-2.0-only
"""Follows the tables of chapter 8 for connections and sessions (RFC 7143).

The code that sees an event reports it; `iscsi.states` gives the new state. The
state decides: what a lost connection leaves, what a format error ends, what is kept for
SNACK. An event that the table does not have in a state is a mistake of ours, or a fault
that is switched on: it is logged as an error, and the state stays. Tests fail if they
find such a line.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from iscsi.errors import IllegalTransition
from iscsi.states import (
    ConnectionEvent,
    ConnectionState,
    SessionEvent,
    SessionState,
    connection_transition,
    session_transition,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.states import Transition

log = logging.getLogger("reftarget.states")

_State = TypeVar("_State", ConnectionState, SessionState)
_Event = TypeVar("_Event", ConnectionEvent, SessionEvent)

REINSTATED: Final = (ConnectionEvent.REINSTATED,)
LOGGED_OUT: Final = (ConnectionEvent.LOGOUT_SUCCEEDED,)
LOGGED_OUT_ELSEWHERE: Final = (
    ConnectionEvent.TRANSPORT_FAILED,
    ConnectionEvent.CLEANUP_STARTED,
    ConnectionEvent.CLEANUP_SUCCEEDED,
)
"""The effect on an open connection of a logout on another one (section 8.2)."""
_WAYS_OUT: Final[dict[SessionState, tuple[SessionEvent, ...]]] = {
    SessionState.ACTIVE: (SessionEvent.LOGIN_FAILED,),
    SessionState.LOGGED_IN: (SessionEvent.CLOSED,),
    SessionState.FAILED: (SessionEvent.STATE_TIMED_OUT,),
    SessionState.IN_CONTINUE: (
        SessionEvent.CONTINUATION_FAILED,
        SessionEvent.STATE_TIMED_OUT,
    ),
    SessionState.FREE: (),
}
"""The events that end a session, unless it is reinstated."""


def events_to_end(
    state: SessionState, *, is_reinstated: bool
) -> tuple[SessionEvent, ...]:
    """Return the events that lead a session from a state to its end."""
    return (SessionEvent.REINSTATED,) if is_reinstated else _WAYS_OUT[state]


def connection_after(
    state: ConnectionState, event: ConnectionEvent, who: object
) -> ConnectionState:
    """Return the state of a connection after an event; `who` is its name in the log."""
    return _after(connection_transition, state, event, who)


def session_after(
    state: SessionState, event: SessionEvent, who: object
) -> SessionState:
    """Return the state of a session after an event; `who` is its name in the log."""
    return _after(session_transition, state, event, who)


def _after(
    transition: Callable[[_State, _Event], Transition[_State, _Event]],
    state: _State,
    event: _Event,
    who: object,
) -> _State:
    try:
        return transition(state, event).target
    except IllegalTransition as error:
        log.error("%s: not a transition of chapter 8: %s", who, error)  # noqa: TRY400
        return state


@dataclass(slots=True)
class Lingering:
    """The state of a failed connection until it is cleaned up (8.2)."""

    name: str
    """The name in the log."""
    deadline: float
    """The time at which its state is discarded."""
    state: ConnectionState = ConnectionState.CLEANUP_WAIT

    def happened(self, *events: ConnectionEvent) -> None:
        """Follow the transitions of events."""
        for event in events:
            self.state = connection_after(self.state, event, self.name)

    @property
    def is_in_cleanup(self) -> bool:
        """True while a logout or a reinstatement of it is in progress."""
        return self.state is ConnectionState.IN_CLEANUP

    def clean_up_begins(self) -> None:
        """Record a logout or a reinstatement, unless one is in progress."""
        if not self.is_in_cleanup:
            self.happened(ConnectionEvent.CLEANUP_STARTED)

    def is_cleaned_up(self) -> None:
        """Record that it is over, by a logout or a reinstatement."""
        self.clean_up_begins()
        self.happened(ConnectionEvent.CLEANUP_SUCCEEDED)

    def clean_up_fails(self) -> None:
        """Record that the logout or reinstatement in progress has failed."""
        if self.is_in_cleanup:
            self.happened(ConnectionEvent.CLEANUP_FAILED)

    def times_out(self) -> None:
        """Discard the state: a login that was to reinstate it finds nothing."""
        self.clean_up_fails()
        self.happened(ConnectionEvent.STATE_TIMED_OUT)
