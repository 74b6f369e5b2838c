# SPDX-License-Identifier: GPL-2.0-only
"""UNMAP, WRITE SAME, GET LBA STATUS and SANITIZE."""

from pathlib import Path

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.provisioning import (
    Extent,
    LBAStatus,
    ProvisioningStatus,
    build_unmap,
    parse_lba_status,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from reftarget.backing import BackingReadError, BackingWriteError, OutOfSpaceError
from reftarget.scsi import limits
from tests.reftarget.scsi.disk import BLOCK, BLOCKS, A, B, Disk

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
OUT_OF_RANGE = AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE
LENGTH = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
UNKNOWN = AdditionalSense.INVALID_COMMAND_OPERATION_CODE
IN_UNIT = AdditionalSense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT
MAPPED, FREE = ProvisioningStatus.MAPPED, ProvisioningStatus.DEALLOCATED
WRITE_SAMES = [cdb.write_same_10, cdb.write_same_16]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def unmap(*extents: tuple[int, int]) -> tuple[bytes, bytes]:
    data = build_unmap(Extent(*extent) for extent in extents)
    return cdb.unmap(parameter_list_length=len(data)), data


def status(disk: Disk, lba: int = 0) -> list[LBAStatus]:
    command = cdb.get_lba_status(lba=lba, allocation_length=4096)
    return parse_lba_status(disk.good(command))


def names(layout: Layout) -> str:
    return layout.name


def test_status_is_true_after_writes_and_unmaps(disk: Disk) -> None:
    assert status(disk) == [LBAStatus(0, BLOCKS, FREE)]

    disk.good(cdb.write_10(lba=10, blocks=6), A * 6)
    disk.good(*unmap((12, 2), (0, 1)))

    assert status(disk) == [
        LBAStatus(0, 10, FREE),
        LBAStatus(10, 2, MAPPED),
        LBAStatus(12, 2, FREE),
        LBAStatus(14, 2, MAPPED),
        LBAStatus(16, BLOCKS - 16, FREE),
    ]
    assert status(disk, 11)[0] == LBAStatus(11, 1, MAPPED)
    assert disk.good(cdb.read_10(lba=11, blocks=4)) == A + bytes(2 * BLOCK) + A


def test_status_beyond_the_end_is_refused(disk: Disk) -> None:
    command = cdb.get_lba_status(lba=BLOCKS, allocation_length=24)

    assert disk.refusal(command) is OUT_OF_RANGE


def test_status_of_a_run_longer_than_32_bits_is_cut() -> None:
    first, second = status(Disk(size=3 << 40))

    assert first == LBAStatus(0, 0xFFFFFFFF, FREE)
    assert second.lba == 0xFFFFFFFF


def test_file_is_mapped_where_it_has_bytes(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    Disk(path=path).good(cdb.write_10(lba=1024, blocks=8, fua=1), A * 8)

    reopened = Disk(path=path)

    runs = status(reopened)
    (mapped,) = [run for run in runs if run.status == MAPPED]
    assert mapped.lba <= 1024 < mapped.lba + mapped.blocks
    assert runs[0].status == FREE


def test_one_bad_extent_spoils_all(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=1), A)

    assert disk.refusal(*unmap((0, 1), (BLOCKS, 1))) is OUT_OF_RANGE

    assert disk.good(cdb.read_10(blocks=1)) == A


def test_unmap_lists_have_limits(disk: Disk) -> None:
    maximum = limits.UNMAP_DESCRIPTORS
    disk.good(*unmap(*[(1, 1)] * maximum))
    assert disk.refusal(*unmap(*[(1, 1)] * (maximum + 1))) is IN_LIST
    disk.good(cdb.unmap())
    disk.good(*unmap())
    disk.good(*unmap((0, 0)))
    assert disk.refusal(cdb.unmap(parameter_list_length=7), bytes(7)) is LENGTH
    assert disk.refusal(cdb.unmap(anchor=1, parameter_list_length=24)) is IN_CDB


@pytest.mark.parametrize("write_same", WRITE_SAMES, ids=names)
def test_write_same_repeats_one_block(disk: Disk, write_same: Layout) -> None:
    disk.good(write_same(lba=3, blocks=5), A)

    assert disk.good(cdb.read_10(lba=2, blocks=7)) == bytes(BLOCK) + A * 5 + bytes(
        BLOCK
    )


@pytest.mark.parametrize("write_same", WRITE_SAMES, ids=names)
def test_write_same_of_zero_blocks_goes_to_the_end(
    disk: Disk, write_same: Layout
) -> None:
    disk.good(write_same(lba=BLOCKS - 3), A)

    assert disk.good(cdb.read_10(lba=BLOCKS - 4, blocks=4)) == bytes(BLOCK) + A * 3


@pytest.mark.parametrize("write_same", WRITE_SAMES, ids=names)
def test_write_same_unmaps_zeros_and_writes_others(
    disk: Disk, write_same: Layout
) -> None:
    disk.good(cdb.write_10(blocks=4), A * 4)

    disk.good(write_same(lba=0, blocks=2, unmap=1), bytes(BLOCK))
    assert status(disk)[:2] == [LBAStatus(0, 2, FREE), LBAStatus(2, 2, MAPPED)]

    disk.good(write_same(lba=0, blocks=1, unmap=1), B)
    assert disk.good(cdb.read_10(blocks=1)) == B


@pytest.mark.parametrize("write_same", WRITE_SAMES, ids=names)
@pytest.mark.parametrize("data", [b"", A[:100], A + A])
def test_write_same_with_another_length_of_data_is_refused(
    disk: Disk, write_same: Layout, data: bytes
) -> None:
    assert disk.refusal(write_same(blocks=2), data) is IN_UNIT


def test_write_same_without_data_writes_zeros(disk: Disk) -> None:
    disk.good(cdb.write_10(blocks=2), A + A)

    disk.good(cdb.write_same_16(blocks=1, ndob=1))

    assert disk.good(cdb.read_10(blocks=2)) == bytes(BLOCK) + A
    assert status(disk)[0].status == MAPPED
    disk.good(cdb.write_same_16(blocks=1, ndob=1, unmap=1))
    assert status(disk)[0].status == FREE


def test_write_same_of_terabytes_is_only_for_unmapping() -> None:
    disk = Disk(size=3 << 40)
    many = limits.WRITE_SAME_BLOCKS + 1

    assert disk.refusal(cdb.write_same_16(), A) is IN_CDB
    assert disk.refusal(cdb.write_same_16(blocks=many), A) is IN_CDB
    assert disk.refusal(cdb.write_same_16(blocks=many, unmap=1), A) is IN_CDB
    disk.good(cdb.write_same_16(unmap=1), bytes(BLOCK))
    disk.good(cdb.write_same_16(unmap=1, ndob=1))


def test_thick_unit_does_not_unmap() -> None:
    disk = Disk(thin=False)

    assert disk.refusal(*unmap((0, 1))) is UNKNOWN
    assert disk.refusal(cdb.write_same_16(unmap=1), A) is IN_CDB
    assert disk.refusal(cdb.get_lba_status(allocation_length=24)) is IN_CDB


def test_write_same_10_unmaps_only_if_configured() -> None:
    disk = Disk(lbpws10=False)

    assert disk.refusal(cdb.write_same_10(unmap=1, blocks=1), A) is IN_CDB
    disk.good(cdb.write_same_16(unmap=1, blocks=1), A)


@pytest.mark.parametrize(
    "erase", [cdb.sanitize_block_erase, cdb.sanitize_cryptographic_erase], ids=names
)
def test_erased_unit_has_nothing(disk: Disk, erase: Layout) -> None:
    disk.good(cdb.write_10(blocks=1), A)

    disk.good(erase())

    assert disk.good(cdb.read_10(blocks=1)) == bytes(BLOCK)
    assert status(disk) == [LBAStatus(0, BLOCKS, FREE)]
    assert disk.refusal(erase(parameter_list_length=1)) is IN_CDB
    disk.good(cdb.sanitize_exit_failure_mode())


@pytest.mark.parametrize(
    ("pattern", "flags", "expected"),
    [
        (b"xy", 0x01, b"xy" * 256),
        (b"xyz", 0x01, (b"xyz" * 171)[:BLOCK]),
        (b"\x0f" * BLOCK, 0x82, b"\xf0" * BLOCK),
        (b"\x0f" * BLOCK, 0x83, b"\x0f" * BLOCK),
    ],
)
def test_overwritten_unit_has_the_pattern(
    disk: Disk, pattern: bytes, flags: int, expected: bytes
) -> None:
    data = bytes([flags, 0]) + len(pattern).to_bytes(2, "big") + pattern

    disk.good(cdb.sanitize_overwrite(parameter_list_length=len(data)), data)

    assert disk.good(cdb.read_10(blocks=1)) == expected
    assert disk.good(cdb.read_10(lba=BLOCKS - 1, blocks=1)) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", IN_CDB),
        (b"\1\0\0\0", IN_CDB),
        (b"\1\0\0\1" + bytes(BLOCK + 1), IN_CDB),
        (b"\0\0\0\4" + bytes(4), IN_LIST),
        (b"\1\0\0\0" + bytes(4), IN_LIST),
        (b"\1\0\0\5" + bytes(4), IN_LIST),
    ],
)
def test_overwrite_with_a_wrong_list_is_refused(
    disk: Disk, data: bytes, reason: AdditionalSense
) -> None:
    command = cdb.sanitize_overwrite(parameter_list_length=len(data))

    assert disk.refusal(command, data) is reason


