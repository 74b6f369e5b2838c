# SPDX-License-Identifier: GPL-2.0-only
"""UNMAP: its limits, malformed lists, and the state of blocks (SBC-3)."""

from itertools import pairwise

import pytest

from initiator.expect import check, clause, expect_data, expect_good
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.provisioning import (
    Extent,
    ProvisioningStatus,
    build_unmap,
    parse_lba_status,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.support.applicability import skip_unless_zeros, skip_without
from suites.support.expect import expect_sense
from suites.support.media import Medium
from suites.support.pages import limits_of, provisioning_of

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
LIST_LENGTH = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
MOST = 4096
"""Descriptors that are sent at most: as many as one list holds."""
NO_LIMIT = 0xFFFFFFFF
"""What a block limits page gives where it sets none; a descriptor takes no more."""


@pytest.fixture
def medium(medium: Medium) -> Medium:
    """A disk whose blocks can be unmapped, and read as zeros then."""
    skip_unless_zeros(medium.session)
    skip_without(medium.session, cdb.unmap)
    return medium


def unmap(medium: Medium, data: bytes, **fields: int) -> Result:
    """Send UNMAP with a parameter list."""
    command = cdb.unmap(parameter_list_length=len(data), **fields)
    return medium.session.execute(command, write=data)


@pytest.mark.requirement("SBC3-5.28-04")
def test_too_many_descriptors_are_refused(medium: Medium) -> None:
    """UNMAP beyond MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT unmaps nothing."""
    maximum = limits_of(medium.session).maximum_unmap_block_descriptor_count
    if not 0 < maximum < MOST:
        pytest.skip("not applicable: a list cannot hold more than the limit")
    data = medium.blocks(1, seed=1)
    medium.write(0, data)

    result = unmap(medium, build_unmap([Extent(0, 1)] * (maximum + 1)))

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_LIST)
    expect_data(medium.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC3-6.6.4-05")
def test_as_many_descriptors_as_reported_are_accepted(medium: Medium) -> None:
    """A list of MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT descriptors unmaps the blocks.

    Only the last one names a block, as the number of blocks has a limit of its own.
    """
    most = limits_of(medium.session).maximum_unmap_block_descriptor_count
    if not 0 < most <= MOST:
        pytest.skip("not applicable: a list cannot hold as many as the limit")
    medium.write(0, medium.blocks(1, seed=1))

    expect_good(
        unmap(medium, build_unmap([Extent(0, 0)] * (most - 1) + [Extent(0, 1)]))
    )

    expected = bytes(medium.disk.block_size)
    expect_data(medium.read(0, 1), expected, what="zeros")


@pytest.mark.requirement("SBC3-5.28-04")
def test_too_many_blocks_are_refused(medium: Medium) -> None:
    """UNMAP beyond MAXIMUM UNMAP LBA COUNT unmaps nothing."""
    maximum = limits_of(medium.session).maximum_unmap_lba_count
    if not 0 < maximum < min(medium.disk.blocks, NO_LIMIT):
        pytest.skip("not applicable: the limit is beyond the disk")
    data = medium.blocks(1, seed=2)
    medium.write(0, data)

    result = unmap(medium, build_unmap([Extent(0, maximum + 1)]))

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_LIST)
    expect_data(medium.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC3-5.28-05")
@pytest.mark.parametrize("length", [1, 7])
def test_a_list_without_a_header_is_refused(medium: Medium, length: int) -> None:
    """The unit refuses a PARAMETER LIST LENGTH shorter than the header."""
    result = unmap(medium, build_unmap([Extent(0, 1)])[:length])

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, LIST_LENGTH)


