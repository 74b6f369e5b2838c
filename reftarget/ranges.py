# SPDX-License-Identifier: GPL-2.0-only
"""Byte ranges that are still missing: sorted, disjoint (start, end) pairs."""

from bisect import bisect_right
from typing import Final

Ranges = list[tuple[int, int]]

_BEYOND: Final = 1 << 64
"""More than any end: the pair (start, _BEYOND) sorts behind each range at start."""


def take(ranges: Ranges, start: int, end: int) -> bool:
    """Take a range out; return False, changing nothing, unless all of it is there.

    It costs the logarithm of the number of ranges, since a peer chooses the number.
    """
    index = bisect_right(ranges, (start, _BEYOND)) - 1
    if index >= 0:
        low, high = ranges[index]
        if end <= high and start < high:
            pieces = [(low, start), (end, high)]
            ranges[index : index + 1] = [part for part in pieces if part[0] < part[1]]
            return True
    return start == end


def drop_beyond(ranges: Ranges, end: int) -> None:
    """Drop what lies at `end` or beyond."""
    ranges[:] = [(low, min(high, end)) for low, high in ranges if low < end]


def give_back(ranges: Ranges, returned: Ranges) -> None:
    """Put ranges back."""
    ranges.extend(returned)
    ranges.sort()
