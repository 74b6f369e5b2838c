# SPDX-License-Identifier: GPL-2.0-only
"""The backing stores: RAM and file behave alike, and the file is handled with care."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftarget import backing
from reftarget.backing import (
    Backing,
    BackingMismatchError,
    BackingReadError,
    FileBacking,
    OutOfSpaceError,
    RAMBacking,
    open_backing,
)

MEBIBYTE = 1 << 20
SIZE = 4 * MEBIBYTE


@pytest.fixture(params=["RAM", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backing]:
    path = tmp_path / "disk.img" if request.param == "file" else None
    opened = open_backing(path, SIZE)
    yield opened
    opened.close()


def test_new_store_is_zeros_and_takes_no_room(store: Backing) -> None:
    assert bytes(store.read(MEBIBYTE - 3, 10)) == bytes(10)
    assert list(store.allocated()) == []


def test_bytes_come_back_over_the_borders_of_chunks(store: Backing) -> None:
    data = os.urandom(2 * MEBIBYTE + 10)

    store.write(MEBIBYTE - 5, memoryview(data))

    assert bytes(store.read(MEBIBYTE - 5, len(data))) == data
    assert bytes(store.read(MEBIBYTE - 6, 2)) == b"\0" + data[:1]
    assert bytes(store.read(SIZE - 1, 1)) == b"\0"


def test_bytes_read_do_not_change_with_a_later_write(store: Backing) -> None:
    store.write(0, b"before")
    data = store.read(0, 6)

    store.write(0, b"after!")

    assert bytes(data) == b"before"


def test_discarded_bytes_are_zeros(store: Backing) -> None:
    store.write(0, b"x" * SIZE)

    store.discard(MEBIBYTE // 2, 2 * MEBIBYTE)

    assert bytes(store.read(MEBIBYTE // 2 - 1, 2)) == b"x\0"
    assert bytes(store.read(5 * MEBIBYTE // 2 - 1, 2)) == b"\0x"
    assert bytes(store.read(MEBIBYTE, MEBIBYTE)) == bytes(MEBIBYTE)


def test_allocated_runs_cover_what_was_written(store: Backing) -> None:
    store.write(2 * MEBIBYTE, b"x")

    (run,) = store.allocated()

    assert run[0] <= 2 * MEBIBYTE < run[1] <= SIZE


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 99), st.integers(1, 60)), max_size=20
    )
)
def test_ram_is_what_a_bytearray_is(steps: list[tuple[bool, int, int]]) -> None:
    unit = MEBIBYTE // 16
    store, naive = RAMBacking(160 * unit), bytearray(160 * unit)
    for number, (is_write, start, length) in enumerate(steps):
        data = bytes([number + 1]) * (length * unit) if is_write else None
        if data is None:
            store.discard(start * unit, length * unit)
        else:
            store.write(start * unit, data)
        naive[start * unit : (start + length) * unit] = data or bytes(length * unit)

    assert bytes(store.read(0, len(naive))) == bytes(naive)


def test_discard_of_terabytes_takes_no_time() -> None:
    store = RAMBacking(1 << 50)
    store.write(1 << 49, b"x")

    store.discard(0, 1 << 50)

    assert list(store.allocated()) == []


def test_file_is_made_sparse_and_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    store = FileBacking(path, 1 << 40)
    store.write((1 << 40) - 3, b"end")
    store.flush()
    store.close()
    store.close()

    assert path.stat().st_size == 1 << 40
    assert path.stat().st_blocks * 512 < MEBIBYTE
    reopened = FileBacking(path, 1 << 40)
    assert reopened.read((1 << 40) - 3, 3) == b"end"
    reopened.close()


@pytest.mark.parametrize("size", [SIZE - 512, SIZE + 512])
def test_file_of_another_size_is_left_alone(tmp_path: Path, size: int) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"precious" * (size // 8))

    with pytest.raises(BackingMismatchError, match=str(size)):
        FileBacking(path, SIZE)

    assert path.stat().st_size == size


def test_read_only_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileBacking(tmp_path / "disk.img", SIZE, read_only=True)


def test_hole_is_punched_where_bytes_are_discarded(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    store = FileBacking(path, SIZE)
    store.write(0, b"x" * SIZE)
    store.flush()
    before = path.stat().st_blocks

    store.discard(0, SIZE)

    assert path.stat().st_blocks < before
    assert path.stat().st_size == SIZE
    store.close()


def test_discard_writes_zeros_where_no_hole_can_be_punched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing, "_fallocate", lambda *_: -1)
    store = FileBacking(tmp_path / "disk.img", SIZE)
    store.write(0, b"x" * SIZE)

    store.discard(10, SIZE - 20)

    assert store.read(0, SIZE) == b"x" * 10 + bytes(SIZE - 20) + b"x" * 10
    store.close()


def test_full_disk_is_distinguished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = FileBacking(tmp_path / "disk.img", SIZE)
    monkeypatch.setattr(os, "pwrite", no_space)

    with pytest.raises(OutOfSpaceError, match=r"disk\.img"):
        store.write(0, b"x")
    store.close()


def test_file_cut_short_behind_our_back_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    store = FileBacking(path, SIZE)
    os.truncate(path, 100)

    with pytest.raises(BackingReadError, match="truncated"):
        store.read(0, 512)
    store.close()
