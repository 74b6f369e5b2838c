# SPDX-License-Identifier: GPL-2.0-only
"""The storage of a logical unit: sparse RAM or a sparse file.

Bytes that were never written, or were discarded, read as zeros. Offsets and lengths are
in bytes and within the size, as the device server has checked.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

_CHUNK = 1 << 20
_ZEROS = memoryview(bytes(_CHUNK))
_FALLOC_FL_KEEP_SIZE, _FALLOC_FL_PUNCH_HOLE = 0x01, 0x02
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EFBIG})


class BackingError(Exception):
    """The backing cannot carry out a request."""


class BackingReadError(BackingError):
    """Bytes could not be read."""


class BackingWriteError(BackingError):
    """Bytes could not be stored."""


class OutOfSpaceError(BackingWriteError):
    """There is no room for the data."""


class BackingMismatchError(BackingError):
    """The existing file differs from the configured one."""


class Backing(Protocol):
    """The interface of a logical unit's storage."""

    size: int
    is_volatile: bool
    """Whether a write may be lost to a power failure before the next flush."""

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """Return the present bytes; later writes do not change them."""

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Store the bytes.

        Raises:
            OutOfSpaceError: there is no room.
        """

    def discard(self, offset: int, length: int) -> None:
        """Discard the bytes, which then read as zeros."""

    def allocated(self) -> Iterator[tuple[int, int]]:
        """Iterate over the allocated runs (start, end)."""

    def flush(self) -> None:
        """Return once all written data is on stable storage."""

    def resize(self, size: int) -> None:
        """Change the size; bytes beyond it are discarded."""

    def close(self) -> None:
        """Release the storage."""


class RAMBacking:
    """Memory, allocated in chunks when it is written."""

    # The data is lost with the process, so a flush has nothing to do.
    is_volatile = False

    def __init__(self, size: int) -> None:
        self.size = size
        self._chunks: dict[int, bytearray] = {}

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """Return the present bytes; later writes do not change them."""
        number, start = divmod(offset, _CHUNK)
        end = start + length
        if end <= _CHUNK:
            chunk = self._chunks.get(number)
            if chunk is None:
                return _ZEROS[:length]
            return bytes(memoryview(chunk)[start:end])
        return b"".join(
            _ZEROS[: end - start]
            if (chunk := self._chunks.get(number)) is None
            else memoryview(chunk)[start:end]
            for number, start, end in _pieces(offset, length)
        )

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Store the bytes."""
        position = 0
        view = memoryview(data)
        for number, start, end in _pieces(offset, len(data)):
            chunk = self._chunks.get(number)
            if chunk is None:
                try:
                    chunk = self._chunks[number] = bytearray(_CHUNK)
                except MemoryError as exhausted:
                    raise OutOfSpaceError("no memory for another chunk") from exhausted
            # A view avoids a copy: a bytearray would copy the data once more.
            memoryview(chunk)[start:end] = view[position : position + end - start]
            position += end - start

    def discard(self, offset: int, length: int) -> None:
        """Discard the bytes, which then read as zeros."""
        first, last = offset // _CHUNK, (offset + length - 1) // _CHUNK
        # A discard of terabytes must visit only the chunks that exist.
        inside = range(first, last + 1)
        near = inside if len(inside) <= len(self._chunks) else list(self._chunks)
        for number in near:
            if number not in inside or number not in self._chunks:
                continue
            start = max(offset - number * _CHUNK, 0)
            end = min(offset + length - number * _CHUNK, _CHUNK)
            if end - start == _CHUNK:
                del self._chunks[number]
            else:
                self._chunks[number][start:end] = _ZEROS[: end - start]

    def allocated(self) -> Iterator[tuple[int, int]]:
        """Iterate over the allocated runs (start, end)."""
        for number in sorted(self._chunks):
            yield number * _CHUNK, min((number + 1) * _CHUNK, self.size)

    def resize(self, size: int) -> None:
        """Change the size; bytes beyond it are discarded."""
        if size < self.size:
            self.discard(size, self.size - size)
        self.size = size

    def flush(self) -> None:
        """Do nothing, since memory is the only storage."""

    def close(self) -> None:
        """Release the memory."""
        self._chunks.clear()


