# SPDX-License-Identifier: GPL-2.0-only
"""A rank test: whether one of two series of measurements is greater than the other."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison of two series."""

    chance: float
    """The probability that series without a difference differ so much (two-sided)."""
    shift: float
    """The median of the second series less that of the first, in their unit."""


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two series by the test of Mann and Whitney, in its normal approximation.

    Equal values get the mean of their ranks.

    Raises:
        ValueError: a series has fewer than eight values, for which it does not hold.
    """
    count, other = len(first), len(second)
    if min(count, other) < 8:
        raise ValueError(f"{count} and {other} values, where 8 are needed")
    ranks = _ranks([*first, *second])
    statistic = sum(ranks[:count]) - count * (count + 1) / 2
    mean = count * other / 2
    total = count + other
    spread = math.sqrt(count * other * (total + 1) / 12)
    distance = abs(statistic - mean) / spread
    shift = statistics.median(second) - statistics.median(first)
    return Comparison(math.erfc(distance / math.sqrt(2)), shift)


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value, from 1."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for index in order[start:end]:
            ranks[index] = (start + 1 + end) / 2
        start = end
    return ranks
