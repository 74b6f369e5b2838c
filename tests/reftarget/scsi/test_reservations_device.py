# SPDX-License-Identifier: GPL-2.0-only
"""Reservations behind a device server: conflicts, unit attentions, aborted tasks."""

from dataclasses import dataclass, field

import pytest

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb, sense
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import OutParameters, ReservationType
from iscsi.scsi.reservation_conflicts import PASSES, Role
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.device import DeviceServer
from reftarget.scsi.table import COMMANDS
from reftarget.scsi.task import DataOutNeeded, Nexus, Task, completed

TARGET = "iqn.2001-04.com.example:target"
A, B, C = (
    Nexus(f"iqn.2001-04.com.example:{name}", bytes(6), TARGET, 1) for name in "abc"
)
CONFLICT = SCSIStatus.RESERVATION_CONFLICT


@dataclass
class Bench:
    aborted: list[tuple[int, Nexus]] = field(default_factory=list)
    device: DeviceServer = field(init=False)

    def __post_init__(self) -> None:
        self.device = DeviceServer(
            TARGET,
            [
                LogicalUnitConfig(0, removable=True, long_cdbs=True),
                LogicalUnitConfig(1),
            ],
            abort_tasks=lambda lun, nexus: self.aborted.append((lun, nexus)),
        )
        for nexus in (A, B, C):
            self.send(nexus, cdb.test_unit_ready())

    def send(
        self, nexus: Nexus, command: bytes, data: bytes = b"", *, lun: int = 0
    ) -> SCSIStatus | AdditionalSense | None:
        task = Task(nexus, lun, command, TaskAttribute.SIMPLE, len(data))
        outcome = self.device.start(task, 0.0)
        if isinstance(outcome, DataOutNeeded):
            outcome = outcome.finish(data.ljust(outcome.length, b"\0"))
        outcome = completed(outcome)
        if outcome.status is SCSIStatus.CHECK_CONDITION:
            return sense.parse(outcome.sense).additional
        return outcome.status

    def out(
        self, nexus: Nexus, layout: Layout, key: int, new: int = 0, kind: int = 0
    ) -> None:
        data = OutParameters(key, new).build()
        command = layout(type=kind, parameter_list_length=len(data))
        assert self.send(nexus, command, data) is SCSIStatus.GOOD

    def reserve(self, kind: ReservationType) -> None:
        """Let A hold a reservation and B be registered."""
        self.out(A, cdb.persistent_reserve_out_register, 0, 1)
        self.out(B, cdb.persistent_reserve_out_register, 0, 2)
        self.out(A, cdb.persistent_reserve_out_reserve, 1, kind=kind)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("kind", ReservationType)
def test_every_command_of_the_table_conflicts_or_runs(
    bench: Bench, kind: ReservationType
) -> None:
    bench.reserve(kind)
    registrant = Role.HOLDER if kind.is_all_registrants else Role.REGISTRANT

    for command in COMMANDS:
        request = command.layout()
        access = command.access.of(request)
        if access.name == "RESERVATION":
            continue  # its handler decides
        for nexus, role in ((C, Role.STRANGER), (B, registrant), (A, Role.HOLDER)):
            conflicts = bench.send(nexus, request) is CONFLICT
            assert conflicts is (access not in PASSES[kind][role]), command.layout
        # SANITIZE and similar commands leave traces that do not matter here.
        bench.device.units[0].is_started = True
        bench.device.units[0].sanitizing.until = 0.0


def test_other_units_are_not_reserved(bench: Bench) -> None:
    bench.reserve(ReservationType.EXCLUSIVE_ACCESS)
    bench.send(C, cdb.test_unit_ready(), lun=1)

    assert bench.send(C, cdb.read_10(blocks=1), lun=1) is SCSIStatus.GOOD
    assert bench.send(C, cdb.read_10(blocks=1)) is CONFLICT


def test_preempted_nexus_hears_of_it_once(bench: Bench) -> None:
    bench.reserve(ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY)
    bench.out(
        B,
        cdb.persistent_reserve_out_preempt,
        2,
        1,
        ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
    )

    # A conflict is reported before a unit attention, and leaves it pending.
    assert bench.send(A, cdb.write_10(blocks=1)) is CONFLICT
    assert bench.send(A, cdb.test_unit_ready()) is (
        AdditionalSense.REGISTRATIONS_PREEMPTED
    )
    assert bench.send(A, cdb.test_unit_ready()) is SCSIStatus.GOOD
    assert bench.send(B, cdb.test_unit_ready()) is SCSIStatus.GOOD
    assert bench.send(C, cdb.test_unit_ready()) is SCSIStatus.GOOD
    assert not bench.aborted


def test_preempt_and_abort_aborts_tasks_and_ends_prevention(bench: Bench) -> None:
    bench.reserve(ReservationType.WRITE_EXCLUSIVE)
    prevent = cdb.prevent_allow_medium_removal(prevent=1)
    eject = cdb.start_stop_unit(loej=1)
    assert bench.send(A, prevent) is SCSIStatus.GOOD

    bench.out(
        B,
        cdb.persistent_reserve_out_preempt_and_abort,
        2,
        1,
        ReservationType.WRITE_EXCLUSIVE,
    )

    assert bench.aborted == [(0, A)]
    assert bench.send(B, eject) is SCSIStatus.GOOD


def test_nexus_that_was_away_hears_of_it_when_it_returns(bench: Bench) -> None:
    bench.reserve(ReservationType.WRITE_EXCLUSIVE)
    bench.device.nexus_lost(A)
    bench.out(B, cdb.persistent_reserve_out_clear, 2)

    results = [bench.send(A, cdb.test_unit_ready()) for _ in range(3)]

    assert results == [
        AdditionalSense.I_T_NEXUS_LOSS_OCCURRED,
        AdditionalSense.RESERVATIONS_PREEMPTED,
        SCSIStatus.GOOD,
    ]
