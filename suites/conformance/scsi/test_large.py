# SPDX-License-Identifier: GPL-2.0-only
"""Blocks beyond the first 4 GiB of a unit (SBC-3 chapter 5)."""

import pytest

from initiator.expect import expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.layout import Layout
from iscsi.scsi.provisioning import Extent, build_unmap
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_unless_zeros, skip_without
from suites.support.media import Medium, name
from targets.model import LARGE

pytestmark = pytest.mark.needs("large-lun")

LOW = 8
"""A block that has a neighbour in memory 4 GiB above it."""
ROOM = 32


@pytest.fixture
def large(open_session: OpenSession, target: TestedTarget) -> Medium:
    """A unit of more than 4 GiB whose data the checks may overwrite."""
    unit = target.running.target.find_large()
    assert unit is not None
    session = open_session(lun=unit.lun)
    command = cdb.read_capacity_16(allocation_length=ROOM)
    result = session.execute(command, read=ROOM)
    expect_good(result)
    capacity = Capacity16.parse(result.data)
    blocks, size = capacity.last_lba + 1, capacity.block_length
    if blocks * size <= LARGE + (LOW + 1) * size:
        pytest.skip("not applicable: the unit has no more than 4 GiB")
    return Medium(session, Disk(unit.lun, size, blocks))


@pytest.fixture
def high(large: Medium) -> int:
    """The block 4 GiB above the low one."""
    return LARGE // large.disk.block_size + LOW


@pytest.mark.requirement("SBC3-5.11-01", "SBC3-5.34-01")
@pytest.mark.parametrize("reader", [cdb.read_10, cdb.read_16], ids=name)
@pytest.mark.parametrize("writer", [cdb.write_10, cdb.write_16], ids=name)
def test_blocks_4_gib_apart_are_two(
    large: Medium, high: int, writer: Layout, reader: Layout
) -> None:
    """A write beyond 4 GiB is read there; the block 4 GiB below is unchanged."""
    below, above = large.blocks(1, seed=11), large.blocks(1, seed=12)
    large.write(LOW, below)

    expect_good(large.send(writer, high, above))

    expect_data(large.read_by(reader, high, 1), above, what="the block beyond 4 GiB")
    expect_data(large.read_by(reader, LOW, 1), below, what="the block 4 GiB below")


@pytest.mark.requirement("SBC3-5.28-03")
def test_blocks_beyond_4_gib_are_unmapped(large: Medium, high: int) -> None:
    """An UNMAP beyond 4 GiB does not change the block 4 GiB below."""
    skip_unless_zeros(large.session)
    skip_without(large.session, cdb.unmap)
    below, above = large.blocks(1, seed=13), large.blocks(1, seed=14)
    large.write(LOW, below)
    large.write(high, above)
    data = build_unmap([Extent(high, 1)])

    command = cdb.unmap(parameter_list_length=len(data))
    expect_good(large.session.execute(command, write=data))

    zeros = bytes(large.disk.block_size)
    expect_data(large.read(high, 1), zeros, above, what="the block beyond 4 GiB")
    expect_data(large.read(LOW, 1), below, what="the block 4 GiB below")
