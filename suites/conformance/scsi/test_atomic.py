# SPDX-License-Identifier: GPL-2.0-only
"""WRITE ATOMIC (SBC-4)."""

import pytest

from initiator.expect import expect_data, expect_good
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.vpd import BlockLimits
from suites.support.applicability import (
    skip_with_protection,
    skip_without,
    skip_without_dpofua,
)
from suites.support.expect import expect_sense
from suites.support.media import Medium
from suites.support.pages import limits_of, longest_transfer

ATOMIC = cdb.write_atomic_16
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
OUT_OF_RANGE = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE


@pytest.fixture
def medium(medium: Medium) -> Medium:
    """A disk that can be written atomically."""
    skip_without(medium.session, ATOMIC)
    return medium


@pytest.fixture
def limits(medium: Medium) -> BlockLimits:
    """The limits of atomic writes in VPD page B0h."""
    return limits_of(medium.session)


@pytest.fixture
def grain(limits: BlockLimits) -> int:
    """Blocks: every length has to be a multiple of so many."""
    return max(limits.atomic_transfer_length_granularity, 1)


def write(medium: Medium, lba: int, count: int, **fields: int) -> Result:
    """Write blocks by WRITE ATOMIC."""
    data = medium.blocks(count, seed=count)
    return medium.session.execute(ATOMIC(lba=lba, blocks=count, **fields), write=data)


@pytest.mark.requirement("SBC4-5.48-01")
def test_what_is_written_at_once_is_read(
    medium: Medium, limits: BlockLimits, grain: int
) -> None:
    """WRITE ATOMIC stores as few and as many blocks as VPD page B0h allows."""
    size = medium.disk.block_size
    longest = longest_transfer(medium.session, medium.disk) // size
    maximum = min(limits.maximum_atomic_transfer_length or grain, longest)
    for count in {grain, maximum // grain * grain or grain}:
        # A block more would exceed the largest transfer of a command.
        medium.write(0, bytes(count * size))
        medium.write(count, bytes(size))

        expect_good(write(medium, 0, count))

        expected = medium.blocks(count, seed=count)
        expect_data(medium.read(0, count), expected)
        behind = medium.read(count, 1)
        expect_data(behind, bytes(size), what="the next block as it was")


@pytest.mark.requirement("SBC4-5.48-02")
@pytest.mark.parametrize("is_behind", [False, True], ids=["across", "after"])
def test_beyond_the_end_is_refused(
    medium: Medium, limits: BlockLimits, grain: int, is_behind: bool
) -> None:
    """The unit refuses a WRITE ATOMIC that reaches beyond the last block.

    It may refuse first what is not aligned, so the command keeps to that.
    """
    last = medium.last(ATOMIC)
    alignment = max(limits.atomic_alignment, 1)
    lba = (last // alignment + is_behind) * alignment
    count = grain if is_behind else ((last + 1 - lba) // grain + 1) * grain

    result = write(medium, lba, count)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, OUT_OF_RANGE)


@pytest.mark.requirement("SBC4-5.48-03")
def test_no_blocks_are_written(medium: Medium) -> None:
    """WRITE ATOMIC with TRANSFER LENGTH 0 writes nothing and ends GOOD."""
    data = medium.blocks(1, seed=3)
    medium.write(0, data)

    expect_good(medium.session.execute(ATOMIC(lba=0, blocks=0)))

    expect_data(medium.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC4-5.48-04")
@pytest.mark.parametrize("protect", [1, 5])
def test_unsupported_protection_is_refused(
    medium: Medium, grain: int, protect: int
) -> None:
    """A unit without protection refuses WRPROTECT other than 0."""
    skip_with_protection(medium.session)

    result = write(medium, 0, grain, wrprotect=protect)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC4-5.48-05")
@pytest.mark.parametrize("bit", ["dpo", "fua"])
def test_dpo_and_fua_are_accepted(medium: Medium, grain: int, bit: str) -> None:
    """A unit with DPOFUA 1 accepts DPO and FUA."""
    skip_without_dpofua(medium.session)

    expect_good(write(medium, 0, grain, **{bit: 1}))


@pytest.mark.requirement("SBC4-5.48-06")
@pytest.mark.parametrize("field", ["blocks", "atomic_boundary"])
def test_limits_are_kept(
    medium: Medium, limits: BlockLimits, grain: int, field: str
) -> None:
    """The unit refuses a WRITE ATOMIC beyond the limits of VPD page B0h."""
    maximum = {
        "blocks": limits.maximum_atomic_transfer_length,
        "atomic_boundary": limits.maximum_atomic_boundary_size,
    }[field]
    if not 0 < maximum < 0xFFFF or maximum >= medium.disk.blocks:
        pytest.skip("not applicable: the unit has no limit, or one too large to reach")
    before = medium.blocks(1, seed=4)
    medium.write(0, before)

    if field == "blocks":
        result = write(medium, 0, (maximum // grain + 1) * grain)
    else:
        result = write(medium, 0, grain, atomic_boundary=maximum + 1)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
    expect_data(medium.read(0, 1), before, what="the block as it was")
