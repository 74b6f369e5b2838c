# SPDX-License-Identifier: GPL-2.0-only
"""START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL."""

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense
from tests.reftarget.scsi.disk import HOST, OTHER, A, Disk

READY = cdb.test_unit_ready()
EJECT = cdb.start_stop_unit(loej=1)
LOAD = cdb.start_stop_unit(loej=1, start=1)
PREVENT = cdb.prevent_allow_medium_removal(prevent=1)
ALLOW = cdb.prevent_allow_medium_removal()
NO_MEDIUM = AdditionalSense.MEDIUM_NOT_PRESENT_TRAY_OPEN
PREVENTED = AdditionalSense.MEDIUM_REMOVAL_PREVENTED
STOPPED = AdditionalSense.LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB


@pytest.fixture
def disk() -> Disk:
    return Disk(removable=True)


def test_ejected_medium_cannot_be_reached_until_loaded(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=1), A)
    disk.good(EJECT)

    for command in (READY, cdb.read_10(blocks=1), cdb.read_capacity_10()):
        assert disk.refusal(command) is NO_MEDIUM
    disk.good(LOAD)

    assert disk.good(cdb.read_10(blocks=1)) == A


def test_others_hear_of_a_medium_that_was_loaded(disk: Disk) -> None:
    disk.good(EJECT)
    disk.good(LOAD)

    disk.good(READY, nexus=HOST)
    assert (
        disk.refusal(READY, nexus=OTHER)
        is AdditionalSense.NOT_READY_TO_READY_CHANGE_MEDIUM_MAY_HAVE_CHANGED
    )


def test_medium_stays_while_anyone_prevents_its_removal(disk: Disk) -> None:
    disk.good(PREVENT, nexus=HOST)
    disk.good(PREVENT, nexus=OTHER)
    assert disk.refusal(EJECT) is PREVENTED

    disk.good(ALLOW, nexus=HOST)
    assert disk.refusal(EJECT) is PREVENTED

    disk.good(ALLOW, nexus=OTHER)
    disk.good(EJECT)


def test_loss_of_a_nexus_ends_its_prevention(disk: Disk) -> None:
    disk.good(PREVENT, nexus=OTHER)

    disk.device.nexus_lost(OTHER)
    disk.good(EJECT)

    assert disk.refusal(READY) is NO_MEDIUM


def test_reset_ends_every_prevention(disk: Disk) -> None:
    disk.good(PREVENT)

    disk.device.logical_unit_reset(0)

    disk.refused(READY)
    disk.good(EJECT)


def test_stopped_unit_must_be_started(disk: Disk) -> None:
    disk.good(cdb.start_stop_unit())

    assert disk.refusal(READY) is STOPPED
    disk.good(cdb.start_stop_unit(start=1))
    disk.good(READY)


@pytest.mark.parametrize("condition", [1, 2, 3, 7, 10, 11])
def test_power_conditions_neither_stop_nor_eject(disk: Disk, condition: int) -> None:
    disk.good(cdb.write_10(blocks=1), A)

    disk.good(cdb.start_stop_unit(power_condition=condition, loej=1))

    assert disk.good(cdb.read_10(blocks=1)) == A


@pytest.mark.parametrize("condition", [4, 5, 6, 8, 9, 12, 15])
def test_reserved_power_conditions_are_refused(disk: Disk, condition: int) -> None:
    assert disk.refusal(cdb.start_stop_unit(power_condition=condition)) is IN_CDB


def test_fixed_disk_has_no_medium_to_move() -> None:
    disk = Disk()

    assert disk.refusal(EJECT) is IN_CDB
    assert disk.refusal(PREVENT) is AdditionalSense.INVALID_COMMAND_OPERATION_CODE
    disk.good(READY)


def test_obsolete_prevention_is_refused(disk: Disk) -> None:
    assert disk.refusal(cdb.prevent_allow_medium_removal(prevent=2)) is IN_CDB
