# SPDX-License-Identifier: GPL-2.0-only
"""Commands that change blocks otherwise than WRITE does (SBC-3 chapter 5)."""

import pytest

from initiator.expect import check, expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity10, Capacity16
from iscsi.scsi.layout import Layout
from iscsi.scsi.provisioning import Extent, build_unmap, parse_lba_status
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_unless_zeros, skip_without
from suites.support.expect import expect_sense
from suites.support.media import WRITING, Medium, Request, name

OUT_OF_RANGE = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE
MISCOMPARE = AdditionalSense.MISCOMPARE_DURING_VERIFY_OPERATION
SAMES = [cdb.write_same_10, cdb.write_same_16]
CAPACITY_ROOM = 32


def capacity(medium: Medium, room: int = CAPACITY_ROOM) -> bytes:
    """Return the data of READ CAPACITY (16)."""
    skip_without(medium.session, cdb.read_capacity_16)
    command = cdb.read_capacity_16(allocation_length=room)
    result = medium.session.execute(command, read=room)
    expect_good(result)
    return result.data


@pytest.mark.requirement("SBC3-5.2-01")
def test_equal_blocks_are_replaced(medium: Medium) -> None:
    """COMPARE AND WRITE writes the new data if the blocks are equal."""
    old, new = medium.blocks(1, seed=1), medium.blocks(1, seed=2)
    medium.write(0, old)
    skip_without(medium.session, cdb.compare_and_write)

    command = cdb.compare_and_write(lba=0, blocks=1)
    expect_good(medium.session.execute(command, write=old + new))

    expect_data(medium.read(0, 1), new, what="the new data")


@pytest.mark.requirement("SBC3-5.2-02")
@pytest.mark.parametrize("place", [0, -1], ids=["first-byte", "last-byte"])
def test_other_blocks_stay(medium: Medium, place: int) -> None:
    """COMPARE AND WRITE writes nothing if one byte differs."""
    old, new = medium.blocks(1, seed=1), medium.blocks(1, seed=2)
    medium.write(0, old)
    skip_without(medium.session, cdb.compare_and_write)
    wrong = bytearray(old)
    wrong[place] ^= 1

    command = cdb.compare_and_write(lba=0, blocks=1)
    result = medium.session.execute(command, write=bytes(wrong) + new)

    expect_sense(result, SenseKey.MISCOMPARE, MISCOMPARE)
    expect_data(medium.read(0, 1), old, what="the old data")


@pytest.mark.requirement("SBC3-5.2-05")
@pytest.mark.parametrize("place", [0, 1, 7, -1], ids="byte {}".format)
def test_the_first_differing_byte_is_reported(medium: Medium, place: int) -> None:
    """A miscompare tells the offset of the first byte that differs, and not others."""
    data = medium.blocks(1, seed=1)
    medium.write(0, data)
    skip_without(medium.session, cdb.compare_and_write)
    wrong = bytearray(data)
    # Later bytes differ, too, but only the first one counts.
    first = place % len(data)
    for offset in {first, len(data) - 1}:
        wrong[offset] ^= 1

    command = cdb.compare_and_write(lba=0, blocks=1)
    result = medium.session.execute(command, write=bytes(wrong) + data)

    expect_sense(result, SenseKey.MISCOMPARE, MISCOMPARE)
    reported = result.sense.information if result.sense else None
    check(reported == first, f"INFORMATION {first}", f"INFORMATION {reported}")


@pytest.mark.requirement("SBC3-5.5-01")
def test_orwrite_sets_bits(medium: Medium) -> None:
    """ORWRITE sets the bits of its data and clears none."""
    old, new = medium.blocks(2, seed=1), medium.blocks(2, seed=2)
    medium.write(0, old)

    expect_good(medium.send(cdb.orwrite, 0, new))

    expected = bytes(a | b for a, b in zip(old, new, strict=True))
    expect_data(medium.read(0, 2), expected, what="the OR of both")


@pytest.mark.requirement("SBC3-5.44-01")
@pytest.mark.parametrize("count", [1, 3, 64])
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_one_block_is_repeated(medium: Medium, layout: Layout, count: int) -> None:
    """WRITE SAME fills its range with one block; the neighbours are unchanged."""
    skip_without(medium.session, layout)
    around, block = medium.blocks(count + 2, seed=1), medium.blocks(1, seed=2)
    size = medium.disk.block_size
    medium.write(0, around)

    expect_good(medium.session.execute(layout(lba=1, blocks=count), write=block))

    expected = around[:size] + block * count + around[-size:]
    expect_data(medium.read(0, count + 2), expected, what="the block repeated")


@pytest.mark.requirement("SBC3-5.44-02")
@pytest.mark.parametrize("layout", SAMES, ids=name)
def test_a_range_is_unmapped_by_zeros(medium: Medium, layout: Layout) -> None:
    """After WRITE SAME with UNMAP and zeros the blocks read as zeros."""
    skip_unless_zeros(medium.session)
    skip_without(medium.session, layout)
    medium.write(0, medium.blocks(8, seed=1))
    zeros = bytes(medium.disk.block_size)

    command = layout(lba=0, blocks=8, unmap=1)
    result = medium.session.execute(command, write=zeros)

    if result.sense and result.sense.additional == AdditionalSense.INVALID_FIELD_IN_CDB:
        pytest.skip(f"not applicable: {layout.name} does not unmap")
    expect_good(result)
    expect_data(medium.read(0, 8), zeros * 8, what="zeros")


