# SPDX-License-Identifier: GPL-2.0-only
"""The reference target's connections and sessions take the arrows of chapter 8.

Each story is a row of acts. After each act the table says where the connection or
session is, and the target must be there too. That the target takes no other arrow, in
no test at all, is held by a fixture (conftest.py).
"""

from collections.abc import Callable

import pytest

from iscsi import pdu
from iscsi.constants import LogoutReason
from iscsi.states import (
    CONNECTION_TRANSITIONS,
    SESSION_TRANSITIONS,
    ConnectionState,
    SessionState,
    connection_transition,
    session_transition,
)
from iscsi.states import ConnectionEvent as Event
from iscsi.states import SessionEvent as Happening
from reftarget import control
from reftarget.session import Session
from tests.reftarget.peer import Peer, make_target, names

LOGIN_IS_OVER, STATE_IS_OVER = 16.0, 23.0
"""Seconds after which the target gives up a login, and the state of what failed."""


class Scene:
    """One connection of a session, the others around it, and what can happen."""

    def __init__(self) -> None:
        self.target = make_target()
        self.first = Peer(self.target)
        self.other = Peer(self.target, cid=1)
        self.again = Peer(self.target)

    def connect(self) -> None:
        """Do nothing: `__init__` has connected everybody."""

    def begin_login(self) -> None:
        self.first.send(self.first.login_request(names(), transit=0))

    def begin_joining(self) -> None:
        """Begin the login of our connection into the session of the other one."""
        self.other.login(MaxConnections="4")
        self.first.tsih = self.other.tsih
        self.begin_login()

    def log_in(self) -> None:
        assert self.first.login(MaxConnections="4").status == 0

    def log_in_both(self) -> None:
        self.log_in()
        self.other.tsih = self.first.tsih
        assert self.other.login().status == 0

    def be_refused(self) -> None:
        wrong = self.first.login_request(names(TargetName="iqn.2001-04.com.example:x"))
        assert self.first.send(wrong)[0].status

    def log_out(self) -> None:
        reason = int(LogoutReason.CLOSE_CONNECTION)
        self.first.send(pdu.LogoutRequest(reason=reason, cid=0))

    def log_out_for_recovery(self) -> None:
        """Fail to: error recovery level 0 has no such logout."""
        reason = int(LogoutReason.REMOVE_FOR_RECOVERY)
        self.first.send(pdu.LogoutRequest(reason=reason, cid=0))

    def log_out_for_recovery_elsewhere(self) -> None:
        reason = int(LogoutReason.REMOVE_FOR_RECOVERY)
        self.other.send(pdu.LogoutRequest(reason=reason, cid=0))

    def log_out_elsewhere(self) -> None:
        reason = int(LogoutReason.CLOSE_CONNECTION)
        self.other.send(pdu.LogoutRequest(reason=reason, cid=0))

    def close_session(self) -> None:
        reason = int(LogoutReason.CLOSE_SESSION)
        self.first.send(pdu.LogoutRequest(reason=reason))

    def close_session_elsewhere(self) -> None:
        reason = int(LogoutReason.CLOSE_SESSION)
        self.other.send(pdu.LogoutRequest(reason=reason))

    def ask_for_logout(self) -> None:
        tsih = self.first.tsih
        assert control.execute(self.target, f"logout-request tsih={tsih} cid=0") == "ok"

    def drop(self) -> None:
        tsih = self.first.tsih
        line = f"drop-connection tsih={tsih} cid=0"
        assert control.execute(self.target, line) == "ok"

    def lose(self) -> None:
        self.first.connection.lost()

    def reinstate_session(self) -> None:
        assert self.again.login().status == 0

    def reinstate_by_a_third(self) -> None:
        assert Peer(self.target).login().status == 0

    def begin_reinstatement(self) -> None:
        self.again.tsih = self.first.tsih
        self.again.send(self.again.login_request(names(), transit=0))

    def end_reinstatement(self) -> None:
        assert self.again.send(self.again.login_request([]))[0].status == 0

    def fail_reinstatement(self) -> None:
        self.again.connection.lost()

    def wait_for_login(self) -> None:
        self.target.tick(LOGIN_IS_OVER)

    def wait(self) -> None:
        self.target.tick(STATE_IS_OVER)


