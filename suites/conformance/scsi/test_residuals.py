# SPDX-License-Identifier: GPL-2.0-only
"""Residuals of reads and writes in every way that data moves (RFC 7143 11.4.5)."""

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_without
from suites.support.expect import expect_residual
from suites.support.media import READS, WRITES, WRITES_AND_VERIFIES, Medium, name

WAYS = {
    "immediate": {"ImmediateData": "Yes", "InitialR2T": "Yes"},
    "unsolicited": {"ImmediateData": "No", "InitialR2T": "No"},
    "solicited": {"ImmediateData": "No", "InitialR2T": "Yes"},
}
BLOCKS = 2


@pytest.fixture(params=WAYS)
def way(
    request: pytest.FixtureRequest, open_session: OpenSession, scratch_disk: Disk
) -> Medium:
    """A scratch disk, and a session that moves data in one of three ways."""
    return Medium(open_session(WAYS[request.param]), scratch_disk)


def expect_residual_or_refusal(result: Result, expected: int) -> None:
    """Expect a residual of this sign, or CHECK CONDITION."""
    if result.status == SCSIStatus.CHECK_CONDITION:
        return  # a device server may refuse a length that differs from the CDB
    check(result.is_good, ["GOOD", "CHECK CONDITION"], result)
    expect_residual(result, over=max(expected, 0), under=max(-expected, 0))


@pytest.mark.requirement("RFC7143-11.4.5.2-01", "RFC7143-11.4.5.2-03")
@pytest.mark.parametrize("surplus", [-1, 1], ids=["less", "more"])
@pytest.mark.parametrize("layout", [*WRITES[1:], *WRITES_AND_VERIFIES], ids=name)
def test_residuals_of_writes(way: Medium, layout: Layout, surplus: int) -> None:
    """A write whose expected length differs from the CDB's reports the residual."""
    skip_without(way.session, layout)
    size, before = way.disk.block_size, way.blocks(BLOCKS + 1, seed=1)
    way.write(0, before)
    data = way.blocks(BLOCKS + surplus, seed=2)

    result = way.session.execute(layout(lba=0, blocks=BLOCKS), write=data)

    expect_residual_or_refusal(result, -surplus * size)
    read_back = way.read(0, BLOCKS + 1)
    untouched = slice(BLOCKS * size, None)
    expect_data(
        read_back[untouched], before[untouched], what="the next block, as it was"
    )
    if result.is_good:
        transferred = min(BLOCKS, BLOCKS + surplus) * size
        expect_data(
            read_back[:transferred], data[:transferred], what="the data that was sent"
        )


@pytest.mark.requirement("RFC7143-11.4.5.2-01", "RFC7143-11.4.5.2-03")
@pytest.mark.parametrize("surplus", [-512, -112, 88], ids=["less", "part", "more"])
@pytest.mark.parametrize("layout", READS[1:], ids=name)
def test_residuals_of_reads(
    session: Session, disk: Disk, layout: Layout, surplus: int
) -> None:
    """A read whose expected length differs from the CDB's reports the residual."""
    skip_without(session, layout)
    room = BLOCKS * disk.block_size + surplus

    result = session.execute(layout(lba=0, blocks=BLOCKS), read=room)

    expect_residual_or_refusal(result, -surplus)
    maximum = min(room, BLOCKS * disk.block_size)
    expected = maximum if result.is_good else 0
    check(
        expected <= len(result.data) <= maximum, f"{expected} bytes", len(result.data)
    )


@pytest.mark.requirement("RFC7143-11.4.5.2-01")
@pytest.mark.parametrize("layout", READS[1:], ids=name)
def test_a_read_of_which_nothing_is_expected(
    session: Session, disk: Disk, layout: Layout
) -> None:
    """A read with expected length 0 returns nothing and reports all as residual."""
    skip_without(session, layout)
    command = layout(lba=0, blocks=1)

    result = session.execute(command, read=1, expected_data_transfer_length=0)

    expect_residual_or_refusal(result, disk.block_size)
    check(not result.data, "no data", len(result.data))


@pytest.mark.requirement("SBC3-5.2-03")
@pytest.mark.parametrize("blocks", [1, 3], ids=["less", "more"])
def test_compare_and_write_needs_all_its_data(medium: Medium, blocks: int) -> None:
    """COMPARE AND WRITE with a block less writes nothing; with one more, overflow."""
    skip_without(medium.session, cdb.compare_and_write)
    size, old = medium.disk.block_size, medium.blocks(1, seed=3)
    medium.write(0, old)
    data = old + medium.blocks(2, seed=4)

    command = cdb.compare_and_write(lba=0, blocks=1)
    result = medium.session.execute(command, write=data[: blocks * size])

    if blocks == 1:
        check(not result.is_good, "no GOOD", result)
    else:
        expect_residual_or_refusal(result, -size)
    expected = data[size : 2 * size] if result.is_good else old
    expect_data(medium.read(0, 1), expected, what="new data with GOOD, else the old")


@pytest.mark.requirement("SBC3-5.44-07")
@pytest.mark.parametrize("part", [0.5, 2], ids=["less", "more"])
@pytest.mark.parametrize("layout", [cdb.write_same_10, cdb.write_same_16], ids=name)
def test_write_same_needs_its_block(
    medium: Medium, layout: Layout, part: float
) -> None:
    """WRITE SAME with half a block writes nothing; with two blocks it reports that."""
    skip_without(medium.session, layout)
    size, old = medium.disk.block_size, medium.blocks(2, seed=5)
    medium.write(0, old)
    data = medium.blocks(2, seed=6)[: int(part * size)]

    result = medium.session.execute(layout(lba=0, blocks=2), write=data)

    if part < 1:
        check(not result.is_good, "no GOOD", result)
    else:
        expect_residual_or_refusal(result, -size)
    expected = data[:size] * 2 if result.is_good else old
    expect_data(medium.read(0, 2), expected, what="the block sent, or the old ones")


@pytest.mark.requirement("RFC7143-11.4.5.1-03")
def test_exact_writes_leave_no_residual(way: Medium) -> None:
    """A write of exactly its CDB's length has neither O nor U."""
    result = way.send(cdb.write_10, 0, way.blocks(BLOCKS))

    expect_good(result)
    residual = (result.overflow, result.underflow, result.residual_count)
    check(residual == (False, False, 0), "O=0, U=0, residual 0", result.final)
