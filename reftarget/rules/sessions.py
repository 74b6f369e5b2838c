# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about sessions, connections and their ends (RFC 7143 chapters 7, 8)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from reftarget.rules.login import OtherSession
from reftarget.ruleset import RuleSet


def ends_with_connection(is_discovery: bool) -> bool:
    """Whether a session ends when a connection of it is lost (section 7.14)."""
    return is_discovery


def retention_seconds(time2wait: float, time2retain: float) -> float:
    """Return the seconds for which the state after a failure is kept (section 7.5).

    With Time2Retain 0 it is discarded at once (section 13.16).
    """
    return time2wait + time2retain if time2retain else 0.0


def closed(connections: int) -> int:
    """Return how many connections a session closes when it ends (section 8.1.2)."""
    return connections


def after_lost_login(_joining: OtherSession) -> None:
    """Do nothing to the session that a failed login was to join (section 8.2)."""


def asked(connection: Any, _all: Collection[Any]) -> Any:
    """Return the connection on which a logout is requested: itself (11.9.1).

    Args:
        connection: the connection that is to be logged out.
        _all: all connections of its session.
    """
    return connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules(RuleSet):
    """The decisions about sessions, connections and their ends."""

    # numbers and tags
    first_tsih: int = 1
    """The TSIH of the first session (RFC 7143 section 11.12.6)."""
    first_stat_sn: int = 1
    """The first StatSN of a connection (section 4.2.2.2)."""
    first_transfer_tag: int = 1
    """The first Target Transfer Tag of a session (section 11.8.5)."""
    # what is lost
    ends_with_connection: Callable[[bool], bool] = ends_with_connection
    retention_seconds: Callable[[float, float], float] = retention_seconds
    reports_nexus_loss: bool = True
    """The units are notified of a session that has ended (section 6.3.5.1)."""
    after_lost_login: Callable[[OtherSession], None] = after_lost_login
    fin_ends_connection: bool = True
    """A peer that closes its side ends the connection (section 7.1.4.3)."""
    ends_slow_login: bool = True
    """A login that does not continue ends with its connection (section 8.1.2)."""
    # what ends in good order
    closed: Callable[[int], int] = closed
    reinstatement_closes: bool = True
    """The old connection of a reinstated CID is closed (section 6.3.4)."""
    reinstatement_settles_tasks: bool = True
    """Tasks of a reinstated connection end, or can be reassigned (section 6.3.4)."""
    logout_closes_session: bool = True
    """The logout of a session closes it (section 11.14.5)."""
    logout_ends_tasks: bool = True
    """The logout of a connection ends its tasks (section 11.14)."""
    logout_discards_held: bool = True
    """The logout of a connection discards what waits for its turn (section 11.14)."""
    knows_unknown_cid: bool = False
    """The logout of a connection that there is none of is successful (11.15.1)."""
    # events
    announces_window: bool = True
    """A window that opens without a response is announced (section 11.4.11)."""
    announces_drop: bool = True
    """A session is notified of a lost connection (section 7.1.4.3)."""
    asked: Callable[[Any, Collection[Any]], Any] = asked
    drops_after_request: bool = True
    """A connection that does not log out when asked is dropped (section 11.9.1)."""
