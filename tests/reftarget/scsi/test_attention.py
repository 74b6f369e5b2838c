# SPDX-License-Identifier: GPL-2.0-only
"""Unit attentions: who hears of what, in which order, and which commands clear it."""

import pytest

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb, sense
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.attention import Attentions
from reftarget.scsi.task import Nexus
from tests.reftarget.scsi.disk import HOST, OTHER, TARGET, Disk

READY = cdb.test_unit_ready()
POWER_ON = AdditionalSense.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED
RESET = AdditionalSense.BUS_DEVICE_RESET_FUNCTION_OCCURRED
LOSS = AdditionalSense.I_T_NEXUS_LOSS_OCCURRED
MODE = AdditionalSense.MODE_PARAMETERS_CHANGED
CAPACITY = AdditionalSense.CAPACITY_DATA_HAS_CHANGED
NEW = Nexus("iqn.2001-04.com.example:new", bytes(6), TARGET, 1)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_new_nexus_hears_of_power_on_once(disk: Disk) -> None:
    refusal = disk.refused(READY, nexus=NEW)

    assert (refusal.key, refusal.additional) == (SenseKey.UNIT_ATTENTION, POWER_ON)
    disk.good(READY, nexus=NEW)


@pytest.mark.parametrize(
    "command",
    [cdb.inquiry(allocation_length=36), cdb.report_luns(allocation_length=16)],
    ids=bytes.hex,
)
def test_inquiry_and_report_luns_leave_it_pending(disk: Disk, command: bytes) -> None:
    disk.good(command, nexus=NEW)

    assert disk.refusal(READY, nexus=NEW) is POWER_ON


def test_request_sense_reports_and_clears_it(disk: Disk) -> None:
    data = disk.good(cdb.request_sense(allocation_length=252), nexus=NEW)

    assert sense.parse(data).additional is POWER_ON
    disk.good(READY, nexus=NEW)


def test_unknown_command_hears_of_it_first(disk: Disk) -> None:
    assert disk.refusal(b"\xff", nexus=NEW) is POWER_ON
    assert (
        disk.refusal(b"\xff", nexus=NEW)
        is AdditionalSense.INVALID_COMMAND_OPERATION_CODE
    )


def test_command_that_hears_of_it_does_nothing(disk: Disk) -> None:
    disk.refused(cdb.write_10(blocks=1), b"x" * 512, nexus=NEW)

    assert disk.good(cdb.read_10(blocks=1)) == bytes(512)


def test_each_nexus_hears_of_a_logical_unit_reset(disk: Disk) -> None:
    assert disk.device.logical_unit_reset(0)

    for nexus in (HOST, OTHER):
        assert disk.refusal(READY, nexus=nexus) is RESET
        disk.good(READY, nexus=nexus)


@pytest.mark.parametrize(
    ("is_cold", "additional"),
    [(False, RESET), (True, AdditionalSense.POWER_ON_OCCURRED)],
)
def test_each_nexus_hears_of_a_target_reset(
    disk: Disk, is_cold: bool, additional: AdditionalSense
) -> None:
    disk.device.target_reset(is_cold=is_cold)

    assert disk.refusal(READY) is additional


def test_reset_of_no_unit_is_distinguished(disk: Disk) -> None:
    assert not disk.device.logical_unit_reset(1)
    disk.good(READY)


def test_nexus_that_returns_hears_of_its_loss(disk: Disk) -> None:
    disk.device.nexus_lost(HOST)

    assert disk.refusal(READY) is LOSS
    disk.good(READY, nexus=OTHER)


def test_conditions_are_reported_in_order(disk: Disk) -> None:
    disk.device.establish_attention(0, HOST, MODE)
    disk.device.establish_attention(0, HOST, CAPACITY)
    disk.device.establish_attention(0, HOST, MODE)

    assert [disk.refusal(READY), disk.refusal(READY)] == [MODE, CAPACITY]
    disk.good(READY)


def test_reset_makes_what_was_pending_void(disk: Disk) -> None:
    disk.device.establish_attention(0, HOST, MODE)
    disk.device.logical_unit_reset(0)

    assert disk.refusal(READY) is RESET
    disk.good(READY)


def test_a_condition_after_a_reset_is_reported_after_it(disk: Disk) -> None:
    disk.device.logical_unit_reset(0)
    disk.device.establish_attention(0, HOST, MODE)

    assert [disk.refusal(READY), disk.refusal(READY)] == [RESET, MODE]


def test_loss_of_a_nexus_does_not_hide_a_reset(disk: Disk) -> None:
    disk.device.logical_unit_reset(0)
    disk.device.nexus_lost(HOST)

    assert disk.refusal(READY) is RESET
    disk.good(READY)


def test_lost_nexuses_are_forgotten_in_the_end() -> None:
    attentions = Attentions()
    nexuses = [
        Nexus("n", bytes([*number.to_bytes(6)]), "t", 1) for number in range(1100)
    ]
    for nexus in nexuses:
        attentions.pending(nexus).clear()
        attentions.nexus_lost(nexus)

    assert len(list(attentions)) == 1024
    assert attentions.pending(nexuses[0]) == [POWER_ON]
    assert attentions.pending(nexuses[-1]) == [LOSS]


def test_report_luns_clears_the_condition_that_it_answers(disk: Disk) -> None:
    changed = AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED
    disk.device.establish_attention(0, HOST, changed)
    disk.device.establish_attention(0, HOST, MODE)

    disk.good(cdb.report_luns(allocation_length=16))

    assert disk.refusal(READY) is MODE
    disk.good(READY)


def test_task_with_the_aca_attribute_is_refused(disk: Disk) -> None:
    assert (
        disk.refusal(READY, attribute=TaskAttribute.ACA)
        is AdditionalSense.INVALID_MESSAGE_ERROR
    )


def test_a_reserved_bit_of_control_is_refused_at_its_place(disk: Disk) -> None:
    refusal = disk.refused(cdb.test_unit_ready(control=0x08))

    assert refusal.additional is AdditionalSense.INVALID_FIELD_IN_CDB
    assert refusal.field_pointer == sense.FieldPointer(5, 3)


def test_reservation_conflict_comes_before_a_unit_attention(disk: Disk) -> None:
    disk.good(cdb.reserve_6())
    disk.device.establish_attention(0, OTHER, MODE)

    assert disk.run(READY, nexus=OTHER).status is SCSIStatus.RESERVATION_CONFLICT
    disk.good(cdb.release_6())
    assert disk.refusal(READY, nexus=OTHER) is MODE
