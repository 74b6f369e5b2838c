# SPDX-License-Identifier: GPL-2.0-only
"""Blocks beyond the first 4 GiB of a unit (SBC-3 chapter 5)."""

import pytest

from initiator.expect import expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.large import (
    expect_unmapped_alone,
    open_large,
    skip_unless_reached,
)
from suites.support.media import Medium, name
from targets.model import LARGE

pytestmark = pytest.mark.needs("large-lun")

LOW = 8
"""A block that has a neighbour in memory 4 GiB above it."""


@pytest.fixture
def large(open_session: OpenSession, target: TestedTarget) -> Medium:
    """A unit of more than 4 GiB whose data the checks may overwrite."""
    medium = open_large(open_session, target)
    skip_unless_reached(medium, LARGE // medium.disk.block_size + LOW)
    return medium


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
    expect_unmapped_alone(large, high, LOW)