Act = Callable[[Scene], None]
UP: tuple[Act, list[Event]] = (Scene.connect, [Event.TRANSPORT_OPENED])
BEGUN: tuple[Act, list[Event]] = (Scene.begin_login, [Event.LOGIN_RECEIVED])
IN: tuple[Act, list[Event]] = (
    Scene.log_in_both,
    [Event.LOGIN_RECEIVED, Event.LOGIN_ACCEPTED],
)
ASKED: tuple[Act, list[Event]] = (Scene.ask_for_logout, [Event.LOGOUT_REQUESTED])
OUT: tuple[Act, list[Event]] = (
    Scene.log_out,
    [Event.LOGOUT_RECEIVED, Event.LOGOUT_SUCCEEDED],
)
LOST: tuple[Act, list[Event]] = (Scene.lose, [Event.TRANSPORT_FAILED])
CLOSED: tuple[Act, list[Event]] = (
    Scene.close_session_elsewhere,
    [Event.SESSION_CLOSED],
)
REPLACED: tuple[Act, list[Event]] = (Scene.reinstate_session, [Event.REINSTATED])
CLEANING: tuple[Act, list[Event]] = (
    Scene.begin_reinstatement,
    [Event.CLEANUP_STARTED],
)

CONNECTIONS: dict[str, list[tuple[Act, list[Event]]]] = {
    "nobody logs in": [UP, (Scene.wait_for_login, [Event.LOGIN_TIMED_OUT])],
    "lost before the login": [UP, LOST],
    "refused": [UP, (Scene.be_refused, [Event.LOGIN_RECEIVED, Event.LOGIN_REFUSED])],
    "the login stalls": [
        UP,
        BEGUN,
        (Scene.wait_for_login, [Event.LOGIN_TIMED_OUT]),
    ],
    "lost in the login": [UP, BEGUN, LOST],
    "its session ends in the login": [
        UP,
        (Scene.begin_joining, [Event.LOGIN_RECEIVED]),
        CLOSED,
    ],
    "logout": [UP, IN, OUT],
    "a logout that fails": [
        UP,
        IN,
        (
            Scene.log_out_for_recovery,
            [Event.LOGOUT_RECEIVED, Event.LOGOUT_FAILED],
        ),
        (Scene.wait, [Event.STATE_TIMED_OUT]),
    ],
    "a logout elsewhere that fails": [
        UP,
        IN,
        LOST,
        (
            Scene.log_out_for_recovery_elsewhere,
            [Event.CLEANUP_STARTED, Event.CLEANUP_FAILED],
        ),
    ],
    "logged out elsewhere while it is open": [
        UP,
        IN,
        (
            Scene.log_out_elsewhere,
            [Event.TRANSPORT_FAILED, Event.CLEANUP_STARTED, Event.CLEANUP_SUCCEEDED],
        ),
    ],
    "its session ends": [UP, IN, CLOSED],
    "reinstated": [UP, IN, REPLACED],
    "logout on request": [UP, IN, ASKED, ASKED, OUT],
    "its session ends after a request": [UP, IN, ASKED, CLOSED],
    "reinstated after a request": [UP, IN, ASKED, REPLACED],
    "dropped": [UP, IN, (Scene.drop, [Event.DROPPED])],
    "lost after a request": [UP, IN, ASKED, LOST],
    "lost for good": [UP, IN, LOST, (Scene.wait, [Event.STATE_TIMED_OUT])],
    "its session ends after a loss": [UP, IN, LOST, CLOSED],
    "logged out elsewhere": [
        UP,
        IN,
        LOST,
        (
            Scene.log_out_elsewhere,
            [Event.CLEANUP_STARTED, Event.CLEANUP_SUCCEEDED],
        ),
    ],
    "reinstated after a loss": [
        UP,
        IN,
        LOST,
        CLEANING,
        (Scene.end_reinstatement, [Event.CLEANUP_SUCCEEDED]),
    ],
    "not reinstated": [
        UP,
        IN,
        LOST,
        CLEANING,
        (Scene.fail_reinstatement, [Event.CLEANUP_FAILED]),
    ],
    "its session ends in the reinstatement": [UP, IN, LOST, CLEANING, CLOSED],
}


