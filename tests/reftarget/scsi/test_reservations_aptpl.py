# SPDX-License-Identifier: GPL-2.0-only
"""Reservations that persist through a power loss."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from iscsi.scsi.persistent_reservations import (
    Capabilities,
    OutParameters,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import CheckCondition
from reftarget.scsi.reservation_state import Reservation, State
from reftarget.scsi.reservation_store import ReservationStore, StoreError
from reftarget.scsi.reservations import ReservationManager
from reftarget.scsi.task import DataOutNeeded, Nexus, Task, completed

A, B = (
    Nexus(f"iqn.2001-04.com.example:é{name}", b"\x40\0\x01\x37\0\0", "iqn.x:t", 2)
    for name in "ab"
)


class Quiet:
    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        pass

    def abort_tasks(self, nexus: Nexus) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path) -> ReservationStore:
    return ReservationStore(tmp_path / "state" / "unit.json")


def manager(store: ReservationStore) -> ReservationManager:
    return ReservationManager(Quiet(), store=store)


def register(to: ReservationManager, nexus: Nexus, own: int, *, aptpl: bool) -> None:
    task = Task(
        nexus,
        0,
        cdb.persistent_reserve_out_register(parameter_list_length=24),
        TaskAttribute.SIMPLE,
        24,
    )
    needed = to.handle_out(task)
    assert isinstance(needed, DataOutNeeded)
    parameters = OutParameters(own, 7, activate_persist_through_power_loss=aptpl)
    assert completed(needed.finish(parameters.build())).status is SCSIStatus.GOOD


@pytest.mark.parametrize("kind", ReservationType)
def test_state_comes_back_but_for_the_generation(
    store: ReservationStore, kind: ReservationType
) -> None:
    holder = None if kind.is_all_registrants else B
    state = State({A: 2**64 - 1, B: 0xB}, Reservation(kind, holder), 9, True)

    store.save(state)

    assert store.load() == replace(state, generation=0)
    assert manager(store).is_reserved


def test_nothing_kept_is_nothing_reserved(store: ReservationStore) -> None:
    assert store.load() == State()


def test_the_last_registration_decides(store: ReservationStore) -> None:
    first = manager(store)
    register(first, A, 0, aptpl=True)
    assert manager(store).state.registrations == {A: 7}

    register(first, A, 7, aptpl=False)

    assert manager(store).state.registrations == {}
    assert not store.path.exists()


def test_capabilities_say_what_is_kept(store: ReservationStore) -> None:
    unit = manager(store)
    register(unit, A, 0, aptpl=True)
    command = cdb.persistent_reserve_in_report_capabilities(allocation_length=8)

    outcome = unit.handle_in(Task(A, 0, command, TaskAttribute.SIMPLE))

    assert isinstance(outcome.data_in, bytes)
    capabilities = Capabilities.parse(outcome.data_in)
    assert capabilities.persist_through_power_loss_capable
    assert capabilities.persist_through_power_loss_activated


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda _data: b"",
        lambda data: data.replace(b"0x0000000000000007", b"0x0000000000000008"),
        lambda data: data.replace(b'"version": 1', b'"version": 2'),
        lambda _data: b"[]",
        lambda _data: b"{}",
        lambda _data: b"\xff\xfe",
    ],
    ids=["cut", "empty", "key", "version", "list", "object", "not text"],
)
def test_damage_is_one_line_that_names_the_file(
    store: ReservationStore, damage: "object"
) -> None:
    register(manager(store), A, 0, aptpl=True)
    assert callable(damage)
    store.path.write_bytes(damage(store.path.read_bytes()))
    before = store.path.read_bytes()

    with pytest.raises(StoreError) as error:
        manager(store)

    assert str(error.value).startswith(f"{store.path}: ")
    assert "\n" not in str(error.value)
    assert store.path.read_bytes() == before


def test_command_fails_and_changes_nothing_if_it_cannot_be_kept(
    store: ReservationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = manager(store)
    register(unit, A, 0, aptpl=True)
    before, stored = unit.state, store.path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckCondition) as refusal:
        register(unit, B, 0, aptpl=True)

    assert refusal.value.sense.key is SenseKey.HARDWARE_ERROR
    assert unit.state is before
    assert store.path.read_bytes() == stored


VICTIM = """
import sys
from pathlib import Path
from reftarget.scsi.reservation_state import State
from reftarget.scsi.reservation_store import ReservationStore
from reftarget.scsi.task import Nexus

store = ReservationStore(Path(sys.argv[1]))
key = 0
while True:
    key += 1
    nexuses = {Nexus(f"iqn.x:{n}", bytes(6), "iqn.x:t", 1): key for n in range(50)}
    store.save(State(nexuses, persists_through_power_loss=True))
    print(key, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 2, 5])
def test_what_was_acknowledged_survives_kill_9(
    store: ReservationStore, acknowledged: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(store.path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        assert victim.stdout is not None
        for _ in range(acknowledged):
            victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        observed = acknowledged + len(victim.stdout.read().splitlines())

    keys = set(store.load().registrations.values())

    # The save that was interrupted has taken effect completely or not at all.
    assert keys in ({observed}, {observed + 1})
