# SPDX-License-Identifier: GPL-2.0-only
"""iSCSI TransportIDs: an initiator port as parameter data (SPC-4 section 7.6.4.6)."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from iscsi.errors import DecodeError
from iscsi.names import MAX_NAME_LENGTH

PROTOCOL_IDENTIFIER = 0x5
"""iSCSI (SPC-4 section 7.6.1)."""

FORMAT_DEVICE = 0b00
"""The name alone: any port of the initiator device."""

FORMAT_PORT = 0b01
"""The name and the ISID: one initiator port."""

MAX_LENGTH = 4 + 244
"""Bytes in the longest TransportID of a valid name."""

_HEADER = struct.Struct(">BxH")
_MINIMUM_ADDITIONAL_LENGTH = 20
_SEPARATOR = b",i,0x"
_ISID_DIGITS = re.compile(rb"[0-9A-Fa-f]{1,12}")


@dataclass(frozen=True, slots=True)
class TransportID:
    """An initiator port, or the initiator device where there is no ISID."""

    name: str
    isid: bytes | None = None

    def build(self) -> bytes:
        """Return the bytes: terminated by a null, padded to four, 24 at the least."""
        text = self.name.encode()
        form = FORMAT_DEVICE
        if self.isid is not None:
            text += _SEPARATOR + self.isid.hex().encode()
            form = FORMAT_PORT
        length = max(len(text) // 4 * 4 + 4, _MINIMUM_ADDITIONAL_LENGTH)
        return _HEADER.pack(form << 6 | PROTOCOL_IDENTIFIER, length) + text.ljust(
            length, b"\0"
        )

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the one TransportID that the data is.

        Raises:
            DecodeError: it is malformed, not iSCSI's, or more follows.
        """
        identifiers = iterate(data)
        if len(identifiers) != 1:
            raise _error(
                f"{len(identifiers)} TransportIDs instead of one",
                0,
                "TRANSPORTID",
                data,
            )
        return cls(identifiers[0].name, identifiers[0].isid)


def iterate(data: bytes | memoryview) -> list[TransportID]:
    """Read TransportIDs that follow one another.

    Raises:
        DecodeError: one of them is malformed, cut short or not iSCSI's.
    """
    return list(_iterate(bytes(data)))


def _iterate(data: bytes) -> Iterator[TransportID]:
    offset = 0
    while offset < len(data):
        transport_id, length = _parse_one(data, offset)
        yield transport_id
        offset += length


def _parse_one(data: bytes, offset: int) -> tuple[TransportID, int]:
    if len(data) - offset < _HEADER.size:
        raise _error("TransportID cut short", offset, "TRANSPORTID", data)
    first, length = _HEADER.unpack_from(data, offset)
    form, protocol = first >> 6, first & 0x0F
    if protocol != PROTOCOL_IDENTIFIER:
        raise _error(
            f"protocol {protocol} is not iSCSI", offset, "PROTOCOL IDENTIFIER", data
        )
    start = offset + _HEADER.size
    if length % 4 or length < _MINIMUM_ADDITIONAL_LENGTH:
        raise _error(
            f"{length} is no multiple of 4 from 20",
            offset + 2,
            "ADDITIONAL LENGTH",
            data,
        )
    text = data[start : start + length]
    if len(text) < length:
        raise _error("TransportID cut short", start, "ADDITIONAL LENGTH", data)
    text, terminator, padding = text.partition(b"\0")
    if not terminator or padding.strip(b"\0"):
        raise _error("name without null or padding of zeros", start, "ISCSI NAME", data)
    return _parse_text(text, form, start, data), _HEADER.size + length


def _parse_text(text: bytes, form: int, start: int, data: bytes) -> TransportID:
    isid = None
    if form == FORMAT_PORT:
        text, separator, digits = text.partition(_SEPARATOR)
        if not separator or not _ISID_DIGITS.fullmatch(digits):
            raise _error("no ,i,0x and hexadecimal ISID", start, "ISID", data)
        isid = int(digits, 16).to_bytes(6, "big")
    elif form != FORMAT_DEVICE:
        raise _error(f"format {form} is reserved", start - 4, "TPID FORMAT", data)
    try:
        name = text.decode()
    except UnicodeDecodeError:
        raise _error("name is not UTF-8", start, "ISCSI NAME", data) from None
    if not name or len(text) > MAX_NAME_LENGTH:
        raise _error(f"name of {len(text)} bytes", start, "ISCSI NAME", data)
    return TransportID(name, isid)


def _error(
    message: str, offset: int, field: str, data: bytes | memoryview
) -> DecodeError:
    return DecodeError(message, offset=offset, field=field, data=bytes(data))
