# SPDX-License-Identifier: GPL-2.0-only
"""The faults of sessions, connections and their ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from reftarget.faults.row import Fault
from reftarget.rules import (
    SessionRules,
)

_FOR_EVER: Final = 3600.0


def _another_connection(connection: Any, every: Collection[Any]) -> Any:
    return next((one for one in every if one is not connection), connection)


SESSIONS: Final = (
    Fault(
        name="logout-of-unknown-cid-succeeds",
        breaks=("RFC7143-11.15.1-i01", "RFC7143-8.1.2-i09"),
        says="Answers success to the logout of a connection that does not exist.",
        also="a CID that was logged out is unknown, too",
        rules=SessionRules(knows_unknown_cid=True),
    ),
    Fault(
        name="login-has-no-end-of-time",
        breaks=("RFC7143-8.1.2-i01", "RFC7143-8.1.2-i02"),
        says="Keeps connections whose login has stalled.",
        rules=SessionRules(ends_slow_login=False),
    ),
    Fault(
        name="window-opens-in-silence",
        breaks=("RFC7143-11.4.11-01",),
        says="Sends no NOP-In when MaxCmdSN changes and no other PDU is sent.",
        rules=SessionRules(announces_window=False),
    ),
    Fault(
        name="reinstated-connection-stays",
        breaks=("RFC7143-6.3.4-i02", "RFC7143-11.14-07", "RFC7143-11.15-01"),
        says="Leaves the old connection open when it is reinstated.",
        also="logouts leave their connections open, too",
        rules=SessionRules(reinstatement_closes=False),
    ),
    Fault(
        name="reinstatement-leaves-tasks",
        breaks=("RFC7143-6.3.4-i01", "RFC7143-11.14.5-01"),
        says="Does not end the tasks of a reinstated connection below level 2.",
        rules=SessionRules(reinstatement_settles_tasks=False),
    ),
    Fault(
        name="state-never-times-out",
        breaks=(
            "RFC7143-7.5.1-i01",
            "RFC7143-6.3.5-i02",
            "RFC7143-7.15-i01",
            "RFC7143-8.2-i04",
            "RFC7143-7.6-i01",
            "RFC7143-7.1.4-i01",
            "RFC7143-7.5.2-i01",
        ),
        says="Keeps the state of failed connections without end.",
        rules=SessionRules(
            retention_seconds=lambda _time2wait, _time2retain: _FOR_EVER
        ),
    ),
    Fault(
        name="state-ends-with-its-connection",
        breaks=(
            "RFC7143-7.5-i01",
            "RFC7143-8.3.2-i02",
            "RFC7143-8.3.2-i03",
            "RFC7143-8.2-i02",
            "RFC7143-8.2-i01",
        ),
        says="Ends tasks and sessions as soon as a connection is lost.",
        rules=SessionRules(retention_seconds=lambda _time2wait, _time2retain: 0.0),
    ),
    Fault(
        name="nexus-loss-is-not-reported",
        breaks=("RFC7143-6.3.5.1-i01",),
        says="Does not report the end of a session to the units.",
        also="whatever should end with the nexus stays",
        rules=SessionRules(reports_nexus_loss=False),
    ),
    Fault(
        name="lost-connection-is-not-reported",
        breaks=("RFC7143-7.1.4.3-06",),
        says="Does not notify a session of a lost connection.",
        rules=SessionRules(announces_drop=False),
    ),
    Fault(
        name="session-logout-closes-one-connection",
        breaks=("RFC7143-8.1.2-i05", "RFC7143-11.15-01"),
        says="Closes one connection instead of the session.",
        rules=SessionRules(closed=lambda _connections: 1),
    ),
    Fault(
        name="logout-leaves-tasks",
        breaks=("RFC7143-11.14-04", "RFC7143-E.1-i03", "RFC7143-11.14.5-01"),
        says="Does not end the tasks of a connection that logs out.",
        rules=SessionRules(logout_ends_tasks=False),
    ),
    Fault(
        name="logout-leaves-what-waits",
        breaks=("RFC7143-11.14-06",),
        says="Executes commands that wait for their turn after a logout.",
        rules=SessionRules(logout_discards_held=False),
    ),
    Fault(
        name="logout-request-has-no-consequence",
        breaks=("RFC7143-11.9.1-i01",),
        says="Waits without end for the logout that it requested.",
        rules=SessionRules(drops_after_request=False),
    ),
    Fault(
        name="half-a-close-is-ignored",
        breaks=("RFC7143-7.1.4.3-05", "RFC7143-7.14-04"),
        says="Serves a connection whose peer has closed its side.",
        rules=SessionRules(fin_ends_connection=False),
    ),
    Fault(
        name="lost-connection-ends-the-session",
        breaks=("RFC7143-7.14-03", "RFC7143-8.2-i01", "RFC7143-8.1.2-i10"),
        says="Ends a session when one of its connections is lost.",
        also="the session then recovers nothing",
        rules=SessionRules(ends_with_connection=lambda _is_discovery: True),
    ),
    Fault(
        name="failed-login-ends-the-session",
        breaks=("RFC7143-8.2-i03", "RFC7143-8.3.2-i04"),
        says="Ends the session that a failed login was to join.",
        rules=SessionRules(after_lost_login=lambda joining: joining.close()),
    ),
    Fault(
        name="logout-request-on-another-connection",
        breaks=("RFC7143-11.9.1-01",),
        says="Asks for a logout on another connection of the session.",
        rules=SessionRules(asked=_another_connection),
    ),
    Fault(
        name="session-logout-closes-nothing",
        breaks=("RFC7143-11.14-05", "RFC7143-E.1-i01", "RFC7143-8.1.2-i04"),
        says="Answers the logout of a session and does not end it.",
        also="many checks end with a logout",
        rules=SessionRules(logout_closes_session=False),
    ),
)
