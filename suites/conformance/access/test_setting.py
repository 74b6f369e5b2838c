# SPDX-License-Identifier: GPL-2.0-only
"""SET TARGET PORT GROUPS (SPC-4 section 6.45)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi.scsi.port_groups import AccessState, build_states
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.support.access import Ways, report_of
from suites.support.expect import expect_sense

IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
SETTABLE = (
    AccessState.NON_OPTIMIZED,
    AccessState.STANDBY,
    AccessState.UNAVAILABLE,
)
RESERVED = (*range(0x5, 0xE), AccessState.TRANSITIONING)
CUT = (
    AdditionalSense.PARAMETER_LIST_LENGTH_ERROR,
    AdditionalSense.INVALID_FIELD_IN_CDB,
    IN_LIST,
)
"""The sense codes of a list that is cut, which the clause leaves to vendors."""
CUT_LENGTHS = (1, 3, 5, 6, 7, 9, 11)
"""Bytes of a list that has two descriptors of four bytes behind a header of four."""
WHOLE = 8
"""Bytes of a list with one descriptor."""


@contextmanager
def nothing_changes(ways: Ways) -> Iterator[None]:
    """Expect that every group is in the same state afterwards."""
    before = {one.group: one.state for one in report_of(ways.keeper).groups}
    yield
    after = {one.group: one.state for one in report_of(ways.keeper).groups}
    check(after == before, f"the states {before}", after)


@pytest.fixture
def explicit(changing: Ways) -> Ways:
    """The access to a unit whose states initiators may change."""
    changing.skip_unless_explicit()
    return changing


@pytest.mark.requirement("SPC4-6.45-01", "SPC4-6.45-06")
@pytest.mark.parametrize("state", SETTABLE, ids=lambda one: one.name.lower())
def test_a_state_is_set_and_set_back(
    session: Session, explicit: Ways, state: AccessState
) -> None:
    """SET TARGET PORT GROUPS puts a group into the requested state, and back."""
    group = explicit.group_of(session)

    explicit.set(group, state)
    explicit.set(group, AccessState.OPTIMIZED)


@pytest.mark.needs("several-groups")
@pytest.mark.requirement("SPC4-6.45-01")
def test_one_list_sets_two_groups(
    session: Session, explicit: Ways, elsewhere: Callable[[], Session]
) -> None:
    """A list of two descriptors sets the state of both groups."""
    here, there = explicit.group_of(session), explicit.group_of(elsewhere())
    if here == there:
        pytest.skip("not applicable: both portal groups are in one target port group")
    wanted = [(here, AccessState.OPTIMIZED), (there, AccessState.NON_OPTIMIZED)]
    for group, state in wanted:
        explicit.skip_unless_supported(group, state)

    result = explicit.send(wanted)

    if result.sense and result.sense.is_or_is_cut_off(IN_LIST):
        pytest.skip("not applicable: the unit does not take this combination")
    expect_good(result)
    for group, state in wanted:
        explicit.await_state(group, state)


@pytest.mark.requirement("SPC4-6.45-02")
def test_an_empty_list_sets_nothing(explicit: Ways) -> None:
    """PARAMETER LIST LENGTH 0 ends GOOD and changes nothing."""
    with nothing_changes(explicit):
        expect_good(explicit.send_list(b""))


@pytest.mark.requirement("SPC4-6.45-03")
@pytest.mark.parametrize("length", CUT_LENGTHS)
def test_a_cut_list_is_refused(session: Session, explicit: Ways, length: int) -> None:
    """A list that ends within its header or a descriptor is refused.

    The descriptors before the cut one may have been applied already.
    """
    group = explicit.group_of(session)
    states = [(group, explicit.other_state(group))] * 2
    data = build_states(states)[:length]

    with nothing_changes(explicit) if length < WHOLE else nullcontext():
        result = explicit.send_list(data)
        expect_sense(result, SenseKey.ILLEGAL_REQUEST, *CUT)


@pytest.mark.requirement("SPC4-6.45-04")
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
def test_an_unknown_group_is_refused(
    session: Session, explicit: Ways, is_first: bool
) -> None:
    """A list that names an unknown group is refused, wherever the group is in it."""
    group = explicit.group_of(session)
    state = explicit.other_state(group)
    explicit.skip_unless_supported(group, state)
    known = {port for one in explicit.before.values() for port in one.ports}
    unknown = max({*explicit.before, *known}) ^ 0x4000
    states = [(unknown, state), (group, state)]

    result = explicit.send(states if is_first else states[::-1])

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_LIST)


@pytest.mark.requirement("SPC4-6.45-05")
@pytest.mark.parametrize("state", RESERVED, ids="{:X}h".format)
def test_a_reserved_state_is_refused(
    session: Session, explicit: Ways, state: int
) -> None:
    """A request for a reserved or a transitioning state is refused."""
    with nothing_changes(explicit):
        result = explicit.send([(explicit.group_of(session), state)])
        expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_LIST)
