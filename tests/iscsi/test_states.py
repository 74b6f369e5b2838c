# SPDX-License-Identifier: GPL-2.0-only
"""The tables of RFC 7143 chapter 8, held against the standard's own form of them."""

from itertools import product

import pytest

from iscsi.errors import IllegalTransition
from iscsi.states import (
    CONNECTION_TRANSITIONS,
    SESSION_TRANSITIONS,
    ConnectionEvent,
    ConnectionState,
    SessionEvent,
    SessionState,
    connection_transition,
    session_transition,
)

# Rows are where an arrow starts, columns where it ends (sections 8.1.4, 8.2, 8.3.2).
CONNECTION_TABLE = """
                 FREE XPT_UP IN_LOGIN LOGGED_IN IN_LOGOUT LOGOUT_REQUESTED CLEANUP_WAIT
FREE             -    T3     -        -         -         -                -
XPT_UP           T6   -      T4       -         -         -                -
IN_LOGIN         T7   -      -        T5        -         -                -
LOGGED_IN        T8   -      -        -         T9        T11              T15
IN_LOGOUT        T13  -      -        -         -         -                T17
LOGOUT_REQUESTED T18  -      -        -         T10       T12              T16
"""
CLEANUP_TABLE = """
             CLEANUP_WAIT IN_CLEANUP FREE
CLEANUP_WAIT -            M2         M1
IN_CLEANUP   M3           -          M4
"""
SESSION_TABLE = """
            FREE ACTIVE LOGGED_IN FAILED IN_CONTINUE
FREE        -    N1     -         -      -
ACTIVE      N9   -      N2        -      -
LOGGED_IN   N3   -      -         N5     -
FAILED      N6   -      -         -      N7
IN_CONTINUE N11  -      N10       N8     -
"""

FAILURES = {"T15", "T16", "T17"}
CONNECTION_ARROWS = {
    "TRANSPORT_OPENED": {"T3"},
    "LOGIN_RECEIVED": {"T4"},
    "LOGIN_ACCEPTED": {"T5"},
    "LOGIN_REFUSED": {"T7"},
    "LOGIN_TIMED_OUT": {"T6", "T7"},
    "TRANSPORT_FAILED": {"T6", "T7", *FAILURES},
    "REINSTATEMENT_FAILED": FAILURES,
    "DROPPED": FAILURES,
    "LOGOUT_REQUESTED": {"T11", "T12"},
    "LOGOUT_RECEIVED": {"T9", "T10"},
    "LOGOUT_SUCCEEDED": {"T13"},
    "LOGOUT_FAILED": {"T17"},
    "SESSION_CLOSED": {"T7", "T8", "T13", "T18", "M1", "M4"},
    "REINSTATED": {"T8", "T13", "T18"},
    "STATE_TIMED_OUT": {"M1"},
    "CLEANUP_STARTED": {"M2"},
    "CLEANUP_FAILED": {"M3"},
    "CLEANUP_SUCCEEDED": {"M4"},
}
SESSION_ARROWS = {
    "LOGIN_STARTED": {"N1"},
    "LOGIN_FAILED": {"N9"},
    "LOGGED_IN": {"N2"},
    "CLOSED": {"N3"},
    "REINSTATED": {"N3", "N6", "N11"},
    "FAILED": {"N5"},
    "STATE_TIMED_OUT": {"N6"},
    "CONTINUATION_STARTED": {"N7"},
    "CONTINUATION_FAILED": {"N8"},
    "CONTINUATION_SUCCEEDED": {"N10"},
}


def arrows_of(*tables: str) -> dict[str, tuple[str, str]]:
    """Return the ends of each arrow in tables of the standard's form, by number."""
    arrows = {}
    for table in tables:
        head, *rows = table.strip().splitlines()
        for row in rows:
            source, *cells = row.split()
            for target, number in zip(head.split(), cells, strict=True):
                if number != "-":
                    assert number not in arrows
                    arrows[number] = source, target
    return arrows


CONNECTION = arrows_of(CONNECTION_TABLE, CLEANUP_TABLE)
SESSION = arrows_of(SESSION_TABLE)


def test_connection_arrows_are_those_of_the_standard() -> None:
    rows = {row.number: (row.source, row.target) for row in CONNECTION_TRANSITIONS}

    assert rows == CONNECTION
    assert len(CONNECTION_TRANSITIONS) == len(CONNECTION)


def test_session_arrows_are_those_of_the_standard() -> None:
    rows = {row.number: (row.source, row.target) for row in SESSION_TRANSITIONS}

    assert rows == SESSION
    assert len(SESSION_TRANSITIONS) == len(SESSION)


@pytest.mark.parametrize(
    ("state", "event"),
    list(product(ConnectionState, ConnectionEvent)),
    ids=lambda one: one.name,
)
def test_each_event_of_a_connection_leads_along_its_arrow_or_is_illegal(
    state: ConnectionState, event: ConnectionEvent
) -> None:
    expected = {
        number: CONNECTION[number][1]
        for number in CONNECTION_ARROWS[event.name]
        if CONNECTION[number][0] == state
    }

    if expected:
        transition = connection_transition(state, event)
        assert {transition.number: transition.target} == expected
        return
    with pytest.raises(IllegalTransition) as caught:
        connection_transition(state, event)
    assert (caught.value.state, caught.value.event) == (state, event)


@pytest.mark.parametrize(
    ("state", "event"),
    list(product(SessionState, SessionEvent)),
    ids=lambda one: one.name,
)
def test_each_event_of_a_session_leads_along_its_arrow_or_is_illegal(
    state: SessionState, event: SessionEvent
) -> None:
    expected = {
        number: SESSION[number][1]
        for number in SESSION_ARROWS[event.name]
        if SESSION[number][0] == state
    }

    if expected:
        transition = session_transition(state, event)
        assert {transition.number: transition.target} == expected
        return
    with pytest.raises(IllegalTransition) as caught:
        session_transition(state, event)
    assert (caught.value.state, caught.value.event) == (state, event)


def test_no_event_is_left_out() -> None:
    assert CONNECTION_ARROWS.keys() == {event.name for event in ConnectionEvent}
    assert SESSION_ARROWS.keys() == {event.name for event in SessionEvent}


def test_an_illegal_transition_says_where_and_what() -> None:
    with pytest.raises(IllegalTransition) as caught:
        connection_transition(ConnectionState.XPT_UP, ConnectionEvent.LOGOUT_RECEIVED)

    assert str(caught.value) == (
        "in state XPT_UP: a Logout Request for this connection is received on it"
    )


def test_full_feature_phase_is_three_states() -> None:
    assert {state.name for state in ConnectionState if state.is_full_feature} == {
        "LOGGED_IN",
        "IN_LOGOUT",
        "LOGOUT_REQUESTED",
    }
