# SPDX-License-Identifier: GPL-2.0-only
"""PDUs in a byte stream: segments, padding and digests (RFC 7143 section 11.2).

`encode` turns segments into wire bytes and accepts any values. `Decoder` splits a
received stream into `Frame`s; it checks only what it needs to find the next PDU, and
reports whether the digests match.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from iscsi.constants import BHS_LENGTH
from iscsi.digest import DIGEST_LENGTH, Buffer, digest
from iscsi.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of a connection; both default to none."""

    header: bool = False
    data: bool = False


NO_DIGESTS = Digests()


@dataclass(frozen=True, slots=True)
class Frame:
    """One PDU as it is on the wire.

    The digests are the bytes sent or received, or empty if none is expected.
    """

    header: bytes
    """Basic and additional header segments."""
    data: bytes = b""
    """Data segment with its padding."""
    header_digest: bytes = b""
    data_digest: bytes = b""

    @property
    def is_header_digest_right(self) -> bool:
        """True if the header digest matches or none is expected."""
        return not self.header_digest or self.header_digest == digest([self.header])

    @property
    def is_data_digest_right(self) -> bool:
        """True if the data digest matches or none is expected."""
        return not self.data_digest or self.data_digest == digest([self.data])

    @property
    def wire(self) -> bytes:
        """The PDU as it was on the wire."""
        return self.header + self.header_digest + self.data + self.data_digest


def framed(
    header: bytes,
    data: bytes = b"",
    *,
    header_digest: bool | bytes = False,
    data_digest: bool | bytes = False,
) -> Frame:
    """Return the frame of a PDU to send, with digests (arguments as for `encode`)."""
    if data_digest is True and not data:
        data_digest = False
    return Frame(
        header=header,
        data=data,
        header_digest=_digest_of(header, header_digest),
        data_digest=_digest_of(data, data_digest),
    )


def _digest_of(covered: bytes, choice: bool | bytes) -> bytes:
    if isinstance(choice, bytes):
        return choice
    return digest([covered]) if choice else b""


def encode(
    header: Buffer,
    data: Buffer = b"",
    *,
    header_digest: bool | bytes = False,
    data_digest: bool | bytes = False,
) -> bytes:
    """Return the wire bytes of a PDU.

    Args:
        header: the header segments.
        data: the data segment with its padding.
        header_digest: True to compute it, bytes to send those instead.
        data_digest: likewise; it is computed only if there is a data segment (RFC 7143
            section 11.2.3).
    """
    parts: list[Buffer] = [header]
    if header_digest:
        parts.append(digest([header]) if header_digest is True else header_digest)
    parts.append(data)
    if data_digest is True:
        if len(data):
            parts.append(digest([data]))
    elif data_digest:
        parts.append(data_digest)
    return b"".join(parts)


class Decoder:
    """Splits a received byte stream into PDUs.

    Feed bytes with `feed`, and iterate to get complete PDUs. Nothing is allocated for a
    data segment before its bytes have arrived. The digests in use change at the end of
    a login (RFC 7143 section 13.1): set `digests` before the next PDU is taken.
    """

    def __init__(
        self,
        *,
        max_data_segment_length: int | None = None,
        digests: Digests = NO_DIGESTS,
    ) -> None:
        self.digests = digests
        self.max_data_segment_length = max_data_segment_length
        self._buffer = bytearray()

    def feed(self, data: Buffer) -> None:
        """Add received bytes."""
        self._buffer += data

    @property
    def pending(self) -> bytes:
        """The bytes of an incomplete PDU."""
        return bytes(self._buffer)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the complete PDUs."""
        while (frame := self.next_frame()) is not None:
            yield frame

    def next_frame(self) -> Frame | None:
        """Return the next PDU, or None until it is complete.

        Raises:
            DecodeError: its data segment is longer than `max_data_segment_length`. The
                stream cannot be decoded beyond it.
        """
        if len(self._buffer) < BHS_LENGTH:
            return None
        buffer = self._buffer
        header_end = BHS_LENGTH + buffer[4] * 4
        data_length = int.from_bytes(buffer[5:8], "big")
        limit = self.max_data_segment_length
        if limit is not None and data_length > limit:
            raise DecodeError(
                f"DataSegmentLength {data_length} where at most {limit} is allowed",
                offset=5,
                field="DataSegmentLength",
                data=bytes(buffer[:BHS_LENGTH]),
            )
        data_start = header_end + (DIGEST_LENGTH if self.digests.header else 0)
        data_end = data_start + data_length + -data_length % 4
        end = data_end + (DIGEST_LENGTH if self.digests.data and data_length else 0)
        if len(buffer) < end:
            return None
        octets = bytes(memoryview(buffer)[:end])
        del buffer[:end]
        return Frame(
            header=octets[:header_end],
            header_digest=octets[header_end:data_start],
            data=octets[data_start:data_end],
            data_digest=octets[data_end:],
        )