class FileBacking:
    """A sparse file, which is created if it is missing, and is never truncated."""

    is_volatile = True

    def __init__(self, path: Path, size: int, *, read_only: bool = False) -> None:
        """Open the file, or create it with the size.

        Raises:
            BackingMismatchError: the file has another size.
            OSError: it cannot be opened or created.
        """
        self.size = size
        self.path = path
        access = os.O_RDONLY if read_only else os.O_RDWR | os.O_CREAT
        self._fd = os.open(path, access | os.O_CLOEXEC, 0o600)
        actual = os.fstat(self._fd).st_size
        # An empty file has nothing to lose; any other file keeps its data.
        if actual == 0 and not read_only:
            os.ftruncate(self._fd, size)
        elif actual != size:
            os.close(self._fd)
            raise BackingMismatchError(
                f"{path} has {actual} bytes where the logical unit has {size}"
            )

    def read(self, offset: int, length: int) -> bytes:
        """Return the present bytes; later writes do not change them."""
        try:
            data = os.pread(self._fd, length, offset)
            while len(data) < length:
                chunk = os.pread(self._fd, length - len(data), offset + len(data))
                if not chunk:
                    raise BackingReadError(
                        f"{self.path} was truncated by another process"
                    )
                data += chunk
        except OSError as error:
            raise BackingReadError(f"{self.path}: {error.strerror}") from error
        return data

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Store the bytes.

        Raises:
            OutOfSpaceError: the disk is full.
        """
        try:
            written = os.pwrite(self._fd, data, offset)
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], offset + written)
        except OSError as error:
            raise self._write_error(error) from error

    def discard(self, offset: int, length: int) -> None:
        """Discard the bytes, which then read as zeros."""
        mode = _FALLOC_FL_KEEP_SIZE | _FALLOC_FL_PUNCH_HOLE
        if _fallocate(self._fd, mode, offset, length) == 0:
            return
        # Some file systems punch no holes; writing zeros has the same effect but saves
        # no space.
        end = offset + length
        while offset < end:
            piece = min(_CHUNK, end - offset)
            self.write(offset, _ZEROS[:piece])
            offset += piece

    def allocated(self) -> Iterator[tuple[int, int]]:
        """Iterate over the allocated runs (start, end)."""
        position = 0
        while position < self.size:
            try:
                start = os.lseek(self._fd, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # the rest of the file is a hole
                    return
                raise
            position = os.lseek(self._fd, start, os.SEEK_HOLE)
            yield start, position

    def flush(self) -> None:
        """Return once all written data is on stable storage.

        Raises:
            BackingWriteError: the disk reports an error.
        """
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise self._write_error(error) from error

    def resize(self, size: int) -> None:
        """Change the size; bytes beyond it are discarded.

        Raises:
            BackingWriteError: the file cannot have that size.
        """
        try:
            os.ftruncate(self._fd, size)
        except OSError as error:
            raise self._write_error(error) from error
        self.size = size

    def _write_error(self, error: OSError) -> BackingWriteError:
        kind = OutOfSpaceError if error.errno in _NO_SPACE else BackingWriteError
        return kind(f"{self.path}: {error.strerror}")

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Split a run of bytes at the chunks' borders: (chunk, start in it, end in it)."""
    while length > 0:
        number, start = divmod(offset, _CHUNK)
        end = min(start + length, _CHUNK)
        yield number, start, end
        offset += end - start
        length -= end - start


_libc = ctypes.CDLL(None, use_errno=True)


def _fallocate(fd: int, mode: int, offset: int, length: int) -> int:
    function = getattr(_libc, "fallocate", None)
    if function is None:
        return -1
    result: int = function(
        fd, mode, ctypes.c_longlong(offset), ctypes.c_longlong(length)
    )
    return result


def open_backing(path: Path | None, size: int, *, read_only: bool = False) -> Backing:
    """Return a file's backing, or RAM if no path is given.

    Raises:
        BackingMismatchError: the file has another size.
        OSError: it cannot be opened or created.
    """
    if path is None:
        return RAMBacking(size)
    return FileBacking(path, size, read_only=read_only)
