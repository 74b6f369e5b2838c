# SPDX-License-Identifier: GPL-2.0-only
"""Parameter lists of PERSISTENT RESERVE OUT: malformed ones, and more than one port."""

from dataclasses import replace

import pytest

from iscsi.scsi.persistent_reservations import (
    Keys,
    OutParameters,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.transport_id import TransportID
from reftarget.scsi import reservation_actions, reservation_state
from reftarget.scsi.task import Nexus
from tests.reftarget.scsi.reservation_bench import (
    CONFLICT,
    GOOD,
    IN_CDB,
    IN_LIST,
    KEY,
    LAYOUTS,
    LENGTH_ERROR,
    NAME,
    WE,
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


@pytest.mark.parametrize("action", [OutServiceAction.RESERVE, OutServiceAction.RELEASE])
@pytest.mark.parametrize(
    ("kind", "scope"), [(0, 0), (2, 0), (4, 0), (9, 0), (15, 0), (WE, 1), (WE, 2)]
)
def test_reserve_and_release_need_a_type_and_a_scope(
    unit: Unit, action: OutServiceAction, kind: int, scope: int
) -> None:
    unit.register(A)

    assert unit.out(A, action, OutParameters(KEY[A]), kind, scope=scope) is IN_CDB


@pytest.mark.parametrize("action", LAYOUTS)
@pytest.mark.parametrize("length", [0, 1, 23])
def test_list_shorter_than_24_bytes_is_a_length_error(
    unit: Unit, action: OutServiceAction, length: int
) -> None:
    unit.register(A)
    parameters = OutParameters(KEY[A]).build()[:length]

    assert unit.out(A, action, parameters, WE) is LENGTH_ERROR


@pytest.mark.parametrize("action", set(LAYOUTS) - {OutServiceAction.REGISTER_AND_MOVE})
def test_list_longer_than_24_bytes_is_a_length_error(
    unit: Unit, action: OutServiceAction
) -> None:
    unit.register(A)

    assert unit.out(A, action, OutParameters(KEY[A]).build() + b"\0", WE) is (
        LENGTH_ERROR
    )


def test_less_data_than_announced_is_a_length_error(unit: Unit) -> None:
    parameters = OutParameters(0, KEY[A]).build()

    answer_of_short = unit.out(A, OutServiceAction.REGISTER, parameters[:20], length=24)

    assert answer_of_short is LENGTH_ERROR


def test_list_beyond_all_resources_is_refused_before_its_data(unit: Unit) -> None:
    status = unit.out(A, OutServiceAction.REGISTER, b"", length=2**32 - 1)

    assert status is AdditionalSense.INSUFFICIENT_REGISTRATION_RESOURCES


def test_aptpl_without_a_store_is_invalid(unit: Unit) -> None:
    parameters = OutParameters(0, KEY[A], activate_persist_through_power_loss=True)

    assert unit.out(A, OutServiceAction.REGISTER, parameters) is IN_LIST
    assert not unit.keys.keys


def specify(*nexuses: Nexus, key: int = 7, own: int = 0) -> OutParameters:
    return OutParameters(
        own,
        key,
        specify_initiator_ports=True,
        transport_ids=tuple(
            TransportID(each.initiator_name, each.isid) for each in nexuses
        ),
    )


def test_specified_initiator_ports_are_registered(unit: Unit) -> None:
    unit.register(C)

    status = unit.out(A, OutServiceAction.REGISTER, specify(B, C))

    assert status is GOOD
    assert unit.manager.state.registrations == {C: KEY[C], A: 7, B: 7}
    assert unit.keys.generation == 2


def test_specified_initiator_ports_reach_all_target_ports(unit: Unit) -> None:
    parameters = replace(specify(B), all_target_ports=True)

    assert unit.out(A, OutServiceAction.REGISTER, parameters) is GOOD
    assert unit.manager.state.registrations == dict.fromkeys(
        [A, nexus(1, 2), B, nexus(2, 2)], 7
    )
    assert unit.keys.generation == 1


@pytest.mark.parametrize(
    ("registered", "parameters", "refusal"),
    [
        (False, specify(B, key=0), IN_CDB),
        (True, specify(B, own=KEY[A]), IN_CDB),
        (True, specify(B, own=KEY[A], key=0), IN_CDB),
        (True, specify(B, own=0), CONFLICT),
        (
            False,
            replace(specify(), transport_ids=(TransportID(NAME),)),
            IN_LIST,  # an initiator device is no initiator port
        ),
        (False, specify(B).build()[:-4], IN_LIST),
        (False, specify(B).build()[:26], IN_LIST),
        (False, specify(B).build()[:24], IN_LIST),
    ],
)
def test_specified_initiator_ports_refused(
    unit: Unit,
    registered: bool,
    parameters: OutParameters | bytes,
    refusal: Answer,
) -> None:
    if registered:
        unit.register(A)
    before = unit.manager.state

    assert unit.out(A, OutServiceAction.REGISTER, parameters) is refusal
    assert unit.manager.state is before


@pytest.mark.parametrize(
    "action",
    set(LAYOUTS) - {OutServiceAction.REGISTER, OutServiceAction.REGISTER_AND_MOVE},
)
def test_other_actions_take_no_initiator_ports(
    unit: Unit, action: OutServiceAction
) -> None:
    unit.register(A)
    parameters = specify(B, own=KEY[A]).build()

    assert unit.out(A, action, parameters[:24], WE) is IN_LIST


def test_resources_for_registrations_are_limited(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_actions, "MAX_REGISTRATIONS", 2)
    monkeypatch.setattr(reservation_state, "MAX_REGISTRATIONS", 2)

    status = unit.out(A, OutServiceAction.REGISTER, specify(B, C))

    assert status is AdditionalSense.INSUFFICIENT_REGISTRATION_RESOURCES
    assert not unit.keys.keys


def test_all_target_ports_registers_and_unregisters_on_each(unit: Unit) -> None:
    on = OutParameters(0, 7, all_target_ports=True)
    off = OutParameters(7, 0, all_target_ports=True)

    assert unit.out(A, OutServiceAction.REGISTER, on) is GOOD
    assert unit.manager.state.registrations == {A: 7, nexus(1, 2): 7}
    assert unit.out(nexus(1, 2), OutServiceAction.REGISTER, off) is GOOD
    assert unit.keys == Keys(2)


def test_all_target_ports_leaves_a_port_with_another_key_alone(unit: Unit) -> None:
    unit.register(nexus(1, 2), key=5)
    on = OutParameters(0, 7, all_target_ports=True)

    assert unit.out(A, OutServiceAction.REGISTER, on) is GOOD
    assert unit.manager.state.registrations == {nexus(1, 2): 5, A: 7}
    second = OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY
    assert unit.out(A, second, on) is GOOD
    assert unit.manager.state.registrations == {nexus(1, 2): 7, A: 7}
