# SPDX-License-Identifier: GPL-2.0-only
"""The CRC32C digest (RFC 7143 section 13.1)."""

from collections.abc import Iterable

import crc32c as _crc32c

DIGEST_LENGTH = 4

Buffer = bytes | bytearray | memoryview


def crc32c(data: Buffer) -> int:
    """Return the CRC32C of `data` as a number."""
    return int(_crc32c.crc32c(data))


def digest(parts: Iterable[Buffer]) -> bytes:
    """Return the four digest bytes of the parts, in wire order.

    The order of the CRC's bits makes the number little-endian (RFC 7143 section 13.1;
    the examples of its appendix A have this order).
    """
    value = 0
    for part in parts:
        value = _crc32c.crc32c(part, value)
    return value.to_bytes(DIGEST_LENGTH, "little")