@pytest.mark.requirement("SBC3-5.28-06")
def test_a_descriptor_that_is_cut_is_ignored(medium: Medium) -> None:
    """The unit unmaps nothing of an incomplete descriptor."""
    data = medium.blocks(2, seed=3)
    medium.write(0, data)
    parameter_list = build_unmap([Extent(0, 1), Extent(1, 1)])
    # The length fields match the data that is sent.
    cut = (6 + 16 + 12).to_bytes(2, "big") + (16 + 12).to_bytes(2, "big")

    expect_good(unmap(medium, cut + parameter_list[4:-4]))

    size = medium.disk.block_size
    expect_data(medium.read(1, 1), data[size:], what="the second block as it was")


@pytest.mark.requirement("SBC3-5.28-07")
@pytest.mark.parametrize("count", [0, 1, 3])
def test_descriptors_of_no_blocks(medium: Medium, count: int) -> None:
    """A list without descriptors, or with descriptors of no blocks, unmaps nothing."""
    data = medium.blocks(2, seed=4)
    medium.write(0, data)

    expect_good(unmap(medium, build_unmap([Extent(0, 0)] * count)))

    expect_data(medium.read(0, 2), data, what="the blocks as they were")


@pytest.mark.requirement("SBC3-5.28-08")
def test_anchoring_needs_support(medium: Medium) -> None:
    """The unit refuses ANCHOR if ANC_SUP is 0."""
    if provisioning_of(medium.session).anc_sup:
        pytest.skip("not applicable: ANC_SUP is 1")

    result = unmap(medium, build_unmap([Extent(0, 1)]), anchor=1)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-5.28-03")
def test_several_extents_are_unmapped(medium: Medium) -> None:
    """UNMAP unmaps each extent of its list, in any order, and no block between."""
    size, before = medium.disk.block_size, medium.blocks(6, seed=5)
    medium.write(0, before)

    expect_good(unmap(medium, build_unmap([Extent(4, 1), Extent(1, 2)])))

    read_back = medium.read(0, 6)
    for number in range(6):
        block = slice(number * size, (number + 1) * size)
        is_kept = number in (0, 3, 5)
        expected = [before[block]] if is_kept else [bytes(size), before[block]]
        expect_data(read_back[block], *expected, what=f"block {number}")


@pytest.mark.requirement("SBC3-5.28-03")
def test_unmapped_blocks_compare_as_zeros(medium: Medium) -> None:
    """COMPARE AND WRITE compares unmapped blocks as zeros."""
    skip_without(medium.session, cdb.compare_and_write)
    zeros = bytes(medium.disk.block_size)
    new = medium.blocks(1, seed=6)
    medium.write(0, zeros)
    expect_good(unmap(medium, build_unmap([Extent(0, 1)])))

    command = cdb.compare_and_write(lba=0, blocks=1)
    expect_good(medium.session.execute(command, write=zeros + new))

    expect_data(medium.read(0, 1), new, what="the new data")


@pytest.mark.requirement("SBC3-5.4-02", "SBC3-5.4-01")
def test_the_state_of_blocks_is_reported(medium: Medium) -> None:
    """GET LBA STATUS reports blocks with data as mapped, and unmapped extents."""
    skip_without(medium.session, cdb.get_lba_status)
    medium.write(0, medium.blocks(8, seed=7))
    expect_good(unmap(medium, build_unmap([Extent(2, 2)])))

    command = cdb.get_lba_status(lba=0, allocation_length=8 + 16 * 16)
    result = medium.session.execute(command, read=8 + 16 * 16)

    expect_good(result)
    statuses = parse_lba_status(result.data)
    follow = all(one.lba + one.blocks == other.lba for one, other in pairwise(statuses))
    with clause("SBC3-5.4-01"):
        check(statuses[0].lba == 0, "descriptors from block 0 on", statuses)
        check(follow, "descriptors that follow one another", statuses)
    reach = statuses[-1].lba + statuses[-1].blocks
    for lba in (0, 1, 4, 7):
        if lba < reach:
            around = [one for one in statuses if one.lba <= lba < one.lba + one.blocks]
            one = around[0] if around else None
            is_mapped = one is not None and one.status == ProvisioningStatus.MAPPED
            check(is_mapped, f"block {lba}, just written, mapped", one or statuses)
