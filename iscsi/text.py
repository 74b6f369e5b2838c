# SPDX-License-Identifier: GPL-2.0-only
"""Text: key=value pairs and the encodings of values (RFC 7143 section 6.1).

Pairs keep their order and their repetitions: a tester must see, and be able to send,
the same key twice. `split` and `Joiner` carry text over several PDUs by the C bit.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from iscsi.errors import DecodeError

Pairs = list[tuple[str, str]]

MAX_KEY_LENGTH = 63
"""Bytes in a key's name (RFC 7143 section 6.1)."""

MAX_VALUE_LENGTH = 255
"""Bytes in a value, where the key's own clause does not say otherwise."""

MAX_BINARY_LENGTH = 65535
"""Bytes in a large binary value, decoded, where its clause does not say otherwise."""

_KEY = re.compile(r"[A-Z](?:[A-Za-z0-9.\-+@_#])*")
# RFC 7143 section 6.1 counts X#... and private names among the standard labels.
_DECIMAL = re.compile(r"0|[1-9][0-9]*")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_REGULAR_BITS = 64
_MAX_DIGITS = MAX_VALUE_LENGTH
"""A number is a simple value; int() refuses one of more than 4300 digits, besides."""

# Answers that are no values (RFC 7143 section 6.2).
REJECT = "Reject"
IRRELEVANT = "Irrelevant"
NOT_UNDERSTOOD = "NotUnderstood"
NONE = "None"
RESERVED_ANSWERS = frozenset({REJECT, IRRELEVANT, NOT_UNDERSTOOD})


