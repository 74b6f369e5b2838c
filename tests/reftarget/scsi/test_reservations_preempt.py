# SPDX-License-Identifier: GPL-2.0-only
"""Taking a persistent reservation away, and handing it over."""

from dataclasses import replace

import pytest

from iscsi.scsi.persistent_reservations import (
    Keys,
    MoveParameters,
    OutParameters,
    OutServiceAction,
    ReservationStatus,
    ReservationType,
)
from iscsi.scsi.transport_id import TransportID
from reftarget.scsi.task import Nexus
from tests.reftarget.scsi.reservation_bench import (
    CONFLICT,
    EA,
    EA_AR,
    EA_RO,
    GOOD,
    IN_CDB,
    IN_LIST,
    KEY,
    NAME,
    PREEMPTED,
    RELEASED,
    REMOVED,
    WE,
    WE_AR,
    WE_RO,
    A,
    Answer,
    B,
    C,
    Unit,
    held_by_a,
    nexus,
)


@pytest.fixture
def unit() -> Unit:
    return Unit()


@pytest.fixture
def held(kind: ReservationType) -> Unit:
    return held_by_a(kind)


every_type = pytest.mark.parametrize("kind", ReservationType)


@every_type
@pytest.mark.parametrize("sender", [A, B])
def test_clear_removes_everything_and_notifies_the_others(
    held: Unit, sender: Nexus
) -> None:
    other = B if sender is A else A

    assert held.act(sender, OutServiceAction.CLEAR) is GOOD
    assert held.keys == Keys(3)
    assert held.reservation.type is None
    assert held.new_attentions() == {(other, PREEMPTED)}


@every_type
@pytest.mark.parametrize("new_kind", ReservationType)
@pytest.mark.parametrize(
    "action", [OutServiceAction.PREEMPT, OutServiceAction.PREEMPT_AND_ABORT]
)
def test_preempt_of_the_holder_takes_over(
    held: Unit,
    kind: ReservationType,
    new_kind: ReservationType,
    action: OutServiceAction,
) -> None:
    held.register(C)
    key = 0 if kind.is_all_registrants else KEY[A]

    assert held.act(B, action, new_kind, on=key) is GOOD

    # Zero preempts every other holder; the holder's key only those that have it.
    removed = [A, C] if kind.is_all_registrants else [A]
    remaining = [B] if kind.is_all_registrants else [B, C]
    assert held.keys == Keys(4, tuple(KEY[each] for each in remaining))
    assert held.reservation.type is new_kind
    assert held.manager.state.is_holder(B)
    reported = {(each, REMOVED) for each in removed}
    if new_kind is not kind:
        reported |= {(each, RELEASED) for each in remaining if each is not B}
    assert held.new_attentions() == reported
    aborts = action is OutServiceAction.PREEMPT_AND_ABORT
    assert held.aborted == (removed if aborts else [])


@every_type
def test_preempt_of_a_registration_leaves_the_reservation(
    held: Unit, kind: ReservationType
) -> None:
    held.register(C)

    # SCOPE and TYPE are ignored.
    status = held.out(
        B, OutServiceAction.PREEMPT, OutParameters(KEY[B], KEY[C]), 0xF, scope=0xF
    )

    assert status is GOOD
    assert held.keys == Keys(4, (KEY[A], KEY[B]))
    assert held.reservation.type is kind
    assert held.new_attentions() == {(C, REMOVED)}


@every_type
def test_preempt_of_an_unused_key_conflicts(held: Unit, kind: ReservationType) -> None:
    assert held.act(B, OutServiceAction.PREEMPT, kind, on=0xDEAD) is CONFLICT
    assert held.keys.generation == 2


@pytest.mark.parametrize("kind", [WE, EA, WE_RO, EA_RO])
def test_preempt_of_key_zero_is_invalid_for_one_holder(
    held: Unit, kind: ReservationType
) -> None:
    assert held.act(B, OutServiceAction.PREEMPT, kind, on=0) is IN_LIST


def test_preempt_without_reservation(unit: Unit) -> None:
    unit.register(A)
    unit.register(B)

    assert unit.act(B, OutServiceAction.PREEMPT, EA, on=0) is IN_LIST
    assert unit.act(B, OutServiceAction.PREEMPT, EA, on=KEY[A]) is GOOD
    assert unit.keys == Keys(3, (KEY[B],))
    assert unit.reservation.type is None
    assert unit.new_attentions() == {(A, REMOVED)}