@pytest.mark.requirement("SBC3-5.28-01")
def test_an_empty_list_unmaps_nothing(medium: Medium) -> None:
    """UNMAP without a parameter list ends GOOD."""
    skip_unless_zeros(medium.session)
    skip_without(medium.session, cdb.unmap)
    data = medium.blocks(1, seed=3)
    medium.write(0, data)

    expect_good(medium.session.execute(cdb.unmap(parameter_list_length=0)))

    expect_data(medium.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC3-5.28-02")
@pytest.mark.parametrize("beyond", [0, 1], ids=["across", "after"])
def test_unmapping_beyond_the_end_is_refused(medium: Medium, beyond: int) -> None:
    """The unit refuses an UNMAP that reaches beyond the last block."""
    skip_unless_zeros(medium.session)
    skip_without(medium.session, cdb.unmap)
    lba = medium.disk.blocks - 1 + beyond
    data = build_unmap([Extent(lba, 2 - beyond)])

    command = cdb.unmap(parameter_list_length=len(data))
    result = medium.session.execute(command, write=data)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, OUT_OF_RANGE)


@pytest.mark.requirement("SBC3-5.28-03")
def test_unmapped_blocks_are_zeros(medium: Medium) -> None:
    """Unmapped blocks read as zeros or as before; the neighbours keep their data."""
    skip_unless_zeros(medium.session)
    skip_without(medium.session, cdb.unmap)
    size, around = medium.disk.block_size, medium.blocks(10, seed=4)
    medium.write(0, around)
    data = build_unmap([Extent(1, 8)])

    command = cdb.unmap(parameter_list_length=len(data))
    expect_good(medium.session.execute(command, write=data))

    read_back = medium.read(0, 10)
    expect_data(read_back[:size], around[:size], what="the block before, as it was")
    expect_data(read_back[-size:], around[-size:], what="the next block, as it was")
    for number in range(1, 9):
        block = slice(number * size, (number + 1) * size)
        # A unit may leave blocks mapped; they keep their data then.
        alternatives = f"block {number}: zeros, or the data as it was"
        expect_data(read_back[block], bytes(size), around[block], what=alternatives)


@pytest.mark.requirement("SBC3-5.4-01")
@pytest.mark.parametrize("lba", [0, 1, 5])
def test_statuses_follow_one_another(medium: Medium, lba: int) -> None:
    """GET LBA STATUS begins with the requested block and omits none."""
    skip_unless_zeros(medium.session)
    skip_without(medium.session, cdb.get_lba_status)
    medium.write(0, medium.blocks(8))

    command = cdb.get_lba_status(lba=lba, allocation_length=24)
    result = medium.session.execute(command, read=24)

    expect_good(result)
    (status, *_others) = parse_lba_status(result.data)
    is_around = status.lba <= lba < status.lba + status.blocks
    check(is_around, f"an extent with block {lba}", status)


@pytest.mark.requirement("SBC3-5.15-01")
def test_both_capacities_agree(medium: Medium) -> None:
    """READ CAPACITY (10) and (16) report the same disk."""
    long = Capacity16.parse(capacity(medium))
    short = Capacity10.parse(
        medium.session.execute(cdb.read_capacity_10(), read=8).data
    )

    expected = (min(long.last_lba, 0xFFFFFFFF), long.block_length)
    reported = (short.last_lba, short.block_length)
    check(reported == expected, f"last block and block length {expected}", reported)


@pytest.mark.requirement("SBC3-5.16-01")
@pytest.mark.parametrize("room", [0, 1, 8, 12, 31])
def test_capacity_is_cut_where_asked(medium: Medium, room: int) -> None:
    """READ CAPACITY (16) returns as many bytes as its allocation length allows."""
    complete_data = capacity(medium)

    data = capacity(medium, room)

    check(data == complete_data[:room], f"the first {room} bytes", data.hex())


@pytest.mark.requirement("SBC3-5.26-01")
@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize(
    "layout", [cdb.synchronize_cache_10, cdb.synchronize_cache_16], ids=name
)
def test_the_cache_is_written(medium: Medium, layout: Layout, count: int) -> None:
    """SYNCHRONIZE CACHE ends GOOD for one block and for all blocks."""
    skip_without(medium.session, layout)

    expect_good(medium.session.execute(layout(lba=0, blocks=count)))


@pytest.mark.requirement("SBC3-5.25-01")
def test_starting_a_started_unit_is_good(medium: Medium) -> None:
    """START STOP UNIT with START has no effect on a started unit."""
    skip_without(medium.session, cdb.start_stop_unit)

    expect_good(medium.session.execute(cdb.start_stop_unit(start=1)))


@pytest.mark.needs("read-only-lun")
@pytest.mark.requirement("SBC3-4.2-01")
@pytest.mark.parametrize("row", WRITING, ids=lambda row: name(row[0]))
def test_protected_blocks_stay(
    open_session: OpenSession, target: TestedTarget, row: tuple[Layout, Request]
) -> None:
    """A write-protected unit refuses to write and keeps its data."""
    unit = target.running.target.find_protected()
    assert unit is not None
    session = open_session(lun=unit.lun)
    reported = Capacity10.parse(session.execute(cdb.read_capacity_10(), read=8).data)
    disk = Disk(unit.lun, reported.block_length, reported.last_lba + 1)
    protected = Medium(session, disk)
    before = protected.read(0, 1)
    layout, send = row

    result = send(protected, layout, 0, 1)

    expect_sense(result, SenseKey.DATA_PROTECT, AdditionalSense.WRITE_PROTECTED)
    expect_data(protected.read(0, 1), before, what="the block as it was")
