# SPDX-License-Identifier: GPL-2.0-only
"""Which habits of the reference target are switched on together, and whose fault it is.

A run of the suite costs a minute, and there are hundreds of habits. They go in groups,
made so that every two habits that can be on at once are so in one of them. What then
fails is brought down to the fewest habits that make it fail.
"""

import itertools
import random
from collections.abc import Callable, Sequence

from reftarget.habits import Habit, can_meet

Pair = frozenset[str]


def groups(habits: Sequence[Habit]) -> list[list[Habit]]:
    """Return groups in which every two habits meet that can.

    Habits that take a feature away (`is_poor`) have groups of their own: what rests on
    the feature is tried without them, too.
    """
    rich = [habit for habit in habits if not habit.is_poor]
    poor = [habit for habit in habits if habit.is_poor]
    found = _cover(rich, _pairs(rich))
    among_rich = _pairs(rich)
    return found + _cover([*poor, *rich], _pairs(habits) - among_rich, first=poor)


def combination(habits: Sequence[Habit], seed: int) -> list[Habit]:
    """Return habits that go together, the same for the same seed.

    About a quarter of all are in it: more would hide what each of them does.
    """
    source = random.Random(seed)  # noqa: S311  # no secret hangs on it
    chosen: list[Habit] = []
    for habit in source.sample(list(habits), len(habits) // 4):
        if all(can_meet(habit, other) for other in chosen):
            chosen.append(habit)
    return chosen


def culprits(
    habits: Sequence[Habit], fails: Callable[[Sequence[Habit]], bool]
) -> list[Habit]:
    """Return the fewest habits of a group with which something fails.

    Zeller's ddmin: halves, quarters and so on are tried alone, then left out.

    Args:
        habits: a group with which it fails.
        fails: tells whether it fails with some of them.
    """
    left, parts = list(habits), 2
    while len(left) > 1:
        chunks = _split(left, parts)
        others = [
            [one for one in left if one not in chunk] for chunk in chunks if parts > 2
        ]
        smaller = next((some for some in (*chunks, *others) if fails(some)), None)
        if smaller is not None:
            parts = 2 if smaller in chunks else max(parts - 1, 2)
            left = smaller
        elif parts >= len(left):
            break
        else:
            parts = min(2 * parts, len(left))
    return left


def _split(habits: list[Habit], parts: int) -> list[list[Habit]]:
    size = -(-len(habits) // parts)
    return [habits[start : start + size] for start in range(0, len(habits), size)]


def _pairs(habits: Sequence[Habit]) -> set[Pair]:
    return {
        frozenset({one.name, other.name})
        for one, other in itertools.combinations(habits, 2)
        if can_meet(one, other)
    }


def _cover(
    habits: Sequence[Habit], pairs: set[Pair], first: Sequence[Habit] = ()
) -> list[list[Habit]]:
    """Return groups that cover pairs; each habit is in one of them at least.

    Greedy: a group begins with a pair that is not covered and takes in whatever covers
    most of the others.

    Args:
        habits: what the groups are made of.
        pairs: what is to be covered, by names.
        first: who must be in a group; empty: all of them.
    """
    left = set(pairs)
    lonely = {habit.name for habit in first or habits}
    made: list[list[Habit]] = []
    while left or lonely:
        group: list[Habit] = []
        candidates = list(habits)
        while candidates:
            best = max(candidates, key=lambda one: _gain(one, group, left, lonely))
            group.append(best)
            candidates = [one for one in candidates if can_meet(one, best)]
        gained = {
            frozenset({one.name, other.name})
            for one, other in itertools.combinations(group, 2)
        }
        left -= gained
        lonely -= {habit.name for habit in group}
        made.append(group)
    return made


def _gain(
    habit: Habit, group: Sequence[Habit], left: set[Pair], lonely: set[str]
) -> tuple[int, int]:
    """Return how much a group gains by a habit: pairs, and pairs still to come."""
    new = sum(frozenset({habit.name, other.name}) in left for other in group)
    if group:
        return new, habit.name in lonely
    return sum(habit.name in pair for pair in left), habit.name in lonely
