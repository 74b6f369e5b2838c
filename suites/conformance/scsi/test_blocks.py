# SPDX-License-Identifier: GPL-2.0-only
"""Reading, writing and verifying blocks (SBC-3 chapter 5)."""

import pytest

from initiator.expect import check, expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.support.applicability import (
    skip_with_protection,
    skip_without,
    skip_without_dpofua,
)
from suites.support.expect import expect_done, expect_sense
from suites.support.media import (
    ADDRESSING,
    BYTCHK_ALL,
    READS,
    VERIFIES,
    WRITES,
    WRITES_AND_VERIFIES,
    Medium,
    Request,
    name,
)

COUNTS = [1, 2, 17]
OUT_OF_RANGE = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
MISCOMPARE = AdditionalSense.MISCOMPARE_DURING_VERIFY_OPERATION
LONG_WRITES = [*WRITES[1:], *WRITES_AND_VERIFIES]
WIDE = [row for row in ADDRESSING if row[0].structure.fields["lba"].width == 64]
FAR = [1 << 55, (1 << 64) - 1]
NO_LENGTH = [*READS[1:], *VERIFIES]


def label(row: tuple[Layout, Request]) -> str:
    """Return the test ID of a command and how it is sent."""
    return name(row[0])


@pytest.mark.requirement("SBC3-4.5-01")
@pytest.mark.parametrize("row", ADDRESSING, ids=label)
@pytest.mark.parametrize("beyond", [0, 1], ids=["across", "after"])
def test_blocks_beyond_the_end_are_refused(
    medium: Medium, row: tuple[Layout, Request], beyond: int
) -> None:
    """The unit refuses a command that reaches beyond the last block."""
    layout, send = row
    if layout is cdb.get_lba_status and not beyond:
        pytest.skip("not applicable: the command has no number of blocks")
    lba = medium.last(layout) + beyond

    result = send(medium, layout, lba, 2 - beyond)

    allowed = [OUT_OF_RANGE]
    if layout is cdb.compare_and_write and not beyond:
        # The unit may compare fewer than two blocks (section 5.2).
        allowed.append(IN_CDB)
    expect_sense(result, SenseKey.ILLEGAL_REQUEST, *allowed)


@pytest.mark.requirement("SBC3-4.5-01")
@pytest.mark.parametrize("row", WIDE, ids=label)
@pytest.mark.parametrize("lba", FAR, ids=hex)
def test_blocks_far_beyond_the_end_are_refused(
    medium: Medium, row: tuple[Layout, Request], lba: int
) -> None:
    """The unit refuses addresses whose byte offset overflows 64 bits."""
    layout, send = row

    result = send(medium, layout, lba, 1)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, OUT_OF_RANGE)


@pytest.mark.requirement("SBC3-4.5-03")
@pytest.mark.parametrize(
    "layout", [*READS[1:], *VERIFIES, *WRITES[1:], *WRITES_AND_VERIFIES], ids=name
)
def test_no_blocks_beyond_the_end_are_refused(medium: Medium, layout: Layout) -> None:
    """The unit refuses a command of no blocks at an address beyond the end."""
    skip_without(medium.session, layout)
    lba = medium.last(layout) + 2  # the address one lower may count as the end

    result = medium.session.execute(layout(lba=lba, blocks=0))

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, OUT_OF_RANGE)


@pytest.mark.requirement("SBC3-4.5-02")
@pytest.mark.parametrize("row", ADDRESSING, ids=label)
def test_the_last_block_is_within_reach(
    medium: Medium, row: tuple[Layout, Request]
) -> None:
    """The unit executes a command on the last block."""
    layout, send = row
    lba = medium.last(layout)
    medium.write(lba, medium.blocks(1, seed=9))

    expect_done(send(medium, layout, lba, 1), layout)


@pytest.mark.requirement("SBC3-5.11-01", "SBC3-5.34-01")
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("reader", READS, ids=name)
@pytest.mark.parametrize("writer", [*WRITES, *WRITES_AND_VERIFIES], ids=name)
def test_what_is_written_is_read(
    medium: Medium, writer: Layout, reader: Layout, count: int
) -> None:
    """Each READ returns the data of each WRITE; the neighbours are unchanged."""
    around = medium.blocks(count + 2, seed=3)
    data = medium.blocks(count, seed=count + 4)
    size = medium.disk.block_size
    medium.write(4, around)

    expect_good(medium.send(writer, 5, data), requirement="SBC3-5.34-01")

    read_back = medium.read_by(reader, 4, count + 2)
    expected = around[:size] + data + around[-size:]
    expect_data(
        read_back, expected, what="the data, and the blocks around as they were"
    )


@pytest.mark.requirement("SBC3-5.11-02")
@pytest.mark.parametrize("layout", NO_LENGTH, ids=name)
@pytest.mark.parametrize("is_last", [False, True], ids=["first", "last"])
def test_no_blocks_are_read(medium: Medium, layout: Layout, *, is_last: bool) -> None:
    """A READ with TRANSFER LENGTH 0 returns no data and ends GOOD."""
    skip_without(medium.session, layout)
    lba = medium.last(layout) if is_last else 0

    # Expect a block, so that unwanted data shows.
    room = medium.disk.block_size if layout in READS else 0
    result = medium.session.execute(layout(lba=lba, blocks=0), read=room)

    expect_good(result)
    check(not result.data, "no data", len(result.data))


