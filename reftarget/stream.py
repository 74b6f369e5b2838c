# SPDX-License-Identifier: GPL-2.0-only
"""The receive side of a connection: one buffer, PDUs cut out of it without copies.

`iscsi.framing.Decoder` does the same in fewer lines, but copies each byte three
times; here the socket writes into `space()` and a data segment is a view of the very
bytes that it wrote. A view is good until the next `space()`: who wants to keep data
copies it.
"""

from dataclasses import dataclass
from typing import Final

from iscsi.constants import BHS_LENGTH, RejectReason
from iscsi.digest import DIGEST_LENGTH, crc32c
from iscsi.errors import DecodeError
from iscsi.framing import NO_DIGESTS

INITIAL_SIZE: Final = 1 << 13
"""Bytes of the buffer of a connection that has not said much yet."""
FULL_SIZE: Final = 1 << 19
"""Bytes of the buffer of one that sends more than fits, at each read."""
_GROWTH: Final = 4
_LOW_WATER: Final = 1 << 12
"""Room below which the buffer grows."""


class HeaderDigestError(DecodeError):
    """A header whose digest does not match: where the next PDU starts is unknown."""


@dataclass(slots=True)
class Received:
    """One PDU: its header segments, and its data segment without padding."""

    header: bytes
    data: memoryview
    objection: RejectReason | None = None
    """Data digest error, where the data segment cannot be trusted."""


class Stream:
    """Bytes as they arrive, PDUs as they are whole.

    Attributes:
        limit: the data segment that this side takes; a longer one is refused before
            any room is made for it (RFC 7143 section 11.7.1).
        digests: the digests that the next PDU must have.
    """

    __slots__ = ("_buffer", "_end", "_start", "_view", "digests", "is_lax", "limit")

    def __init__(self, limit: int) -> None:
        self.digests = NO_DIGESTS
        self.is_lax = False
        self.limit = limit
        self._buffer = bytearray(INITIAL_SIZE)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def space(self) -> memoryview:
        """Return room for bytes to come; views of earlier data become void."""
        size = len(self._buffer)
        if self._end == size and size < FULL_SIZE:
            self._grow(min(size * _GROWTH, FULL_SIZE))
        if self._start == self._end:
            self._start = self._end = 0
        elif len(self._buffer) - self._end < self._room_wanted():
            self._make_room()
        return self._view[self._end :]

    def filled(self, count: int) -> None:
        """Note that `count` bytes of the room are now there."""
        self._end += count

    def feed(self, data: bytes) -> None:
        """Take bytes that lie elsewhere."""
        while data:
            room = self.space()
            part = data[: len(room)]
            room[: len(part)] = part
            self.filled(len(part))
            data = data[len(part) :]

    def discard(self) -> None:
        """Forget all that has arrived, and the room for it."""
        self._start = self._end = 0
        self._buffer = bytearray(INITIAL_SIZE)
        self._view = memoryview(self._buffer)

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their PDU."""
        return self._end - self._start

    @property
    def part(self) -> bytes:
        """The bytes that wait for the rest of their PDU."""
        return bytes(self._view[self._start : self._end])

    def next_pdu(self) -> Received | None:
        """Return the next PDU, or None until it is whole.

        Raises:
            HeaderDigestError: the header's digest does not match.
            DecodeError: the data segment is longer than `limit`.
        """
        start = self._start
        available = self._end - start
        if available < BHS_LENGTH:
            return None
        buffer = self._buffer
        data_length = int.from_bytes(buffer[start + 5 : start + 8], "big")
        header_end = start + BHS_LENGTH + buffer[start + 4] * 4
        digests = self.digests
        data_start = header_end + (DIGEST_LENGTH if digests.header else 0)
        checks = digests.header and not self.is_lax
        if checks and data_start <= self._end:
            self._check_header(start, header_end)
        if data_length > self.limit:
            raise DecodeError(
                f"DataSegmentLength {data_length} where at most {self.limit} is taken",
                offset=5,
                field="DataSegmentLength",
                data=bytes(self._view[start : start + BHS_LENGTH]),
            )
        data_end = data_start + data_length + (-data_length & 3)
        end = data_end + (DIGEST_LENGTH if digests.data and data_length else 0)
        if end > self._end:
            return None
        self._start = end
        view = self._view
        received = Received(
            bytes(view[start:header_end]), view[data_start : data_start + data_length]
        )
        if end > data_end and crc32c(view[data_start:data_end]) != int.from_bytes(
            view[data_end:end], "little"
        ):
            received.objection = RejectReason.DATA_DIGEST_ERROR
        return received

    def _check_header(self, start: int, end: int) -> None:
        received = int.from_bytes(self._view[end : end + DIGEST_LENGTH], "little")
        if crc32c(self._view[start:end]) != received:
            raise HeaderDigestError(
                "header digest does not match",
                field="HeaderDigest",
                data=bytes(self._view[start:end]),
            )

    def _room_wanted(self) -> int:
        """Return what the pending PDU still lacks, as far as it is known."""
        if self.pending < BHS_LENGTH:
            return _LOW_WATER
        length = int.from_bytes(self._buffer[self._start + 5 : self._start + 8], "big")
        longest = BHS_LENGTH + 255 * 4 + min(length, self.limit) + 3 * DIGEST_LENGTH
        return max(longest - self.pending, 1)

    def _make_room(self) -> None:
        """Move what is pending to the front; enlarge a buffer that is all but full.

        It grows with what has arrived, not with what was announced.
        """
        pending = self.pending
        size = len(self._buffer)
        if size - pending < _LOW_WATER:
            self._grow(size * 2)
        elif self._start:
            self._view[:pending] = self._view[self._start : self._end]
            self._start, self._end = 0, pending

    def _grow(self, size: int) -> None:
        """Put what is pending into a buffer of another size."""
        pending = self.pending
        fresh = bytearray(size)
        view = memoryview(fresh)
        view[:pending] = self._view[self._start : self._end]
        self._buffer, self._view = fresh, view
        self._start, self._end = 0, pending