@pytest.mark.parametrize("kind", [WE, EA, WE_RO, EA_RO])
def test_holder_may_preempt_itself_to_change_the_type(
    held: Unit, kind: ReservationType
) -> None:
    other = EA_AR if kind is not EA_AR else WE

    assert held.act(A, OutServiceAction.PREEMPT, other, on=KEY[A]) is GOOD
    assert held.reservation.type is other
    assert held.keys.keys == (KEY[A], KEY[B])
    assert held.new_attentions() == {(B, RELEASED)}


@pytest.mark.parametrize("kind", [WE_AR])
def test_preempt_of_ones_own_key_unregisters_where_nothing_is_taken_over(
    held: Unit, kind: ReservationType
) -> None:
    assert held.act(A, OutServiceAction.PREEMPT, kind, on=KEY[A]) is GOOD
    assert held.keys.keys == (KEY[B],)
    assert held.reservation.type is kind
    assert not held.new_attentions()


@every_type
def test_preempt_removes_every_nexus_with_the_key(
    held: Unit, kind: ReservationType
) -> None:
    held.register(C, key=KEY[A])

    status = held.act(B, OutServiceAction.PREEMPT_AND_ABORT, kind, on=KEY[A])

    assert status is GOOD
    assert held.keys.keys == (KEY[B],)
    assert held.new_attentions() == {(A, REMOVED), (C, REMOVED)}
    assert held.aborted == [A, C]


@pytest.mark.parametrize("kind", [EA])
@pytest.mark.parametrize(("new_kind", "scope"), [(0, 0), (2, 0), (9, 0), (EA, 1)])
def test_taking_over_needs_a_type_and_a_scope(
    held: Unit, kind: ReservationType, new_kind: int, scope: int
) -> None:
    status = held.out(
        B,
        OutServiceAction.PREEMPT,
        OutParameters(KEY[B], KEY[A]),
        new_kind,
        scope=scope,
    )

    assert status is IN_CDB
    assert held.reservation.type is kind


def move(
    to: Nexus, *, own: int = KEY[A], key: int = 7, port: int = 1
) -> MoveParameters:
    return MoveParameters(own, key, TransportID(to.initiator_name, to.isid), port)


@pytest.mark.parametrize("kind", [WE, EA, WE_RO, EA_RO])
@pytest.mark.parametrize("destination", [B, C, nexus(3, 2)])
@pytest.mark.parametrize("unregister", [False, True])
def test_register_and_move_hands_over(
    held: Unit, kind: ReservationType, destination: Nexus, unregister: bool
) -> None:
    port = destination.target_portal_group_tag
    parameters = replace(move(destination, port=port), unregister=unregister)

    assert held.out(A, OutServiceAction.REGISTER_AND_MOVE, parameters) is GOOD

    state = held.manager.state
    assert held.reservation == ReservationStatus(3, kind, 7)
    assert state.is_holder(destination)
    assert (A in state.registrations) is not unregister
    assert state.registrations[destination] == 7
    assert not held.new_attentions()


@pytest.mark.parametrize("kind", [EA])
@pytest.mark.parametrize(
    ("sender", "parameters", "refusal"),
    [
        (A, move(B, own=0xBAD), CONFLICT),
        (B, move(C, own=KEY[B]), CONFLICT),
        (C, move(B, own=KEY[C]), CONFLICT),
        (A, move(B, key=0), IN_LIST),
        (A, move(B, port=3), IN_LIST),
        (A, move(B, port=0), IN_LIST),
        (A, move(A), IN_LIST),
        (A, move(nexus(1, 2), port=2), IN_LIST),
        (A, replace(move(B), transport_id=TransportID(NAME)), IN_LIST),
        (A, move(B).build()[:-4], IN_LIST),
        (A, move(B).build() + bytes(4), IN_LIST),
        (A, move(B).build()[:24], IN_LIST),
        (
            A,
            replace(move(B), activate_persist_through_power_loss=True),
            IN_LIST,
        ),
    ],
)
def test_register_and_move_refused(
    held: Unit,
    sender: Nexus,
    parameters: MoveParameters | bytes,
    refusal: Answer,
) -> None:
    before = held.manager.state

    assert held.out(sender, OutServiceAction.REGISTER_AND_MOVE, parameters) is refusal
    assert held.manager.state is before


@pytest.mark.parametrize("kind", [WE_AR, EA_AR])
def test_register_and_move_of_what_all_hold_conflicts(
    held: Unit,
) -> None:
    assert held.out(A, OutServiceAction.REGISTER_AND_MOVE, move(B)) is CONFLICT


def test_register_and_move_of_nothing_is_invalid(unit: Unit) -> None:
    unit.register(A)

    assert unit.out(A, OutServiceAction.REGISTER_AND_MOVE, move(B)) is IN_CDB
