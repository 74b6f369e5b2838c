# SPDX-License-Identifier: GPL-2.0-only
"""Shortens a program while its failure stays: halves are left out first."""

from collections.abc import Callable

from suites.campaign.programs import Program, normalise


def shrink(
    program: Program,
    shows: Callable[[Program], bool],
    sentinel: int | None,
    most_tries: int,
) -> Program:
    """Return the shortest program found that still fails like the whole one.

    Whole connections are left out first, then runs of events, from long to short.

    Args:
        program: a program that fails.
        shows: sends a program, and returns whether it still fails.
        sentinel: the LUN that nothing may address.
        most_tries: the maximum number of programs sent.
    """
    current, tries = program, 0

    def is_enough(shorter: Program) -> bool:
        nonlocal current, tries
        if tries >= most_tries or not shorter or len(shorter) >= len(current):
            return False
        tries += 1
        if not shows(shorter):
            return False
        current = shorter
        return True

    for number in sorted({one.connection for one in program}):
        others = tuple(one for one in current if one.connection != number)
        is_enough(normalise(others, sentinel, is_bounded=False))
    size = max(1, len(current) // 2)
    while size:
        start = 0
        while start < len(current):
            candidate = current[:start] + current[start + size :]
            if not is_enough(normalise(candidate, sentinel, is_bounded=False)):
                start += size
        size //= 2
    return current
