# SPDX-License-Identifier: GPL-2.0-only
from hypothesis import given
from hypothesis import strategies as st

from iscsi import serial

NUMBERS = st.integers(0, serial.MODULUS - 1)
STEPS = st.integers(1, 2**31 - 1)


@given(NUMBERS, STEPS)
def test_a_number_precedes_those_less_than_half_the_range_ahead(
    start: int, step: int
) -> None:
    end = serial.add(start, step)

    assert serial.less_than(start, end)
    assert not serial.less_than(end, start)
    assert serial.distance(start, end) == step
    assert serial.distance(end, start) == -step


@given(NUMBERS)
def test_numbers_half_a_round_apart_have_no_order(start: int) -> None:
    opposite = serial.add(start, 2**31)

    assert not serial.less_than(start, opposite)
    assert not serial.less_than(opposite, start)


@given(NUMBERS)
def test_a_number_is_not_before_itself(number: int) -> None:
    assert serial.less_or_equal(number, number)
    assert not serial.less_than(number, number)
    assert serial.distance(number, number) == 0


def test_arithmetic_wraps_around() -> None:
    assert serial.add(0xFFFFFFFF, 1) == 0
    assert serial.add(0, -1) == 0xFFFFFFFF
    assert serial.less_than(0xFFFFFFFF, 0)