@pytest.mark.requirement("SBC3-5.10-01")
def test_read_6_without_length_reads_256(medium: Medium) -> None:
    """READ (6) with TRANSFER LENGTH 0 returns 256 blocks."""
    skip_without(medium.session, cdb.read_6)
    if medium.disk.blocks < 256:
        pytest.skip("not applicable: fewer than 256 blocks")
    length = 256 * medium.disk.block_size

    result = medium.session.execute(cdb.read_6(lba=0, blocks=0), read=length)

    expect_good(result)
    check(len(result.data) == length, f"{length} bytes", len(result.data))


@pytest.mark.requirement("SBC3-5.11-04")
@pytest.mark.parametrize("layout", [*READS[1:], *WRITES[1:]], ids=name)
@pytest.mark.parametrize(
    "bits", [{"dpo": 1}, {"fua": 1}, {"dpo": 1, "fua": 1}], ids=["dpo", "fua", "both"]
)
def test_dpo_and_fua_are_accepted(
    medium: Medium, layout: Layout, bits: dict[str, int]
) -> None:
    """A unit with DPOFUA 1 accepts DPO and FUA."""
    skip_without_dpofua(medium.session)
    skip_without(medium.session, layout)
    data = medium.blocks(1, seed=5)
    medium.write(0, data)
    reads = layout in READS

    result = medium.session.execute(
        layout(lba=0, blocks=1, **bits),
        read=len(data) if reads else 0,
        write=None if reads else data,
    )

    expect_good(result)
    expect_data(medium.read(0, 1), data, what="the data as it was")


@pytest.mark.requirement("SBC3-5.34-02")
@pytest.mark.parametrize("layout", LONG_WRITES, ids=name)
def test_no_blocks_are_written(medium: Medium, layout: Layout) -> None:
    """A WRITE with TRANSFER LENGTH 0 writes nothing."""
    skip_without(medium.session, layout)
    before = medium.blocks(1, seed=6)
    medium.write(0, before)

    expect_good(medium.session.execute(layout(lba=0, blocks=0)))

    expect_data(medium.read(0, 1), before, what="the block as it was")


@pytest.mark.requirement("SBC3-5.11-03")
@pytest.mark.parametrize("protect", range(1, 8))
@pytest.mark.parametrize("layout", READS[1:], ids=name)
def test_unsupported_rdprotect_is_refused(
    medium: Medium, layout: Layout, protect: int
) -> None:
    """A unit without protection refuses RDPROTECT other than 0."""
    skip_without(medium.session, layout)
    skip_with_protection(medium.session)

    result = medium.session.execute(
        layout(lba=0, blocks=1, rdprotect=protect), read=medium.disk.block_size
    )

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-5.34-03")
@pytest.mark.parametrize("protect", range(1, 8))
@pytest.mark.parametrize("layout", LONG_WRITES, ids=name)
def test_unsupported_wrprotect_is_refused(
    medium: Medium, layout: Layout, protect: int
) -> None:
    """A unit without protection refuses WRPROTECT other than 0."""
    skip_with_protection(medium.session)

    result = medium.send(layout, 0, medium.blocks(1), wrprotect=protect)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-5.29-01")
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("layout", VERIFIES, ids=name)
def test_equal_data_is_verified(medium: Medium, layout: Layout, count: int) -> None:
    """VERIFY with BYTCHK 01b and equal data ends GOOD."""
    data = medium.blocks(count, seed=7)
    medium.write(0, data)

    expect_good(medium.send(layout, 0, data, bytchk=BYTCHK_ALL))


@pytest.mark.requirement("SBC3-5.29-02")
@pytest.mark.parametrize("place", [0, -1], ids=["first-byte", "last-byte"])
@pytest.mark.parametrize("layout", VERIFIES, ids=name)
def test_other_data_is_a_miscompare(medium: Medium, layout: Layout, place: int) -> None:
    """VERIFY with BYTCHK 01b and one differing byte ends with MISCOMPARE."""
    data = bytearray(medium.blocks(2, seed=8))
    medium.write(0, bytes(data))
    data[place] ^= 0xFF

    result = medium.send(layout, 0, bytes(data), bytchk=BYTCHK_ALL)

    expect_sense(result, SenseKey.MISCOMPARE, MISCOMPARE)


@pytest.mark.requirement("SBC3-5.29-03")
@pytest.mark.parametrize("layout", VERIFIES, ids=name)
def test_without_bytchk_nothing_is_compared(medium: Medium, layout: Layout) -> None:
    """VERIFY with BYTCHK 00b transfers no data."""
    skip_without(medium.session, layout)

    expect_good(medium.session.execute(layout(lba=0, blocks=2)))
