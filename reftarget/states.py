# SPDX-License-Identifier: GPL-2.0-only
"""The tables of chapter 8, followed: where connections and sessions stand (RFC 7143).

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
"""What a logout on another connection means for one that is open (section 8.2)."""
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
"""What leads a session to its end, unless it is reinstated."""


def events_to_end(
    state: SessionState, *, is_reinstated: bool
) -> tuple[SessionEvent, ...]:
    """Return the events that lead a session from a state to its end."""
    return (SessionEvent.REINSTATED,) if is_reinstated else _WAYS_OUT[state]


def connection_after(
    state: ConnectionState, event: ConnectionEvent, who: object
) -> ConnectionState:
    """Return where an event leads a connection; `who` is what the log calls it."""
    return _after(connection_transition, state, event, who)


def session_after(
    state: SessionState, event: SessionEvent, who: object
) -> SessionState:
    """Return where an event leads a session; `who` is what the log calls it."""
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
    """What a connection that has failed leaves behind until it is cleaned up (8.2)."""

    name: str
    """What the log calls it."""
    deadline: float
    """When its state is given up."""
    state: ConnectionState = ConnectionState.CLEANUP_WAIT

    def happened(self, *events: ConnectionEvent) -> None:
        """Follow the arrows of events."""
        for event in events:
            self.state = connection_after(self.state, event, self.name)

    @property
    def is_in_cleanup(self) -> bool:
        """True while a logout or a reinstatement of it is under way."""
        return self.state is ConnectionState.IN_CLEANUP

    def clean_up_begins(self) -> None:
        """Note a logout or a reinstatement, unless one is under way."""
        if not self.is_in_cleanup:
            self.happened(ConnectionEvent.CLEANUP_STARTED)

    def is_cleaned_up(self) -> None:
        """Note that it is over, by a logout or a reinstatement."""
        self.clean_up_begins()
        self.happened(ConnectionEvent.CLEANUP_SUCCEEDED)

    def clean_up_fails(self) -> None:
        """Note that what was under way has failed."""
        if self.is_in_cleanup:
            self.happened(ConnectionEvent.CLEANUP_FAILED)

    def times_out(self) -> None:
        """Give up: a login that was to reinstate it finds nothing any more."""
        self.clean_up_fails()
        self.happened(ConnectionEvent.STATE_TIMED_OUT)
