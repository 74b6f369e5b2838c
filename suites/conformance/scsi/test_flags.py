# SPDX-License-Identifier: GPL-2.0-only
"""Flags and odd lengths of commands beside READ and WRITE (SBC-3 chapter 5)."""

import pytest

from initiator.expect import expect_data, expect_good
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.support.applicability import (
    skip_with_protection,
    skip_without,
    skip_without_dpofua,
)
from suites.support.expect import expect_done, expect_sense
from suites.support.media import BYTCHK_ALL, VERIFIES, WRITES_AND_VERIFIES, Medium, name

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
MISCOMPARE = AdditionalSense.MISCOMPARE_DURING_VERIFY_OPERATION
BYTCHK_SAME = 0b11
PRE_FETCHES = [cdb.pre_fetch_10, cdb.pre_fetch_16]
PROTECTED = [
    *((layout, "vrprotect", 0) for layout in VERIFIES),
    (cdb.orwrite, "orprotect", 1),
    (cdb.compare_and_write, "wrprotect", 2),
    (cdb.write_same_10, "wrprotect", 1),
    (cdb.write_same_16, "wrprotect", 1),
]
FLAGGED = [
    (cdb.orwrite, {"dpo": 1}, 1),
    (cdb.orwrite, {"fua": 1}, 1),
    (cdb.compare_and_write, {"dpo": 1}, 2),
    (cdb.compare_and_write, {"fua": 1}, 2),
]


def label(case: tuple[Layout, str | dict[str, int], int]) -> str:
    """Return the test ID of a command and its flag."""
    flag = case[1] if isinstance(case[1], str) else next(iter(case[1]))
    return f"{name(case[0])}-{flag}"


def zeros(medium: Medium, count: int) -> bytes:
    """Write zeros to the first blocks of the medium; return them."""
    data = bytes(count * medium.disk.block_size)
    medium.write(0, data)
    return data


def send(medium: Medium, layout: Layout, blocks: int, **fields: int) -> Result:
    """Send a command for one block with zeros for a number of blocks."""
    skip_without(medium.session, layout)
    data = zeros(medium, blocks)
    command = layout(lba=0, blocks=1, **fields)
    return medium.session.execute(command, write=data if blocks else None)


@pytest.mark.requirement("SBC3-4.22-01")
@pytest.mark.parametrize("protect", [1, 5])
@pytest.mark.parametrize("case", PROTECTED, ids=label)
def test_unsupported_protection_is_refused(
    medium: Medium, case: tuple[Layout, str, int], protect: int
) -> None:
    """A unit without protection information refuses a protection field."""
    layout, field, blocks = case
    skip_with_protection(medium.session)

    result = send(medium, layout, blocks, **{field: protect})

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-6.5.1-01")
@pytest.mark.parametrize("case", FLAGGED, ids=label)
def test_other_commands_accept_dpo_and_fua(
    medium: Medium, case: tuple[Layout, dict[str, int], int]
) -> None:
    """With DPOFUA 1, ORWRITE and COMPARE AND WRITE accept DPO and FUA."""
    layout, fields, blocks = case
    skip_without_dpofua(medium.session)

    expect_good(send(medium, layout, blocks, **fields))


@pytest.mark.requirement("SBC3-6.5.1-01")
@pytest.mark.parametrize("layout", [*VERIFIES, *WRITES_AND_VERIFIES], ids=name)
def test_verify_takes_dpo(medium: Medium, layout: Layout) -> None:
    """With DPOFUA 1, VERIFY and WRITE AND VERIFY accept DPO."""
    skip_without_dpofua(medium.session)
    blocks = 0 if layout in VERIFIES else 1

    expect_good(send(medium, layout, blocks, dpo=1))


@pytest.mark.requirement("SBC3-5.5-02")
@pytest.mark.parametrize("layout", [cdb.orwrite, cdb.compare_and_write], ids=name)
def test_zero_blocks_have_no_effect(medium: Medium, layout: Layout) -> None:
    """ORWRITE and COMPARE AND WRITE of no blocks change nothing."""
    skip_without(medium.session, layout)
    data = medium.blocks(1, seed=2)
    medium.write(0, data)

    expect_good(medium.session.execute(layout(lba=0, blocks=0)))

    expect_data(medium.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC3-5.7-01")
@pytest.mark.parametrize("immed", [0, 1])
@pytest.mark.parametrize("blocks", [0, 1])
@pytest.mark.parametrize("layout", PRE_FETCHES, ids=name)
def test_blocks_are_fetched(
    medium: Medium, layout: Layout, blocks: int, immed: int
) -> None:
    """PRE-FETCH ends GOOD or CONDITION MET, for some blocks and up to the last."""
    skip_without(medium.session, layout)
    lba = medium.last(layout) - 1

    result = medium.session.execute(layout(lba=lba, blocks=blocks, immed=immed))

    expect_done(result, layout)


@pytest.mark.requirement("SBC3-5.29-04")
@pytest.mark.parametrize("place", [None, 0, -1], ids=["equal", "first", "last"])
@pytest.mark.parametrize("layout", VERIFIES, ids=name)
def test_one_block_is_compared_with_all(
    medium: Medium, layout: Layout, place: int | None
) -> None:
    """VERIFY with BYTCHK 11b compares each block with the one that was sent."""
    skip_without(medium.session, layout)
    block = medium.blocks(1, seed=3)
    blocks = bytearray(block * 3)
    if place is not None:
        blocks[place] ^= 1
    medium.write(0, bytes(blocks))

    command = layout(lba=0, blocks=3, bytchk=BYTCHK_SAME)
    result = medium.session.execute(command, write=block)

    if result.sense and result.sense.additional == IN_CDB:
        pytest.skip("not applicable: the unit does not take BYTCHK 11b")
    if place is None:
        expect_good(result)
    else:
        expect_sense(result, SenseKey.MISCOMPARE, MISCOMPARE)


@pytest.mark.requirement("SBC3-5.38-01")
@pytest.mark.parametrize("layout", WRITES_AND_VERIFIES, ids=name)
def test_what_is_written_is_compared(medium: Medium, layout: Layout) -> None:
    """WRITE AND VERIFY with BYTCHK 01b stores its data and verifies it."""
    data = medium.blocks(2, seed=4)
    medium.write(0, medium.blocks(2, seed=5))

    expect_good(medium.send(layout, 0, data, bytchk=BYTCHK_ALL))

    expect_data(medium.read(0, 2), data, what="the data")
