# SPDX-License-Identifier: GPL-2.0-only
"""Chooses groups of habits, and finds which habits of a group cause a failure.

A run of the suite takes a minute, and there are hundreds of habits. They run in groups,
such that any two compatible habits are together in one of them. A failure is reduced to
the fewest habits that cause it.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from reftarget.habits import Habit, are_compatible

_MOST_SLOW = 3
"""The maximum of slow habits in a group: more would make its run the longest."""
_MOST_POOR = 28
"""The maximum of habits that remove something in a group: more would hide each
other."""


def groups(habits: Sequence[Habit]) -> list[list[Habit]]:
    """Return groups that contain every pair of compatible habits.

    Habits that remove a feature (`is_poor`) have groups of their own, so that the
    checks of the feature also run without them.
    """
    rich = [habit for habit in habits if not habit.is_poor]
    poor = [habit for habit in habits if habit.is_poor]
    # Begin each group with a poor habit and fill it up with rich ones.
    cover = _Cover([*poor, *rich])
    cover.skip_pairs_of(range(len(poor), len(habits)))
    return _Cover(rich).groups() + cover.groups(first=len(poor))


def few_groups(habits: Sequence[Habit]) -> list[list[Habit]]:
    """Return a few groups that contain each habit at least once, with many others.

    They do not contain every pair. Habits that remove a feature are apart from the
    others, a few in each group, so that the remaining features are tested with them. A
    slow habit is in one group, with few other slow ones.
    """
    rich = [habit for habit in habits if not habit.is_poor]
    poor = [habit for habit in habits if habit.is_poor]
    packed: list[list[Habit]] = []
    for habit in poor:
        for group in packed:
            is_free = len(group) < _MOST_POOR
            if is_free and all(are_compatible(habit, other) for other in group):
                group.append(habit)
                break
        else:
            packed.append([habit])
    return _Cover(rich).groups(once=True) + packed


def combination(habits: Sequence[Habit], seed: int) -> list[Habit]:
    """Return compatible habits at random, the same ones for the same seed.

    They are about a quarter of all: more would hide the effect of each.
    """
    source = random.Random(seed)  # noqa: S311  # no secret hangs on it
    chosen: list[Habit] = []
    for habit in source.sample(list(habits), len(habits) // 4):
        if all(are_compatible(habit, other) for other in chosen):
            chosen.append(habit)
    return chosen


def culprits(
    habits: Sequence[Habit], fails: Callable[[Sequence[Habit]], bool]
) -> list[Habit]:
    """Return the fewest habits of a group with which a check still fails.

    This is Zeller's ddmin: halves, quarters and so on are tried alone, then left out.

    Args:
        habits: a group with which the check fails.
        fails: returns whether it fails with some of them.
    """
    remaining, parts = list(habits), 2
    while len(remaining) > 1:
        chunks = _split(remaining, parts)
        others = [
            [one for one in remaining if one not in chunk]
            for chunk in chunks
            if parts > 2
        ]
        smaller = next((subset for subset in (*chunks, *others) if fails(subset)), None)
        if smaller is not None:
            parts = 2 if smaller in chunks else max(parts - 1, 2)
            remaining = smaller
        elif parts >= len(remaining):
            break
        else:
            parts = min(2 * parts, len(remaining))
    return remaining


def _split(habits: list[Habit], parts: int) -> list[list[Habit]]:
    size = -(-len(habits) // parts)
    return [habits[start : start + size] for start in range(0, len(habits), size)]


class _Cover:
    """Groups that cover pairs of habits. Sets of habits are bits of a number."""

    def __init__(self, habits: Sequence[Habit]) -> None:
        """Take the habits, whose compatible pairs are to be covered."""
        self._habits = habits
        self._friends = [
            sum(
                1 << number
                for number, other in enumerate(habits)
                if are_compatible(one, other)
            )
            for one in habits
        ]
        self._slow = sum(
            1 << number for number, one in enumerate(habits) if one.is_slow
        )
        self._left = list(self._friends)
        """The habits that each one still has to be combined with."""

    def skip_pairs_of(self, numbers: Iterable[int]) -> None:
        """Mark the pairs of some habits as covered."""
        among = sum(1 << number for number in numbers)
        for number, partners in enumerate(self._left):
            if among >> number & 1:
                self._left[number] = partners & ~among

    def groups(
        self, *, first: int | None = None, once: bool = False
    ) -> list[list[Habit]]:
        """Return groups that contain all remaining pairs.

        The algorithm is greedy: a group takes the habit that covers most pairs.

        Args:
            first: how many of the habits, from the first on, must be in a group; None:
                all of them.
            once: whether it is enough that each habit is in a group.
        """
        lonely = set(range(len(self._habits) if first is None else first))
        cover_groups = []
        while lonely or (not once and any(self._left)):
            group = self._group(lonely, once=once)
            together = sum(1 << number for number in group)
            for number in group:
                self._left[number] &= ~together
            lonely -= set(group)
            cover_groups.append([self._habits[number] for number in sorted(group)])
        return cover_groups

    def _group(self, lonely: AbstractSet[int], *, once: bool) -> list[int]:
        group: list[int] = []
        together = 0
        candidates = (1 << len(self._habits)) - 1
        slow = _MOST_SLOW
        if once:
            candidates &= ~self._slow | sum(1 << number for number in lonely)

        def gain(number: int) -> tuple[int, ...]:
            partners = self._left[number]
            met = (partners & together if group else partners).bit_count()
            is_lonely = int(number in lonely)
            return (is_lonely, met) if once else (met, is_lonely)

        while candidates:
            candidate = max(_bits(candidates), key=gain)
            group.append(candidate)
            together |= 1 << candidate
            candidates &= self._friends[candidate]
            if once and self._slow >> candidate & 1:
                slow -= 1
                candidates &= -1 if slow else ~self._slow
        return group


def _bits(number: int) -> Iterator[int]:
    """Return which bits of a number are set, the lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
