# SPDX-License-Identifier: GPL-2.0-only
"""Byte ranges that are still missing: sorted, disjoint (start, end) pairs."""

Ranges = list[tuple[int, int]]


def take(ranges: Ranges, start: int, end: int) -> bool:
    """Take a range out; return False, changing nothing, unless all of it is there."""
    for index, (low, high) in enumerate(ranges):
        if low <= start and end <= high:
            rest = [(low, start), (end, high)]
            ranges[index : index + 1] = [part for part in rest if part[0] < part[1]]
            return True
    return start == end


def clip(ranges: Ranges, end: int) -> None:
    """Drop what lies at `end` or beyond."""
    ranges[:] = [(low, min(high, end)) for low, high in ranges if low < end]


def give_back(ranges: Ranges, returned: Ranges) -> None:
    """Put ranges back."""
    ranges.extend(returned)
    ranges.sort()
