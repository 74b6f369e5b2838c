# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for access states: the access to a unit, and the restored states."""

from collections.abc import Callable, Iterator

import pytest

from initiator.connection import Portal
from initiator.session import Session
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.access import Ways, ways_of


@pytest.fixture
def ways(
    open_session: OpenSession, session: Session, target: TestedTarget
) -> Iterator[Ways]:
    """The access to the unit of `session`; the states are restored at the end."""
    keeper = open_session(initiator_name=f"{session.options.initiator_name}.keeper")
    known = ways_of(target, keeper)
    yield known
    known.restore()


@pytest.fixture
def changing(ways: Ways, scratch_disk: Disk) -> Ways:
    """The access to a unit that no other initiator uses."""
    _ = scratch_disk
    return ways


@pytest.fixture
def elsewhere(open_session: OpenSession, target: TestedTarget) -> Callable[[], Session]:
    """Open a session with the same unit through another portal group."""

    def open_one() -> Session:
        there = target.running.other_portals[0]
        return open_session(portal=Portal(there.host, there.port))

    return open_one
