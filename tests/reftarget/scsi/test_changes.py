# SPDX-License-Identifier: GPL-2.0-only
"""Units that come, change and go while the device server runs."""

import pytest

from iscsi.scsi import cdb, luns
from iscsi.scsi.capacity import Capacity10
from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi import changes
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.task import DataOutNeeded
from tests.reftarget.scsi.disk import BLOCK, BLOCKS, HOST, OTHER, A, Disk

CHANGED = AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED
NEW = LogicalUnitConfig(7, size=BLOCKS * BLOCK)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def listed(disk: Disk) -> list[int]:
    return luns.parse_report(disk.good(cdb.report_luns(allocation_length=256)))


def test_units_come_and_go(disk: Disk) -> None:
    disk.device.add_unit(NEW)
    assert listed(disk) == [0, 7]

    disk.device.remove_unit(7)
    assert listed(disk) == [0]
    missing = AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
    assert disk.refusal(cdb.test_unit_ready(), lun=7) is missing


def test_the_others_are_notified(disk: Disk) -> None:
    disk.device.add_unit(NEW)

    assert disk.refusal(cdb.test_unit_ready(), nexus=OTHER) is CHANGED
    listed(disk)
    assert disk.good(cdb.test_unit_ready()) == b""


def test_the_list_clears_all_units(disk: Disk) -> None:
    disk.device.add_unit(NEW)
    seen = disk.device.units[7].attentions
    seen.pending(HOST).clear()
    disk.device.add_unit(LogicalUnitConfig(8, size=BLOCK))
    assert seen.pending(HOST) == [CHANGED]

    listed(disk)

    assert seen.pending(HOST) == []


def test_a_unit_is_there_once(disk: Disk) -> None:
    with pytest.raises(ValueError, match="logical unit 0 already"):
        disk.device.add_unit(LogicalUnitConfig(0, size=BLOCK))
    with pytest.raises(ValueError, match="no logical unit 9"):
        disk.device.remove_unit(9)


def test_a_write_outlives_its_unit(disk: Disk) -> None:
    disk.device.add_unit(NEW)
    disk.device.units[7].attentions.pending(HOST).clear()
    answer = disk.start(cdb.write_10(blocks=1), A, lun=7)
    assert isinstance(answer, DataOutNeeded)

    disk.device.remove_unit(7)

    answer.finish(A)


@pytest.mark.parametrize("blocks", [BLOCKS * 2, BLOCKS // 2])
def test_the_size_changes(disk: Disk, blocks: int) -> None:
    disk.good(cdb.write_10(lba=1, blocks=1), A)

    changes.resize(disk.unit, blocks * BLOCK)

    new_attentions = AdditionalSense.CAPACITY_DATA_HAS_CHANGED
    assert disk.refusal(cdb.test_unit_ready()) is new_attentions
    capacity = Capacity10.parse(disk.good(cdb.read_capacity_10()))
    assert capacity.last_lba == blocks - 1
    assert disk.good(cdb.read_10(lba=1, blocks=1)) == A
    beyond = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE
    assert disk.refusal(cdb.read_10(lba=blocks, blocks=1)) is beyond


def test_blocks_that_went_come_back_empty(disk: Disk) -> None:
    last = cdb.write_10(lba=BLOCKS - 1, blocks=1)
    disk.good(last, A)

    changes.resize(disk.unit, BLOCK)
    changes.resize(disk.unit, BLOCKS * BLOCK)

    disk.refusal(cdb.test_unit_ready())
    assert disk.good(cdb.read_10(lba=BLOCKS - 1, blocks=1)) == bytes(BLOCK)


def test_half_a_block_is_no_size(disk: Disk) -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        changes.resize(disk.unit, BLOCK + 1)


def test_protection_comes_and_goes(disk: Disk) -> None:
    changes.protect(disk.unit, is_protected=True)
    new_attentions = AdditionalSense.MODE_PARAMETERS_CHANGED
    assert disk.refusal(cdb.test_unit_ready()) is new_attentions
    protected = AdditionalSense.WRITE_PROTECTED
    assert disk.refusal(cdb.write_10(blocks=1), A) is protected

    changes.protect(disk.unit, is_protected=False)

    disk.refusal(cdb.test_unit_ready())
    disk.good(cdb.write_10(blocks=1), A)
