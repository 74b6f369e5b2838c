# SPDX-License-Identifier: GPL-2.0-only
"""Sorted runs of integers, against a set of them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reftarget.extents import ExtentSet

RUN = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(st.lists(st.tuples(st.booleans(), RUN), max_size=30), RUN)
def test_extents_are_what_a_set_of_integers_is(
    steps: list[tuple[bool, tuple[int, int]]], window: tuple[int, int]
) -> None:
    extents = ExtentSet()
    naive: set[int] = set()
    for is_added, (start, end) in steps:
        if is_added:
            extents.add(start, end)
            naive |= set(range(start, end))
        else:
            extents.remove(start, end)
            naive -= set(range(start, end))

    runs = list(extents)
    assert {number for start, end in runs for number in range(start, end)} == naive
    assert all(start < end for start, end in runs)
    assert all(remaining[1] < right[0] for remaining, right in pairwise(runs))
    start, end = window
    cut = list(extents.runs(start, end))
    assert [number for low, high, _ in cut for number in range(low, high)] == list(
        range(start, end)
    )
    assert all(
        (number in naive) is is_in
        for low, high, is_in in cut
        for number in range(low, high)
    )
