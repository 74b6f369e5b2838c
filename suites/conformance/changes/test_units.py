# SPDX-License-Identifier: GPL-2.0-only
"""Units whose size or write protection changes while the target runs (SBC-3)."""

from collections.abc import Iterator

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.mode import ALL_PAGES, parse_6
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import Disk
from suites.plugins.targets import TestedTarget
from suites.support.changes import (
    SIZE,
    Operator,
    ask,
    attentions,
    disk_of,
    expect_attention,
    skip_unless,
)
from suites.support.expect import expect_sense

OUT_OF_RANGE = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE
SIZES = {"larger": 2 * SIZE, "smaller": SIZE // 2}
PROTECTED = (
    AdditionalSense.WRITE_PROTECTED,
    AdditionalSense.HARDWARE_WRITE_PROTECTED,
    AdditionalSense.LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED,
    AdditionalSense.PERSISTENT_WRITE_PROTECT,
    AdditionalSense.PERMANENT_WRITE_PROTECT,
)


@pytest.fixture
def resizing(operator: Operator, target: TestedTarget) -> Operator:
    """The operator that resizes units."""
    skip_unless(target, "resize-unit")
    return operator


@pytest.fixture
def protecting(
    operator: Operator, target: TestedTarget, added: Disk
) -> Iterator[Operator]:
    """The operator that write-protects a unit; the protection ends with the check."""
    skip_unless(target, "write-protect")
    yield operator
    operator.protect(added.lun, is_protected=False)


def write(session: Session, disk: Disk, lba: int, data: bytes) -> None:
    """Write a block; the write must succeed."""
    command = cdb.write_10(lba=lba, blocks=1)
    expect_good(ask(session, disk.lun, command, write=data))


def read(session: Session, disk: Disk, lba: int) -> bytes:
    """Return a block."""
    command = cdb.read_10(lba=lba, blocks=1)
    result = ask(session, disk.lun, command, read=disk.block_size)
    expect_good(result)
    return result.data


@pytest.mark.requirement("SBC3-5.15-02")
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_capacity_follows_the_size(
    resizing: Operator, session: Session, added: Disk, size: int
) -> None:
    """Both READ CAPACITY commands report the new number of blocks."""
    resizing.resize(added.lun, size)

    blocks = size // added.block_size
    reported = disk_of(session, added.lun).blocks
    check(reported == blocks, f"{blocks} blocks", f"{reported} blocks")
    command = cdb.read_capacity_16(allocation_length=32)
    result = ask(session, added.lun, command, read=32)
    if result.is_good:
        last = Capacity16.parse(result.data).last_lba
        check(last == blocks - 1, f"last block {blocks - 1}", f"last block {last}")


@pytest.mark.requirement("SBC3-5.15-03")
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_new_size_is_reported_to_all(
    resizing: Operator, others: list[Session], added: Disk, size: int
) -> None:
    """Each nexus gets a unit attention when the capacity changes."""
    for one in others:
        attentions(one, added.lun)

    resizing.resize(added.lun, size)

    for one in others:
        expect_attention(one, added.lun, AdditionalSense.CAPACITY_DATA_HAS_CHANGED)


@pytest.mark.requirement("SBC3-4.5-04")
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_end_follows_the_size(
    resizing: Operator, session: Session, added: Disk, size: int
) -> None:
    """The new last block is served, and the one after it is not."""
    resizing.resize(added.lun, size)

    blocks = size // added.block_size
    data = b"\x3c" * added.block_size
    write(session, added, blocks - 1, data)
    expect_data(read(session, added, blocks - 1), data, what="the data written")
    beyond = cdb.read_10(lba=blocks, blocks=1)
    result = ask(session, added.lun, beyond, read=added.block_size)
    expect_sense(result, SenseKey.ILLEGAL_REQUEST, OUT_OF_RANGE)


@pytest.mark.requirement("SBC3-4.5-05")
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_blocks_that_stay_keep_their_data(
    resizing: Operator, session: Session, added: Disk, size: int
) -> None:
    """The blocks that remain keep their data."""
    places = (0, min(size, SIZE) // added.block_size - 1)
    data = b"\xc3" * added.block_size
    for lba in places:
        write(session, added, lba, data)

    resizing.resize(added.lun, size)

    for lba in places:
        expect_data(read(session, added, lba), data, what="the data written before")


@pytest.mark.requirement("SBC3-4.2-02")
def test_later_protection_takes_effect(
    protecting: Operator, session: Session, added: Disk
) -> None:
    """A unit that becomes write-protected refuses writes and serves reads."""
    old, new = b"\x11" * added.block_size, b"\x22" * added.block_size
    write(session, added, 0, old)

    protecting.protect(added.lun, is_protected=True)

    command = cdb.write_10(lba=0, blocks=1)
    result = ask(session, added.lun, command, write=new)
    expect_sense(result, SenseKey.DATA_PROTECT, *PROTECTED)
    expect_data(read(session, added, 0), old, what="the block as it was")


@pytest.mark.requirement("SBC3-4.2-02")
def test_protection_can_end(
    protecting: Operator, session: Session, added: Disk
) -> None:
    """A unit whose protection ends accepts writes again."""
    data = b"\x33" * added.block_size
    protecting.protect(added.lun, is_protected=True)

    protecting.protect(added.lun, is_protected=False)

    write(session, added, 0, data)
    expect_data(read(session, added, 0), data, what="the data written")


@pytest.mark.requirement("SBC3-4.2-02")
@pytest.mark.parametrize("is_protected", [True, False], ids=["on", "off"])
def test_wp_follows_the_protection(
    protecting: Operator, session: Session, added: Disk, is_protected: bool
) -> None:
    """WP of the mode parameter header follows the write protection."""
    protecting.protect(added.lun, is_protected=True)
    if not is_protected:
        protecting.protect(added.lun, is_protected=False)

    command = cdb.mode_sense_6(dbd=1, page_code=ALL_PAGES, allocation_length=252)
    result = ask(session, added.lun, command, read=252)

    if result.sense and result.sense.key == SenseKey.ILLEGAL_REQUEST:
        pytest.skip("not applicable: the unit has no MODE SENSE (6)")
    expect_good(result)
    reported = parse_6(result.data).is_write_protected
    check(reported == is_protected, f"WP={is_protected:d}", f"WP={reported:d}")


@pytest.mark.requirement("SPC4-6.11-09")
def test_protection_is_reported_to_all(
    protecting: Operator, others: list[Session], added: Disk
) -> None:
    """Each nexus gets a unit attention when the write protection changes."""
    for one in others:
        attentions(one, added.lun)

    protecting.protect(added.lun, is_protected=True)

    for one in others:
        expect_attention(one, added.lun, AdditionalSense.MODE_PARAMETERS_CHANGED)
