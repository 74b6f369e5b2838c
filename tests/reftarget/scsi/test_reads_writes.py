# SPDX-License-Identifier: GPL-2.0-only
"""READ, WRITE, VERIFY and their relatives."""

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, FieldPointer, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi import limits
from reftarget.scsi.reads import first_difference
from reftarget.scsi.task import DataOutNeeded, Outcome, completed
from tests.reftarget.scsi.disk import BLOCK, BLOCKS, A, B, Disk

READS = [cdb.read_6, cdb.read_10, cdb.read_12, cdb.read_16]
WRITES = [
    cdb.write_6,
    cdb.write_10,
    cdb.write_12,
    cdb.write_16,
    cdb.write_and_verify_10,
    cdb.write_and_verify_12,
    cdb.write_and_verify_16,
    cdb.write_atomic_16,
]
VERIFIES = [cdb.verify_10, cdb.verify_12, cdb.verify_16]
WITHOUT_DATA = [
    cdb.pre_fetch_10,
    cdb.pre_fetch_16,
    cdb.synchronize_cache_10,
    cdb.synchronize_cache_16,
]
OUT_OF_RANGE = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
IN_UNIT = AdditionalSense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT
MISCOMPARE = AdditionalSense.MISCOMPARE_DURING_VERIFY_OPERATION


@pytest.fixture
def disk() -> Disk:
    return Disk()


def ids(layout: Layout) -> str:
    return layout.name


@pytest.mark.parametrize("read", READS, ids=ids)
@pytest.mark.parametrize("write", WRITES, ids=ids)
def test_what_was_written_is_read(disk: Disk, write: Layout, read: Layout) -> None:
    disk.good(write(lba=BLOCKS - 2, blocks=2), A + B)

    assert disk.good(read(lba=BLOCKS - 2, blocks=2)) == A + B
    assert disk.good(read(lba=BLOCKS - 3, blocks=1)) == bytes(BLOCK)


@pytest.mark.parametrize("command", [*READS, *WRITES, *VERIFIES], ids=ids)
@pytest.mark.parametrize(("lba", "blocks"), [(BLOCKS, 1), (BLOCKS - 1, 2)])
def test_range_beyond_the_end_is_refused_before_any_data(
    disk: Disk, command: Layout, lba: int, blocks: int
) -> None:
    answer = disk.start(command(lba=lba, blocks=blocks), bytes(2 * BLOCK))

    assert not isinstance(answer, DataOutNeeded)
    assert disk.refusal(command(lba=lba, blocks=blocks)) is OUT_OF_RANGE


@pytest.mark.parametrize("command", [*WITHOUT_DATA, cdb.orwrite], ids=ids)
def test_range_beyond_the_end_is_refused(disk: Disk, command: Layout) -> None:
    assert disk.refusal(command(lba=BLOCKS - 1, blocks=2)) is OUT_OF_RANGE


@pytest.mark.parametrize("command", [*READS[1:], *WRITES[1:], *VERIFIES], ids=ids)
def test_zero_blocks_move_nothing(disk: Disk, command: Layout) -> None:
    assert disk.good(command(lba=BLOCKS)) == b""
    assert disk.refusal(command(lba=BLOCKS + 1)) is OUT_OF_RANGE


def test_zero_means_256_blocks_to_the_six_byte_commands(disk: Disk) -> None:
    disk.good(cdb.write_6(lba=1), A * 256)

    assert disk.good(cdb.read_6(lba=1)) == A * 256


@pytest.mark.parametrize(
    "command",
    [
        cdb.read_10(blocks=1, rdprotect=1),
        cdb.write_16(blocks=1, wrprotect=2),
        cdb.verify_12(blocks=1, vrprotect=3),
        cdb.orwrite(blocks=1, orprotect=4),
        cdb.write_same_10(blocks=1, wrprotect=7),
    ],
)
def test_protection_information_is_refused_at_its_field(
    disk: Disk, command: bytes
) -> None:
    sense = disk.refused(command, A)

    assert sense.key is SenseKey.ILLEGAL_REQUEST
    assert sense.additional is IN_CDB
    assert sense.field_pointer is not None
    assert sense.field_pointer.byte == 1
    assert sense.field_pointer.bit in (5, 6, 7)


@pytest.mark.parametrize("command", READS[1:], ids=ids)
def test_reads_take_dpo_fua_and_group_number(disk: Disk, command: Layout) -> None:
    disk.good(cdb.write_10(blocks=1), A)

    assert disk.good(command(blocks=1, dpo=1, fua=1, group_number=31)) == A