def connection_state(scene: Scene) -> ConnectionState:
    """Return where the target has our connection, or what is left of it."""
    session = scene.target.sessions.get(scene.first.tsih)
    state = scene.first.connection.state
    if state is not ConnectionState.CLEANUP_WAIT:
        return state
    entry = None if session is None else session.lingering.get(0)
    return ConnectionState.FREE if entry is None else entry.state


@pytest.mark.parametrize("story", CONNECTIONS.values(), ids=CONNECTIONS.keys())
def test_a_connection_is_where_the_table_says(
    story: list[tuple[Act, list[Event]]],
) -> None:
    scene, state = Scene(), ConnectionState.FREE

    for act, events in story:
        act(scene)
        for event in events:
            state = connection_transition(state, event).target
        assert connection_state(scene) is state


def test_the_stories_of_connections_take_every_arrow() -> None:
    received = set()
    for story in CONNECTIONS.values():
        state = ConnectionState.FREE
        for event in (event for _act, events in story for event in events):
            transition = connection_transition(state, event)
            received.add(transition.number)
            state = transition.target

    assert received == {row.number for row in CONNECTION_TRANSITIONS}


STARTED: tuple[Act, list[Happening]] = (Scene.begin_login, [Happening.LOGIN_STARTED])
ALIVE: tuple[Act, list[Happening]] = (
    Scene.log_in,
    [Happening.LOGIN_STARTED, Happening.LOGGED_IN],
)
FAILED: tuple[Act, list[Happening]] = (Scene.lose, [Happening.FAILED])
RETURNING: tuple[Act, list[Happening]] = (
    Scene.begin_reinstatement,
    [Happening.CONTINUATION_STARTED],
)

SESSIONS: dict[str, list[tuple[Act, list[Happening]]]] = {
    "no leading login": [STARTED, (Scene.lose, [Happening.LOGIN_FAILED])],
    "closed": [ALIVE, (Scene.close_session, [Happening.CLOSED])],
    "reinstated": [ALIVE, (Scene.reinstate_session, [Happening.REINSTATED])],
    "failed for good": [ALIVE, FAILED, (Scene.wait, [Happening.STATE_TIMED_OUT])],
    "reinstated after a failure": [
        ALIVE,
        FAILED,
        (Scene.reinstate_session, [Happening.REINSTATED]),
    ],
    "continued": [
        ALIVE,
        FAILED,
        RETURNING,
        (Scene.end_reinstatement, [Happening.CONTINUATION_SUCCEEDED]),
    ],
    "not continued": [
        ALIVE,
        FAILED,
        RETURNING,
        (Scene.fail_reinstatement, [Happening.CONTINUATION_FAILED]),
    ],
    "reinstated while it is continued": [
        ALIVE,
        FAILED,
        RETURNING,
        (Scene.reinstate_by_a_third, [Happening.REINSTATED]),
    ],
}


def session_state(scene: Scene) -> SessionState:
    """Return where the target has the session; in its leading login it has none yet."""
    session = scene.first.connection.session
    if session is not None:
        assert isinstance(session, Session)
        return session.state
    is_in_login = scene.first.connection in scene.target.connections
    return SessionState.ACTIVE if is_in_login else SessionState.FREE


@pytest.mark.parametrize("story", SESSIONS.values(), ids=SESSIONS.keys())
def test_a_session_is_where_the_table_says(
    story: list[tuple[Act, list[Happening]]],
) -> None:
    scene, state = Scene(), SessionState.FREE

    for act, events in story:
        act(scene)
        for event in events:
            state = session_transition(state, event).target
        assert session_state(scene) is state


def test_the_stories_of_sessions_take_every_arrow() -> None:
    received = set()
    for story in SESSIONS.values():
        state = SessionState.FREE
        for event in (event for _act, events in story for event in events):
            transition = session_transition(state, event)
            received.add(transition.number)
            state = transition.target

    assert received == {row.number for row in SESSION_TRANSITIONS}
