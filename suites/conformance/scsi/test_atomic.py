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


def write(medium: Medium, lba: int, count: int, **fields: int) -> Result:
    """Write blocks by WRITE ATOMIC."""
    data = medium.blocks(count, seed=count)
    return medium.session.execute(ATOMIC(lba=lba, blocks=count, **fields), write=data)


@pytest.mark.requirement("SBC4-5.48-01")
def test_what_is_written_at_once_is_read(medium: Medium, limits: BlockLimits) -> None:
    """WRITE ATOMIC stores as few and as many blocks as VPD page B0h allows."""
    grain = max(limits.atomic_transfer_length_granularity, 1)
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
@pytest.mark.parametrize("beyond", [0, 1], ids=["across", "after"])
def test_beyond_the_end_is_refused(medium: Medium, beyond: int) -> None:
    """The unit refuses a WRITE ATOMIC that reaches beyond the last block."""
    lba = medium.last(ATOMIC) + beyond

    result = write(medium, lba, 2 - beyond)

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
def test_unsupported_protection_is_refused(medium: Medium, protect: int) -> None:
    """A unit without protection refuses WRPROTECT other than 0."""
    skip_with_protection(medium.session)

    result = write(medium, 0, 1, wrprotect=protect)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC4-5.48-05")
@pytest.mark.parametrize("bit", ["dpo", "fua"])
def test_dpo_and_fua_are_accepted(medium: Medium, bit: str) -> None:
    """A unit with DPOFUA 1 accepts DPO and FUA."""
    skip_without_dpofua(medium.session)

    expect_good(write(medium, 0, 1, **{bit: 1}))


@pytest.mark.requirement("SBC4-5.48-06")
@pytest.mark.parametrize("field", ["blocks", "atomic_boundary"])
def test_limits_are_kept(medium: Medium, limits: BlockLimits, field: str) -> None:
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
        result = write(medium, 0, maximum + 1)
    else:
        result = write(medium, 0, 1, atomic_boundary=maximum + 1)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
    expect_data(medium.read(0, 1), before, what="the block as it was")