@pytest.mark.parametrize("fua", [0, 1])
@pytest.mark.parametrize("command", READS[1:], ids=ids)
def test_reads_with_fua_bring_the_cache_to_the_medium(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, command: Layout, fua: int
) -> None:
    flushes = []
    monkeypatch.setattr(disk.unit.backing, "flush", lambda: flushes.append(fua))

    disk.good(command(blocks=1, fua=fua))

    assert flushes == [1] * fua


@pytest.mark.parametrize("command", WRITES[1:4], ids=ids)
def test_writes_take_dpo_fua_and_group_number(disk: Disk, command: Layout) -> None:
    disk.good(command(blocks=1, dpo=1, fua=1, group_number=31), A)

    assert disk.good(cdb.read_10(blocks=1)) == A


def test_transfer_longer_than_the_block_limits_is_refused() -> None:
    disk = Disk(size=2 * limits.MAXIMUM_TRANSFER)
    maximum = limits.MAXIMUM_TRANSFER // BLOCK

    assert len(disk.good(cdb.read_16(blocks=maximum))) == limits.MAXIMUM_TRANSFER
    sense = disk.refused(cdb.read_16(blocks=maximum + 1))
    assert sense.field_pointer == FieldPointer(10)
    assert disk.refusal(cdb.write_16(blocks=maximum + 1)) is IN_CDB


def test_write_with_less_data_writes_what_came(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=2), A + A)

    answer = disk.start(cdb.write_10(blocks=2), B)
    assert isinstance(answer, DataOutNeeded)
    assert answer.length == 2 * BLOCK
    assert completed(answer.finish(B)).status is SCSIStatus.GOOD

    assert disk.good(cdb.read_10(blocks=2)) == B + A


def test_write_of_part_of_a_block_is_refused(disk: Disk) -> None:
    assert disk.refusal(cdb.write_10(blocks=1), b"part") is IN_UNIT
    assert disk.good(cdb.read_10(blocks=1)) == bytes(BLOCK)


@pytest.mark.parametrize("verify", VERIFIES, ids=ids)
def test_verify_compares_only_if_asked(disk: Disk, verify: Layout) -> None:
    disk.good(cdb.write_10(lba=4, blocks=2), A + A)

    disk.good(verify(lba=4, blocks=2))
    disk.good(verify(lba=4, blocks=2, bytchk=1), A + A)
    disk.good(verify(lba=4, blocks=2, bytchk=3), A)
    sense = disk.refused(verify(lba=4, blocks=2, bytchk=1), A + b"a" * 7 + b"x" * 505)
    assert sense.key is SenseKey.MISCOMPARE
    assert sense.additional is MISCOMPARE
    assert sense.information == BLOCK + 7
    assert disk.refused(verify(lba=4, blocks=2, bytchk=3), B).information == 0
    assert disk.refusal(verify(lba=4, blocks=2, bytchk=2), A) is IN_CDB


def test_one_block_is_compared_with_many_in_steps() -> None:
    step = limits.STEP // BLOCK
    disk = Disk(size=limits.MAXIMUM_TRANSFER)
    verify = cdb.verify_10(blocks=step + 8, bytchk=3)
    disk.good(verify, bytes(BLOCK))
    disk.good(cdb.write_10(lba=step + 2, blocks=1), b"\0" * 9 + b"x" * (BLOCK - 9))

    sense = disk.refused(verify, bytes(BLOCK))
    answer = disk.start(verify, bytes(BLOCK))

    assert (sense.key, sense.information) == (
        SenseKey.MISCOMPARE,
        (step + 2) * BLOCK + 9,
    )
    assert isinstance(answer, DataOutNeeded)
    steps = answer.finish(bytes(BLOCK))
    assert not isinstance(steps, Outcome)
    assert next(steps) is None


def test_orwrite_sets_bits_and_clears_none(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=1), b"\x0f" * BLOCK)

    disk.good(cdb.orwrite(blocks=1), b"\x30" * BLOCK)

    assert disk.good(cdb.read_10(blocks=1)) == b"\x3f" * BLOCK


def test_compare_and_write_writes_if_equal(disk: Disk) -> None:
    disk.good(cdb.compare_and_write(lba=3, blocks=1), bytes(BLOCK) + A)
    assert disk.good(cdb.read_10(lba=3, blocks=1)) == A


