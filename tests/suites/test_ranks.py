# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the rank test."""

from random import Random

import pytest

from suites.support.ranks import compare


def test_series_apart_are_no_chance() -> None:
    result = compare(range(40), range(100, 140))

    assert result.chance < 1e-12
    assert result.shift == 100


def test_equal_series_do_not_differ() -> None:
    result = compare([1.0] * 10, [1.0] * 10)

    assert result.chance == 1
    assert result.shift == 0


def test_a_known_example() -> None:
    """The sum of ranks of 1, 3, ... 15 among 16 values is 64, and U is 28 of 64."""
    result = compare(range(0, 16, 2), range(1, 17, 2))

    assert result.chance == pytest.approx(0.6744, abs=1e-3)


def test_chance_is_spread_evenly_where_there_is_no_difference() -> None:
    random = Random(7)  # noqa: S311  # a test repeats its numbers
    chances = [
        compare(*([random.expovariate(1) for _ in range(40)] for _ in range(2))).chance
        for _ in range(500)
    ]

    assert min(chances) > 1e-5
    assert 0.01 < sum(chance < 0.05 for chance in chances) / 500 < 0.1


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="8 are needed"):
        compare([1.0] * 7, [1.0] * 8)
