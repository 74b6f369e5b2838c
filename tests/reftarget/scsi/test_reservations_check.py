# SPDX-License-Identifier: GPL-2.0-only
"""Which commands run under a reservation: the check, RESERVE and RELEASE."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import OutParameters, ReservationType
from iscsi.scsi.reservation_conflicts import PASSES, Access, Role
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import CheckCondition
from reftarget.scsi.reservations import ReservationManager
from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Task, completed

GOOD, CONFLICT = SCSIStatus.GOOD, SCSIStatus.RESERVATION_CONFLICT
A, B, C = (
    Nexus(f"iqn.2001-04.com.example:{name}", bytes(6), "iqn.2001-04.com.example:t", 1)
    for name in "abc"
)


class Quiet:
    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        pass

    def abort_tasks(self, nexus: Nexus) -> None:
        pass


class Unit:
    def __init__(self) -> None:
        self.manager = ReservationManager(Quiet())

    def send(self, nexus: Nexus, command: bytes, data: bytes = b"") -> SCSIStatus:
        handle = {
            0x16: self.manager.reserve_6,
            0x17: self.manager.release_6,
            0x56: self.manager.reserve_10,
            0x57: self.manager.release_10,
            0x5E: self.manager.handle_in,
            0x5F: self.manager.handle_out,
        }[command[0]]
        outcome: Outcome | DataOutNeeded = handle(
            Task(nexus, 0, command, TaskAttribute.SIMPLE, len(data))
        )
        if isinstance(outcome, DataOutNeeded):
            outcome = completed(outcome.finish(data))
        return outcome.status

    def register(self, nexus: Nexus, key: int = 1) -> None:
        parameters = OutParameters(0, key).build()
        command = cdb.persistent_reserve_out_register(parameter_list_length=24)
        assert self.send(nexus, command, parameters) is GOOD

    def reserve(self, nexus: Nexus, kind: ReservationType, key: int = 1) -> SCSIStatus:
        command = cdb.persistent_reserve_out_reserve(
            type=kind, parameter_list_length=24
        )
        return self.send(nexus, command, OutParameters(key).build())

    def runs(self, nexus: Nexus, access: Access, command: bytes = bytes(6)) -> bool:
        if not self.manager.is_reserved:
            return True
        task = Task(nexus, 0, command, TaskAttribute.SIMPLE)
        row = cast("Any", SimpleNamespace(access=access))
        outcome = self.manager.check(task, row)
        assert outcome is None or outcome.status is CONFLICT
        return outcome is None


@pytest.fixture
def unit() -> Unit:
    return Unit()


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("kind", ReservationType)
def test_check_follows_the_table(
    unit: Unit, kind: ReservationType, access: Access
) -> None:
    unit.register(A)
    unit.register(B)
    assert unit.reserve(A, kind) is GOOD

    registrant = Role.HOLDER if kind.is_all_registrants else Role.REGISTRANT
    roles = {A: Role.HOLDER, B: registrant, C: Role.STRANGER}
    for nexus, role in roles.items():
        expected = access.of(bytes(6)) in PASSES[kind][role]
        assert unit.runs(nexus, access) is expected


def test_registrations_alone_restrict_no_nexus(unit: Unit) -> None:
    unit.register(A)

    assert not unit.manager.is_reserved
    assert all(unit.runs(C, access) for access in Access)


RESERVES = [cdb.reserve_6, cdb.reserve_10]
RELEASES = [cdb.release_6, cdb.release_10]


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("reserve", RESERVES, ids=repr)
@pytest.mark.parametrize("release", RELEASES, ids=repr)
def test_reserve_keeps_others_out_until_release(
    unit: Unit, reserve: Layout, release: Layout, access: Access
) -> None:
    assert unit.send(A, reserve()) is GOOD
    assert unit.send(A, reserve()) is GOOD
    assert unit.send(B, reserve()) is CONFLICT
    assert unit.send(B, release()) is GOOD  # and has no effect

    assert unit.runs(A, access)
    is_free = access in {Access.FREE, Access.REMOVAL, Access.RESERVATION}
    assert unit.runs(B, access) is is_free
    assert unit.send(A, release()) is GOOD
    assert unit.runs(B, access)


def test_reserve_keeps_persistent_reservations_out_for_everybody(unit: Unit) -> None:
    unit.send(A, cdb.reserve_6())
    register = cdb.persistent_reserve_out_register(parameter_list_length=24)

    for nexus in (A, B):
        assert unit.send(nexus, cdb.persistent_reserve_in_read_keys()) is CONFLICT
        assert unit.send(nexus, register, OutParameters(0, 1).build()) is CONFLICT


def test_reserve_between_a_registration_and_its_data_wins(unit: Unit) -> None:
    register = cdb.persistent_reserve_out_register(parameter_list_length=24)
    waiting = unit.manager.handle_out(Task(A, 0, register, TaskAttribute.SIMPLE, 24))
    unit.send(B, cdb.reserve_6())

    assert isinstance(waiting, DataOutNeeded)
    assert completed(waiting.finish(OutParameters(0, 1).build())).status is CONFLICT


@pytest.mark.parametrize("by_reset", [False, True])
def test_reserve_ends_with_the_nexus_or_a_reset(unit: Unit, by_reset: bool) -> None:
    unit.send(A, cdb.reserve_6())

    unit.manager.nexus_lost(B)
    assert unit.send(B, cdb.reserve_6()) is CONFLICT
    if by_reset:
        unit.manager.logical_unit_reset()
    else:
        unit.manager.nexus_lost(A)

    assert unit.send(B, cdb.reserve_6()) is GOOD


@pytest.mark.parametrize("layout", [*RESERVES, *RELEASES], ids=repr)
@pytest.mark.parametrize("field", ["third_party", "extent"])
def test_third_parties_and_extents_are_refused(
    unit: Unit, layout: Layout, field: str
) -> None:
    with pytest.raises(CheckCondition) as refusal:
        unit.send(A, layout(**{field: 1}))

    assert refusal.value.sense.additional is AdditionalSense.INVALID_FIELD_IN_CDB


@pytest.mark.parametrize("layout", [*RESERVES, *RELEASES], ids=repr)
@pytest.mark.parametrize("kind", ReservationType)
def test_compatible_reservation_handling(
    unit: Unit, layout: Layout, kind: ReservationType
) -> None:
    unit.register(A)
    unit.register(B)
    assert unit.send(A, layout()) is CONFLICT  # registered, and nothing reserved
    assert unit.reserve(A, kind) is GOOD
    before = unit.manager.state

    assert unit.send(A, layout()) is GOOD
    shared = GOOD if kind.is_shared_by_registrants else CONFLICT
    assert unit.send(B, layout()) is shared
    assert unit.send(C, layout()) is CONFLICT
    assert unit.manager.state is before