def test_compare_and_write_writes_nothing_if_different(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=1), A)

    sense = disk.refused(cdb.compare_and_write(blocks=1), b"a" * 100 + b"x" * 412 + B)

    assert (sense.key, sense.information) == (SenseKey.MISCOMPARE, 100)
    assert disk.good(cdb.read_10(blocks=1)) == A


@pytest.mark.parametrize("data", [b"", A, A + A + A])
def test_compare_and_write_with_another_length_of_data_is_refused(
    disk: Disk, data: bytes
) -> None:
    assert disk.refusal(cdb.compare_and_write(blocks=1), data) is IN_CDB


def test_compare_and_write_of_no_blocks_does_nothing(disk: Disk) -> None:
    disk.good(cdb.compare_and_write())
    assert disk.refusal(cdb.compare_and_write(), A + A) is IN_CDB


def test_write_atomic_has_limits(disk: Disk) -> None:
    maximum = limits.ATOMIC_BLOCKS
    disk.good(cdb.write_atomic_16(blocks=maximum), A * maximum)
    assert disk.refusal(cdb.write_atomic_16(blocks=maximum + 1)) is IN_CDB
    assert (
        disk.refusal(cdb.write_atomic_16(blocks=1, atomic_boundary=maximum + 1))
        is IN_CDB
    )


@pytest.mark.parametrize(
    "command",
    [
        *(write(blocks=1) for write in WRITES),
        cdb.orwrite(blocks=1),
        cdb.write_same_10(blocks=1),
        cdb.write_same_16(blocks=1, unmap=1),
        cdb.write_same_16(blocks=1, ndob=1),
        cdb.unmap(parameter_list_length=24),
        cdb.sanitize_block_erase(),
        cdb.sanitize_overwrite(parameter_list_length=8),
    ],
    ids=bytes.hex,
)
def test_medium_that_is_read_only_refuses_to_be_written(command: bytes) -> None:
    sense = Disk(read_only=True).refused(command, A)

    assert sense.key is SenseKey.DATA_PROTECT
    assert sense.additional is AdditionalSense.WRITE_PROTECTED


def test_medium_of_terabytes_is_reached_at_its_end() -> None:
    blocks = (3 << 40) // BLOCK
    disk = Disk(size=3 << 40)

    disk.good(cdb.write_16(lba=blocks - 1, blocks=1), A)

    assert disk.good(cdb.read_16(lba=blocks - 1, blocks=1)) == A
    assert disk.refusal(cdb.read_16(lba=blocks, blocks=1)) is OUT_OF_RANGE
    assert disk.refusal(cdb.read_16(lba=2**64 - 1, blocks=2)) is OUT_OF_RANGE
    assert disk.good(cdb.read_10(lba=2**32 - 1, blocks=1)) == bytes(BLOCK)


def test_blocks_of_4096_bytes() -> None:
    disk = Disk(block_size=4096)

    disk.good(cdb.write_10(lba=255, blocks=1), b"z" * 4096)

    assert disk.good(cdb.read_10(lba=254, blocks=2)) == bytes(4096) + b"z" * 4096
    assert disk.refusal(cdb.read_10(lba=256, blocks=1)) is OUT_OF_RANGE


def test_read_is_not_changed_by_a_later_write(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=1), A)
    outcome = disk.run(cdb.read_10(blocks=1))

    disk.good(cdb.write_10(blocks=1), B)

    assert bytes(outcome.data_in) == A  # type: ignore[arg-type]  # one buffer


@pytest.mark.parametrize("length", [1, 2, 3, 512, 1000])
def test_the_first_difference_is_found(length: int) -> None:
    remaining = bytes(length)
    for offset in {0, length // 3, length // 2, length - 1}:
        right = bytearray(remaining)
        right[offset:] = b"\x01" * (length - offset)

        assert first_difference(remaining, memoryview(right)) == offset


def test_orwrite_combines_every_part() -> None:
    blocks = (3 << 20) // 512
    old, new = b"\x0f" * (blocks * 512), b"\x31" * (blocks * 512)
    large = Disk(size=8 << 20)
    large.good(cdb.write_16(lba=1, blocks=blocks), old)

    large.good(cdb.orwrite(lba=1, blocks=blocks), new)

    assert large.good(cdb.read_16(lba=1, blocks=blocks)) == b"\x3f" * (blocks * 512)
