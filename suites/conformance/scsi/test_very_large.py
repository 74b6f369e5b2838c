# SPDX-License-Identifier: GPL-2.0-only
"""Blocks whose address takes more than 32 bits (SBC-3 chapter 5).

Of a block and the one 2^32 above the lower 32 bits are the same: they are 2 TiB apart
where a block has 512 bytes.
"""

import pytest

from initiator.expect import check, expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity10
from iscsi.scsi.layout import Layout
from iscsi.scsi.provisioning import parse_lba_status
from iscsi.scsi.sense import SenseKey
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_without
from suites.support.large import (
    expect_unmapped_alone,
    open_large,
    skip_unless_reached,
)
from suites.support.media import (
    BYTCHK_ALL,
    WRITING,
    Medium,
    Request,
    repeating,
    writing,
)

pytestmark = pytest.mark.needs("large-lun")

BEYOND = 1 << 32
LOW = 40
"""A block that has one with the same lower 32 bits."""
HIGH = BEYOND + LOW
ALL_ONES = 0xFFFFFFFF

_STORING = tuple(
    (layout, send)
    for layout, send in WRITING
    if layout.structure.fields["lba"].width == 64
    and send in (writing, repeating)
    and layout is not cdb.orwrite
)
"""The commands that reach such a block and store their data as it is."""


@pytest.fixture
def medium(open_session: OpenSession, target: TestedTarget) -> Medium:
    """A unit of more than 2^32 blocks whose data the checks may overwrite."""
    medium = open_large(open_session, target)
    skip_unless_reached(medium, HIGH)
    return medium


@pytest.mark.requirement("SBC3-5.15-01")
def test_the_short_capacity_is_all_ones(medium: Medium) -> None:
    """READ CAPACITY (10) reports FFFFFFFFh where the last block is beyond."""
    result = medium.session.execute(cdb.read_capacity_10(), read=8)

    expect_good(result)
    capacity = Capacity10.parse(result.data)
    check(capacity.last_lba == ALL_ONES, f"last block {ALL_ONES:#x}", capacity)
    expected_size = medium.disk.block_size
    check(capacity.block_length == expected_size, f"{expected_size} bytes", capacity)


@pytest.mark.requirement("SBC3-5.34-01", "SBC3-5.11-01")
@pytest.mark.parametrize(
    ("layout", "send"), _STORING, ids=[layout.name for layout, _ in _STORING]
)
def test_blocks_with_the_same_lower_bits_are_two(
    medium: Medium, layout: Layout, send: Request
) -> None:
    """A write beyond 2^32 blocks is read there; the block 2^32 below is unchanged."""
    below, above = medium.blocks(1, seed=21), medium.blocks(1, seed=9)
    medium.write(LOW, below)
    medium.write(HIGH, medium.blocks(1, seed=22))

    expect_good(send(medium, layout, HIGH, 1))

    expect_data(medium.read(HIGH, 1), above, what="the block beyond 2^32 blocks")
    expect_data(medium.read(LOW, 1), below, what="the block 2^32 blocks below")


@pytest.mark.requirement("SBC3-5.29-01", "SBC3-5.29-02")
def test_blocks_beyond_are_verified(medium: Medium) -> None:
    """VERIFY (16) compares with the block that its address names in 64 bits."""
    below, above = medium.blocks(1, seed=23), medium.blocks(1, seed=24)
    medium.write(LOW, below)
    medium.write(HIGH, above)

    same = medium.send(cdb.verify_16, HIGH, above, bytchk=BYTCHK_ALL)
    other = medium.send(cdb.verify_16, HIGH, below, bytchk=BYTCHK_ALL)

    expect_good(same, requirement="SBC3-5.29-01")
    key = other.sense.key if other.sense is not None else None
    is_miscompare = key == SenseKey.MISCOMPARE
    check(is_miscompare, "MISCOMPARE", other, requirement="SBC3-5.29-02")


@pytest.mark.requirement("SBC3-5.28-03")
def test_blocks_beyond_are_unmapped(medium: Medium) -> None:
    """An UNMAP beyond 2^32 blocks does not change the block 2^32 below."""
    expect_unmapped_alone(medium, HIGH, LOW)


@pytest.mark.requirement("SBC3-5.4-01")
def test_the_status_of_blocks_beyond_is_theirs(medium: Medium) -> None:
    """GET LBA STATUS beyond 2^32 blocks describes the block that was asked for."""
    skip_without(medium.session, cdb.get_lba_status)
    command = cdb.get_lba_status(lba=HIGH, allocation_length=24)

    result = medium.session.execute(command, read=24)

    expect_good(result)
    (status, *_others) = parse_lba_status(result.data)
    is_around = status.lba <= HIGH < status.lba + status.blocks
    check(is_around, f"an extent with block {HIGH}", status)