def test_overwrite_is_not_offered_on_a_large_unit() -> None:
    command = cdb.sanitize_overwrite(parameter_list_length=8)

    assert Disk(size=3 << 40).refusal(command) is IN_CDB


def test_immediate_sanitize_is_in_progress_for_a_while() -> None:
    disk = Disk(sanitize_seconds=10.0)
    in_progress = AdditionalSense.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS
    disk.good(cdb.sanitize_block_erase(immed=1))

    disk.now = 5.0
    for command in (
        cdb.test_unit_ready(),
        cdb.read_10(blocks=1),
        cdb.start_stop_unit(start=1),
        cdb.sanitize_block_erase(),
    ):
        refusal = disk.refused(command)
        assert (refusal.key, refusal.additional) == (SenseKey.NOT_READY, in_progress)
    assert disk.refused(cdb.test_unit_ready()).progress == 0x8000
    disk.good(cdb.inquiry(allocation_length=36))
    disk.device.target_reset()
    disk.refused(cdb.test_unit_ready())
    assert disk.refusal(cdb.test_unit_ready()) is in_progress

    disk.now = 10.0
    disk.good(cdb.test_unit_ready())


@pytest.mark.parametrize(
    ("failure", "command", "key", "additional"),
    [
        (
            OutOfSpaceError,
            cdb.write_10(blocks=1),
            SenseKey.DATA_PROTECT,
            AdditionalSense.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
        ),
        (
            BackingWriteError,
            cdb.write_10(blocks=1),
            SenseKey.MEDIUM_ERROR,
            AdditionalSense.WRITE_ERROR,
        ),
        (
            BackingReadError,
            cdb.read_10(blocks=1),
            SenseKey.MEDIUM_ERROR,
            AdditionalSense.UNRECOVERED_READ_ERROR,
        ),
    ],
    ids=["no space", "write error", "read error"],
)
def test_failure_of_the_backing_is_reported_in_sense_data(
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[Exception],
    command: bytes,
    key: SenseKey,
    additional: AdditionalSense,
) -> None:
    def fail(*_: object) -> None:
        raise failure("the disk is broken")

    monkeypatch.setattr(disk.unit.backing, "write", fail)
    monkeypatch.setattr(disk.unit.backing, "read", fail)

    refusal = disk.refused(command, A)

    assert (refusal.key, refusal.additional) == (key, additional)
