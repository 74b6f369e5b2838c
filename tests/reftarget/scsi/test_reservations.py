# SPDX-License-Identifier: GPL-2.0-only
"""Registering, reserving, releasing and clearing persistent reservations."""

from dataclasses import replace

import pytest

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import (
    Capabilities,
    FullStatus,
    Keys,
    OutParameters,
    OutServiceAction,
    ReservationStatus,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.transport_id import TransportID
from reftarget.scsi.task import DataOutNeeded, Nexus, Task
from tests.reftarget.scsi.reservation_bench import (
    CONFLICT,
    EA,
    GOOD,
    KEY,
    LAYOUTS,
    RELEASED,
    WE,
    WE_RO,
    A,
    B,
    C,
    Unit,
    held_by_a,
)


@pytest.fixture
def unit() -> Unit:
    return Unit()


@pytest.fixture
def held(kind: ReservationType) -> Unit:
    return held_by_a(kind)


every_type = pytest.mark.parametrize("kind", ReservationType)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("key_matches", [False, True])
@pytest.mark.parametrize("new_key", [0, 7])
def test_register_behaves_as_its_table(
    unit: Unit, registered: bool, ignore: bool, key_matches: bool, new_key: int
) -> None:
    if registered:
        unit.register(A)
    before = unit.keys
    own = KEY[A] if registered else 0
    action = (
        OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY
        if ignore
        else OutServiceAction.REGISTER
    )
    parameters = OutParameters(own if key_matches else own + 5, new_key)

    status = unit.out(A, action, parameters)

    if not ignore and not key_matches:
        assert (status, unit.keys) == (CONFLICT, before)
    elif not registered and not new_key:
        assert (status, unit.keys) == (GOOD, before)
    else:
        keys = (new_key,) if new_key else ()
        assert (status, unit.keys) == (GOOD, Keys(before.generation + 1, keys))
    assert not unit.new_attentions()


def test_same_initiator_name_and_isid_is_the_same_nexus(unit: Unit) -> None:
    unit.register(A)
    other_isid = A._replace(isid=bytes(6))

    assert unit.act(A._replace(), OutServiceAction.RESERVE, EA) is GOOD
    answer_of_other = unit.out(
        other_isid, OutServiceAction.RESERVE, OutParameters(KEY[A]), EA
    )

    assert answer_of_other is CONFLICT


@every_type
def test_reserve_again_by_the_holder_is_good(held: Unit, kind: ReservationType) -> None:
    before = held.manager.state

    assert held.act(A, OutServiceAction.RESERVE, kind) is GOOD
    assert held.manager.state == before


@every_type
def test_reserve_with_another_type_conflicts(held: Unit, kind: ReservationType) -> None:
    other = EA if kind is WE else WE

    assert held.act(A, OutServiceAction.RESERVE, other) is CONFLICT
    assert held.reservation.type is kind


@every_type
def test_reserve_by_a_registrant_is_good_if_it_holds(
    held: Unit, kind: ReservationType
) -> None:
    expected = GOOD if kind.is_all_registrants else CONFLICT

    assert held.act(B, OutServiceAction.RESERVE, kind) is expected


@every_type
def test_read_reservation_shows_the_holders_key(
    held: Unit, kind: ReservationType
) -> None:
    key = 0 if kind.is_all_registrants else KEY[A]

    assert held.reservation == ReservationStatus(2, kind, key)


@every_type
@pytest.mark.parametrize(
    "action",
    [
        OutServiceAction.RESERVE,
        OutServiceAction.RELEASE,
        OutServiceAction.CLEAR,
        OutServiceAction.PREEMPT,
        OutServiceAction.PREEMPT_AND_ABORT,
    ],
)
@pytest.mark.parametrize("sender", [A, B, C])
def test_wrong_key_conflicts_and_changes_nothing(
    held: Unit, kind: ReservationType, action: OutServiceAction, sender: Nexus
) -> None:
    before = held.manager.state
    parameters = OutParameters(0xBAD, KEY[A])

    assert held.out(sender, action, parameters, kind) is CONFLICT
    assert held.manager.state is before
    assert not held.new_attentions()


@pytest.mark.parametrize("action", LAYOUTS)
def test_an_unregistered_nexus_is_not_asked_for_data(
    unit: Unit, action: OutServiceAction
) -> None:
    command = LAYOUTS[action](type=WE, parameter_list_length=24)

    outcome = unit.manager.handle_out(Task(C, 0, command, TaskAttribute.SIMPLE, 24))

    may_register = action in {
        OutServiceAction.REGISTER,
        OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY,
    }
    assert isinstance(outcome, DataOutNeeded) is may_register


@every_type
def test_release_by_the_holder(held: Unit, kind: ReservationType) -> None:
    held.register(C)
    generation = held.keys.generation

    assert held.act(A, OutServiceAction.RELEASE, kind) is GOOD
    assert held.reservation == ReservationStatus(generation)
    assert held.new_attentions() == (
        {(B, RELEASED), (C, RELEASED)} if kind.is_shared_by_registrants else set()
    )


@every_type
def test_release_with_another_type_is_invalid(
    held: Unit, kind: ReservationType
) -> None:
    other = EA if kind is WE else WE

    assert (
        held.act(A, OutServiceAction.RELEASE, other)
        is AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION
    )
    assert held.reservation.type is kind


@every_type
def test_release_by_a_registrant_does_nothing_unless_it_holds(
    held: Unit, kind: ReservationType
) -> None:
    assert held.act(B, OutServiceAction.RELEASE, kind) is GOOD
    assert (held.reservation.type is None) is kind.is_all_registrants


def test_release_of_nothing_is_good(unit: Unit) -> None:
    unit.register(A)

    assert unit.act(A, OutServiceAction.RELEASE, WE) is GOOD


@every_type
def test_unregistering_the_holder_releases(held: Unit, kind: ReservationType) -> None:
    assert held.out(A, OutServiceAction.REGISTER, OutParameters(KEY[A])) is GOOD

    if kind.is_all_registrants:
        assert held.reservation.type is kind
        assert not held.new_attentions()
        held.out(B, OutServiceAction.REGISTER, OutParameters(KEY[B]))
        assert held.reservation.type is None
    else:
        assert held.reservation.type is None
        is_shared = kind.is_shared_by_registrants
        assert held.new_attentions() == ({(B, RELEASED)} if is_shared else set())


@every_type
def test_unregistering_another_leaves_the_reservation(
    held: Unit, kind: ReservationType
) -> None:
    assert held.out(B, OutServiceAction.REGISTER, OutParameters(KEY[B])) is GOOD
    assert held.reservation.type is kind
    assert not held.new_attentions()


@every_type
def test_changing_the_holders_key_keeps_the_reservation(
    held: Unit, kind: ReservationType
) -> None:
    assert held.out(A, OutServiceAction.REGISTER, OutParameters(KEY[A], 77)) is GOOD
    assert held.reservation.type is kind
    assert held.manager.state.is_holder(A)


@every_type
def test_full_status_names_every_nexus(held: Unit, kind: ReservationType) -> None:
    wire = held.read(cdb.persistent_reserve_in_read_full_status)

    first, second = FullStatus.parse(wire).registrations
    assert first.transport_id == TransportID(A.initiator_name, A.isid)
    assert (first.reservation_key, first.relative_target_port) == (KEY[A], 1)
    assert (first.is_holder, first.type) == (True, kind)
    assert second.is_holder is kind.is_all_registrants
    assert second.type is (kind if kind.is_all_registrants else None)


@pytest.mark.parametrize("kind", [WE_RO])
@pytest.mark.parametrize(
    "layout",
    [
        cdb.persistent_reserve_in_read_keys,
        cdb.persistent_reserve_in_read_reservation,
        cdb.persistent_reserve_in_report_capabilities,
        cdb.persistent_reserve_in_read_full_status,
    ],
    ids=repr,
)
def test_in_data_is_cut_at_every_length(held: Unit, layout: Layout) -> None:
    complete_data = held.read(layout)

    for length in range(len(complete_data) + 2):
        assert held.read(layout, length=length) == complete_data[:length]


def test_capabilities(unit: Unit) -> None:
    wire = unit.read(cdb.persistent_reserve_in_report_capabilities)

    capabilities = Capabilities.parse(wire)
    assert capabilities.types == frozenset(ReservationType)
    assert capabilities.specify_initiator_ports_capable
    assert capabilities.all_target_ports_capable
    assert capabilities.compatible_reservation_handling
    assert not capabilities.persist_through_power_loss_capable


@every_type
def test_reservation_outlives_nexus_and_reset(
    held: Unit,
) -> None:
    before = held.manager.state

    held.manager.nexus_lost(A)
    held.manager.logical_unit_reset()

    assert held.manager.state is before
    assert held.manager.is_reserved


def test_generation_wraps(unit: Unit) -> None:
    unit.manager.state = replace(unit.manager.state, generation=2**32 - 1)
    unit.register(A)

    assert unit.keys.generation == 0
