# SPDX-License-Identifier: GPL-2.0-only
"""Logins that do not continue (RFC 7143 section 8.1.2, T6 and T7)."""

from collections.abc import Iterator

import pytest

from initiator.connection import Connection
from initiator.expect import expect_drop
from initiator.login import LoginExchange
from iscsi.constants import Stage
from iscsi.text import Pairs
from suites.plugins.targets import TestedTarget
from suites.support.login import ask

IN_TIME = 4.0
"""The seconds after which a login with a limit of one second must have ended."""

pytestmark = pytest.mark.needs("operator")


@pytest.fixture(autouse=True)
def short_login_time(target: TestedTarget) -> Iterator[None]:
    """Have the target end logins after one second."""
    target.operate("login-time seconds=1")
    yield
    target.operate("login-time seconds=15")


@pytest.mark.requirement("RFC7143-8.1.2-i01")
def test_a_connection_without_a_login_is_closed(connection: Connection) -> None:
    """The target closes a connection on which no Login Request arrives."""
    expect_drop(connection, timeout=IN_TIME)


@pytest.mark.requirement("RFC7143-8.1.2-i02")
def test_a_login_that_stalls_is_ended(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target closes the connection of a login that does not continue."""
    pairs = [*first_pairs, ("AuthMethod", "None")]
    ask(login, pairs, csg=Stage.SECURITY)

    expect_drop(login.connection, timeout=IN_TIME)
