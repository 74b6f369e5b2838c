# SPDX-License-Identifier: GPL-2.0-only
"""Serial number arithmetic on 32 bits (RFC 1982; RFC 7143 section 4.2.2.1)."""

MODULUS = 1 << 32
_HALF = 1 << 31


def add(number: int, distance: int) -> int:
    """Return the number that lies `distance` (may be negative) further on."""
    return (number + distance) % MODULUS


def distance(start: int, end: int) -> int:
    """Return the signed way from `start` to `end`, from -2**31 to 2**31 - 1.

    RFC 1982 leaves the order of two numbers 2**31 apart undefined; here it is
    negative both ways, so neither comes before the other.
    """
    way = (end - start) % MODULUS
    return way - MODULUS if way >= _HALF else way


def less_than(left: int, right: int) -> bool:
    """Tell whether `left` comes before `right`; False where RFC 1982 is silent."""
    return 0 < (right - left) % MODULUS < _HALF


def less_or_equal(left: int, right: int) -> bool:
    """Tell whether `left` is `right` or comes before it."""
    return (right - left) % MODULUS < _HALF
