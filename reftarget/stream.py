# SPDX-License-Identifier: GPL-2.0-only
"""The receive side of a connection: one buffer from which PDUs are cut without copies.

`iscsi.framing.Decoder` does the same in fewer lines, but copies each byte three times;
here the socket writes into `space()` and a data segment is a view of the very bytes
that it wrote. A view is valid until the next `space()`; data that is kept longer must
be copied.
"""

from dataclasses import dataclass
from typing import Final

from iscsi.constants import BHS_LENGTH, RejectReason
from iscsi.digest import DIGEST_LENGTH, crc32c
from iscsi.errors import DecodeError
from iscsi.framing import NO_DIGESTS

INITIAL_SIZE: Final = 1 << 13
"""The initial buffer of a connection, in bytes."""
FULL_SIZE: Final = 1 << 19
"""The buffer of a connection that sends more than fits, in bytes."""
_GROWTH: Final = 4
_LOW_WATER: Final = 1 << 12
"""The buffer grows if it has less room than this."""


class HeaderDigestError(DecodeError):
    """A header digest does not match, so the start of the next PDU is unknown."""


@dataclass(slots=True)
class Received:
    """One PDU: its header segments, and its data segment without padding."""

    header: bytes
    data: memoryview
    objection: RejectReason | None = None
    """The data digest error, if the data segment cannot be trusted."""


class Stream:
    """Received bytes, from which complete PDUs are taken.

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
        """Return room for received bytes; views of earlier data become invalid."""
        size = len(self._buffer)
        if self._end == size and size < FULL_SIZE:
            self._grow(min(size * _GROWTH, FULL_SIZE))
        if self._start == self._end:
            self._start = self._end = 0
        elif len(self._buffer) - self._end < self._room_wanted():
            self._make_room()
        return self._view[self._end :]

    def filled(self, count: int) -> None:
        """Record that `count` bytes of the room are filled."""
        self._end += count

    def feed(self, data: bytes) -> None:
        """Add bytes from elsewhere."""
        while data:
            room = self.space()
            part = data[: len(room)]
            room[: len(part)] = part
            self.filled(len(part))
            data = data[len(part) :]

    def discard(self) -> None:
        """Discard all received bytes, and release the buffer."""
        self._start = self._end = 0
        self._buffer = bytearray(INITIAL_SIZE)
        self._view = memoryview(self._buffer)

    @property
    def pending(self) -> int:
        """How many bytes belong to an incomplete PDU."""
        return self._end - self._start

    @property
    def part(self) -> bytes:
        """The bytes of an incomplete PDU."""
        return bytes(self._view[self._start : self._end])

    def next_pdu(self) -> Received | None:
        """Return the next PDU, or None until it is complete.

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
        """Return how many bytes the pending PDU still needs, as far as known."""
        if self.pending < BHS_LENGTH:
            return _LOW_WATER
        length = int.from_bytes(self._buffer[self._start + 5 : self._start + 8], "big")
        longest = BHS_LENGTH + 255 * 4 + min(length, self.limit) + 3 * DIGEST_LENGTH
        return max(longest - self.pending, 1)

    def _make_room(self) -> None:
        """Move the pending bytes to the front; enlarge a buffer that is almost full.

        It grows with the received bytes, not with the announced length.
        """
        pending = self.pending
        size = len(self._buffer)
        if size - pending < _LOW_WATER:
            self._grow(size * 2)
        elif self._start:
            self._view[:pending] = self._view[self._start : self._end]
            self._start, self._end = 0, pending

    def _grow(self, size: int) -> None:
        """Move the pending bytes into a buffer of another size."""
        pending = self.pending
        fresh = bytearray(size)
        view = memoryview(fresh)
        view[:pending] = self._view[self._start : self._end]
        self._buffer, self._view = fresh, view
        self._start, self._end = 0, pending
