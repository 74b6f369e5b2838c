# SPDX-License-Identifier: GPL-2.0-only
"""WRITE SAME: its flags, its limits, and unmapping (SBC-3 section 5.44)."""

import pytest

from initiator.expect import expect_data, expect_good
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.support.applicability import (
    skip_if_refused,
    skip_unless_zeros,
    skip_without,
)
from suites.support.expect import expect_sense
from suites.support.media import Medium, name
from suites.support.pages import limits_of, provisioning_of

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
LARGEST = 64 << 20
"""Bytes that a check fills at most."""
SAMES = [cdb.write_same_10, cdb.write_same_16]


def send(
    medium: Medium, layout: Layout, lba: int, blocks: int, **fields: int
) -> Result:
    """Send WRITE SAME with zeros, or without data if NDOB is set."""
    skip_without(medium.session, layout)
    data = None if fields.get("ndob") else bytes(medium.disk.block_size)
    return medium.session.execute(layout(lba=lba, blocks=blocks, **fields), write=data)


@pytest.mark.requirement("SBC3-5.44-03")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_zero_blocks_mean_up_to_the_last(medium: Medium, layout: Layout) -> None:
    """NUMBER OF LOGICAL BLOCKS 0 fills the rest of the disk, or is refused.

    With WSNZ 1 it has to be refused. WSNZ 0, or no page of block limits, leaves open
    whether the unit takes it (SBC-3 section 6.6.4).
    """
    skip_without(medium.session, layout)
    lba = medium.last(layout) - 3
    before = medium.blocks(4, seed=1)
    medium.write(lba, before)

    result = send(medium, layout, lba + 1, 0)

    size = medium.disk.block_size
    expected = before
    if limits_of(medium.session).wsnz or not result.is_good:
        expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
    else:
        expected = before[:size] + bytes(3 * size)
    expect_data(medium.read(lba, 4), expected, what="the blocks from there on, or none")


@pytest.mark.requirement("SBC3-5.44-04")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_anchoring_needs_unmapping(medium: Medium, layout: Layout) -> None:
    """The unit refuses ANCHOR without UNMAP and writes nothing."""
    before = medium.blocks(1, seed=2)
    medium.write(0, before)

    result = send(medium, layout, 0, 1, anchor=1)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
    expect_data(medium.read(0, 1), before, what="the block as it was")


@pytest.mark.requirement("SBC3-5.44-04")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_anchoring_needs_support(medium: Medium, layout: Layout) -> None:
    """The unit refuses ANCHOR if ANC_SUP is 0; else the blocks read as zeros."""
    is_offered = provisioning_of(medium.session).anc_sup
    skip_unless_zeros(medium.session)
    medium.write(0, medium.blocks(1, seed=3))

    result = send(medium, layout, 0, 1, unmap=1, anchor=1)

    if is_offered:
        expect_good(result)
        zeros = bytes(medium.disk.block_size)
        expect_data(medium.read(0, 1), zeros, what="zeros")
    else:
        expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-5.44-05")
@pytest.mark.parametrize("unmap", [0, 1])
def test_ndob_writes_zeros(medium: Medium, unmap: int) -> None:
    """NDOB writes zeros without data; the neighbours are unchanged."""
    if unmap:
        skip_unless_zeros(medium.session)
    around = medium.blocks(4, seed=4)
    medium.write(0, around)

    result = send(medium, cdb.write_same_16, 1, 2, ndob=1, unmap=unmap)

    skip_if_refused(result, "NDOB")
    expect_good(result)
    size = medium.disk.block_size
    expected = around[:size] + bytes(2 * size) + around[-size:]
    expect_data(medium.read(0, 4), expected, what="zeros, and the neighbours")


@pytest.mark.requirement("SBC3-5.44-06")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_more_than_the_reported_length_is_refused(
    medium: Medium, layout: Layout
) -> None:
    """The unit refuses more blocks than MAXIMUM WRITE SAME LENGTH."""
    maximum = limits_of(medium.session).maximum_write_same_length
    width = layout.structure.fields["blocks"].width
    if not maximum or maximum >= medium.disk.blocks or maximum + 1 >= 1 << width:
        pytest.skip("not applicable: the limit is beyond the disk or the field")

    result = send(medium, layout, 0, maximum + 1)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-6.6.4-05")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_the_reported_length_is_filled(medium: Medium, layout: Layout) -> None:
    """As many blocks as MAXIMUM WRITE SAME LENGTH allows are filled."""
    most = limits_of(medium.session).maximum_write_same_length
    width = layout.structure.fields["blocks"].width
    if not most or most > medium.disk.blocks or most >= 1 << width:
        pytest.skip("not applicable: the limit is beyond the disk or the field")
    if most * medium.disk.block_size > LARGEST:
        pytest.skip("not applicable: the limit is beyond what a check fills")
    medium.write(most - 1, medium.blocks(1, seed=3))

    result = send(medium, layout, 0, most)

    expect_good(result)
    expected = bytes(medium.disk.block_size)
    expect_data(medium.read(most - 1, 1), expected, what="zeros in the last block")


@pytest.mark.requirement("SBC3-5.44-02")
@pytest.mark.parametrize("lba", [1, -3], ids=["unaligned", "until-the-last"])
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_any_range_can_be_unmapped(medium: Medium, layout: Layout, lba: int) -> None:
    """WRITE SAME with UNMAP zeroes any range; the neighbours are unchanged."""
    skip_unless_zeros(medium.session)
    start = lba if lba > 0 else medium.last(layout) + 1 + lba
    around = medium.blocks(4, seed=5)
    medium.write(start - 1, around)

    result = send(medium, layout, start, 3, unmap=1)

    skip_if_refused(result, "UNMAP")
    expect_good(result)
    size = medium.disk.block_size
    expected = around[:size] + bytes(3 * size)
    expect_data(medium.read(start - 1, 4), expected, what="zeros, and the neighbour")


@pytest.mark.requirement("SBC3-6.6.5-02")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_unmapping_works_if_it_is_reported(medium: Medium, layout: Layout) -> None:
    """The unit accepts UNMAP if LBPWS or LBPWS10 is 1, and refuses it if 0."""
    provisioning = provisioning_of(medium.session)
    is_offered = (
        provisioning.lbpws if layout is cdb.write_same_16 else provisioning.lbpws10
    )
    medium.write(0, bytes(medium.disk.block_size))

    result = send(medium, layout, 0, 1, unmap=1)

    if is_offered:
        expect_good(result)
    else:
        expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
