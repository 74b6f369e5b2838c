# SPDX-License-Identifier: GPL-2.0-only
"""Persistent reservations over several target ports and their access states (SPC-4)."""

from collections.abc import Callable, Iterator

import pytest

from initiator.connection import Portal
from initiator.expect import clause, expect_good
from initiator.session import Session
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.port_groups import AccessState
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.access import Ways, attentions_of, ways_of
from suites.support.expect import expect_conflict
from suites.support.reservation_commands import COMMANDS
from suites.support.reservations import Nexus, expect_state

KEY = 0xA11
TYPE = ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY


@pytest.fixture
def ways(a: Nexus, open_session: OpenSession, target: TestedTarget) -> Iterator[Ways]:
    """The ways to the unit; their states are put back at the end."""
    name = f"{a.session.options.initiator_name}.keeper"
    known = ways_of(target, open_session(initiator_name=name))
    yield known
    known.restore()


@pytest.fixture
def other_port(
    a: Nexus, open_session: OpenSession, target: TestedTarget
) -> Callable[[], Session]:
    """Open a session of the initiator port of `a` through another target port."""

    def open_one() -> Session:
        there = target.running.other_portals[0]
        own = a.session.options
        return open_session(
            portal=Portal(there.host, there.port),
            initiator_name=own.initiator_name,
            isid=own.isid,
        )

    return open_one


@pytest.mark.needs("several-groups")
@pytest.mark.requirement("SPC4-5.12.1-05", "SPC4-5.12.1-01")
def test_another_target_port_is_not_registered(
    a: Nexus, other_port: Callable[[], Session], scratch_disk: Disk
) -> None:
    """A registration at one target port does not hold at another."""
    expect_good(a.reserve(TYPE))
    other = Nexus(other_port())

    expect_conflict(other.register(KEY, own=a.key))
    with clause("SPC4-5.12.1-01"):
        expect_conflict(COMMANDS["write_10"].send(other.session, scratch_disk))


@pytest.mark.requirement("SPC4-5.12.1-06")
@pytest.mark.parametrize(
    "state",
    [AccessState.NON_OPTIMIZED, AccessState.STANDBY, AccessState.UNAVAILABLE],
    ids=lambda one: one.name.lower(),
)
def test_reservations_survive_a_change_of_access_state(
    a: Nexus,
    b: Nexus,
    unregistered: Nexus,
    ways: Ways,
    scratch_disk: Disk,
    state: AccessState,
) -> None:
    """Registrations and reservation survive a change of access state."""
    expect_good(a.reserve(TYPE))
    group = ways.group_of(a.session)

    _put(ways, a, group, state)
    _put(ways, a, group, AccessState.OPTIMIZED)

    for one in (a, b, unregistered):
        attentions_of(one.session)
    expect_state(a, keys=[a.key, b.key], kind=TYPE, holder=a.key)
    expect_conflict(COMMANDS["write_10"].send(unregistered.session, scratch_disk))
    expect_good(COMMANDS["write_10"].send(b.session, scratch_disk))


def _put(ways: Ways, holder: Nexus, group: int, state: AccessState) -> None:
    """Put a group into a state, from a nexus that the reservation allows."""
    if ways.is_explicit:
        ways.set(group, state, by=holder.session)
    else:
        ways.put(group, state)