def encode(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return the data segment of the pairs: each ends with a NUL byte."""
    return b"".join(f"{key}={value}".encode() + b"\0" for key, value in pairs)


def decode(data: bytes) -> Pairs:
    """Return the pairs in the text of a negotiation, in order.

    Extra NUL bytes behind the last pair are let pass: some peers count their padding
    into DataSegmentLength.

    Raises:
        DecodeError: a pair without "=", without NUL, or not in UTF-8.
    """
    pairs, errors = read(data)
    if errors:
        raise errors[0]
    return pairs


def read(data: bytes) -> tuple[Pairs, list[DecodeError]]:
    """Return the pairs that can be read in a text, and what is wrong with it.

    A last pair without its NUL is read as it stands, an item without "=" is left out,
    and bytes that are not UTF-8 are replaced. Of each kind, at most one error is
    reported.
    """
    body = bytes(data).rstrip(b"\0")
    errors: dict[str, DecodeError] = {}

    def note(why: str, offset: int = 0, item: bytes = b"") -> None:
        message = f"text item {item[:40]!r} {why}" if item else f"text {why}"
        error = DecodeError(
            message,
            offset=offset,
            field="text",
            data=bytes(data),
            requirement="RFC7143-6.1-01",
        )
        errors.setdefault(why, error)

    if body and not data.endswith(b"\0"):
        note("does not end with NUL")
    pairs: Pairs = []
    offset = 0
    for item in body.split(b"\0") if body else ():
        key, equals, value = item.partition(b"=")
        if not equals:
            note("holds no '='", offset, item or b"\0")
        else:
            try:
                pairs.append((key.decode(), value.decode()))
            except UnicodeDecodeError as error:
                note("is not UTF-8", offset + error.start, item)
                pairs.append(
                    (key.decode(errors="replace"), value.decode(errors="replace"))
                )
        offset += len(item) + 1
    return pairs, list(errors.values())


def is_standard_label(name: str) -> bool:
    """Tell whether a key's name has the form of section 6.1 and its length."""
    return len(name.encode()) <= MAX_KEY_LENGTH and _KEY.fullmatch(name) is not None


def values(pairs: Pairs, key: str) -> list[str]:
    """Return every value of a key, in order."""
    return [value for name, value in pairs if name == key]


def value(pairs: Pairs, key: str) -> str | None:
    """Return the first value of a key, or None."""
    return next((value for name, value in pairs if name == key), None)


def split(data: bytes, size: int) -> list[bytes]:
    """Cut text into data segments of at most `size` bytes, at least one.

    All but the last go out with C=1 (RFC 7143 section 6.2).
    """
    return [data[i : i + size] for i in range(0, len(data), size)] or [b""]


@dataclass(slots=True)
class Joiner:
    """Joins text that arrives in several PDUs (C bit, section 6.2)."""

    limit: int = 1 << 20
    """Bytes beyond which text is refused: memory stays bounded."""
    _parts: list[bytes] = field(default_factory=list)
    _length: int = 0

    def add(self, data: bytes, *, continues: bool) -> Pairs | None:
        """Take a PDU's text; return all pairs once the last part is here.

        Raises:
            DecodeError: as `decode`, or the text is longer than `limit`.
        """
        joined = self.join(data, continues=continues)
        return None if joined is None else decode(joined)

    def join(self, data: bytes, *, continues: bool) -> bytes | None:
        """Take a PDU's text; return all of it once the last part is here.

        Raises:
            DecodeError: the text is longer than `limit`.
        """
        self._length += len(data)
        if self._length > self.limit:
            self.clear()
            raise DecodeError(f"text longer than {self.limit} bytes", field="text")
        self._parts.append(bytes(data))
        if continues:
            return None
        joined = b"".join(self._parts)
        self.clear()
        return joined

    @property
    def is_empty(self) -> bool:
        """True between texts."""
        return not self._parts

    def clear(self) -> None:
        """Discard the text received so far."""
        self._parts.clear()
        self._length = 0


def parse_number(text: str) -> int:
    """Return a numerical-value: decimal or hexadecimal (section 6.1).

    Raises:
        DecodeError: it is neither, or longer than any simple value.
    """
    if len(text) > _MAX_DIGITS:
        raise DecodeError(f"a number of {len(text)} digits", field="value")
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    raise DecodeError(f"{text!r} is not a decimal or hexadecimal number", field="value")


def parse_boolean(text: str) -> bool:
    """Return a boolean-value: Yes or No, in this spelling.

    Raises:
        DecodeError: it is neither.
    """
    if text not in ("Yes", "No"):
        raise DecodeError(f"{text!r} is neither Yes nor No", field="value")
    return text == "Yes"


def parse_list(text: str) -> list[str]:
    """Return the items of a list-of-values, the most wanted first."""
    return text.split(",") if text else []


def parse_binary(text: str, *, max_length: int = MAX_BINARY_LENGTH) -> bytes:
    """Return a binary-value: hexadecimal (0x) or Base64 (0b), or decimal.

    An odd count of hexadecimal digits has its leading half-byte filled with zero; a
    decimal-constant stands for at most 64 bits (section 6.1).

    Raises:
        DecodeError: it is none of these, or longer than `max_length` bytes.
    """
    prefix, body = text[:2].lower(), text[2:]
    try:
        if prefix == "0x":
            decoded = bytes.fromhex(body.rjust(len(body) + len(body) % 2, "0"))
            if not body or not _HEX.fullmatch(text):
                raise DecodeError(f"{text[:40]!r} is not a hex-constant", field="value")
        elif prefix == "0b":
            decoded = base64.b64decode(body, validate=True)
        else:
            number = parse_number(text)
            if number.bit_length() > _REGULAR_BITS:
                raise DecodeError(
                    f"decimal {text[:40]!r} is beyond 64 bits",
                    field="value",
                    requirement="RFC7143-6.1-03",
                )
            decoded = number.to_bytes(max(1, -(-number.bit_length() // 8)), "big")
    except (ValueError, binascii.Error) as error:
        raise DecodeError(
            f"{text[:40]!r} is not a binary value: {error}", field="value"
        ) from error
    if len(decoded) > max_length:
        raise DecodeError(
            f"binary value of {len(decoded)} bytes, more than {max_length}",
            field="value",
        )
    return decoded


def format_hex(data: bytes) -> str:
    """Return a hex-constant."""
    return "0x" + data.hex()


def format_base64(data: bytes) -> str:
    """Return a base64-constant."""
    return "0b" + base64.b64encode(data).decode("ascii")


def format_boolean(value: bool) -> str:
    """Return Yes or No."""
    return "Yes" if value else "No"
