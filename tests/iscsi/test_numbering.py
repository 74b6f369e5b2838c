# SPDX-License-Identifier: GPL-2.0-only
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi import serial
from iscsi.numbering import CommandNumbers, CommandWindow, Place, StatusNumbers

NUMBERS = st.integers(0, serial.MODULUS - 1)


@given(NUMBERS, st.integers(0, 128), st.integers(-300, 300))
def test_places_in_the_window(start: int, size: int, step: int) -> None:
    window = CommandWindow(start, size)
    if not 0 <= step < size:
        expected = Place.OUTSIDE
    else:
        expected = Place.AHEAD if step else Place.NEXT

    assert window.place(serial.add(start, step)) is expected


def test_a_rejected_command_is_expected_again() -> None:
    window = CommandWindow(0xFFFFFFFF, 4)
    window.advance()

    window.step_back()

    assert window.place(0xFFFFFFFF) is Place.NEXT


def test_a_closed_window_ends_before_its_start() -> None:
    assert CommandWindow(0, 0).max_cmd_sn == 0xFFFFFFFF


@given(NUMBERS, st.integers(1, 64))
def test_an_initiator_stays_within_the_window_it_was_granted(
    start: int, size: int
) -> None:
    window = CommandWindow(start, size)
    numbers = CommandNumbers(start, window.exp_cmd_sn, window.max_cmd_sn)

    received = [numbers.take() for _ in range(size) if numbers.is_open]

    assert len(received) == size
    assert not numbers.is_open
    assert all(window.place(number) is not Place.OUTSIDE for number in received)


@pytest.mark.parametrize(
    ("exp", "maximum", "known"),
    [
        (11, 21, (11, 21)),
        (10, 19, (10, 20)),
        (9, 20, (10, 20)),
        (15, 13, (10, 20)),
        (21, 20, (21, 20)),
    ],
)
def test_only_greater_numbers_count(
    exp: int, maximum: int, known: tuple[int, int]
) -> None:
    numbers = CommandNumbers(10, 10, 20)

    numbers.update(exp, maximum)

    assert (numbers.exp_cmd_sn, numbers.max_cmd_sn) == known


def test_numbers_go_on_behind_the_wrap() -> None:
    numbers = CommandNumbers(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)

    numbers.update(0, 10)

    assert (numbers.take(), numbers.take()) == (0xFFFFFFFF, 0)
    assert numbers.exp_cmd_sn == 0


def test_status_starts_anywhere_and_then_counts() -> None:
    status = StatusNumbers()

    assert [status.receive(n) for n in (0xFFFFFFFF, 0, 1)] == [0, 0, 0]
    assert status.exp_stat_sn == 2


def test_gaps_and_repetitions_do_not_move_the_count() -> None:
    status = StatusNumbers(5, is_known=True)

    assert status.receive(7) == 2
    assert status.receive(4) == -1
    assert status.exp_stat_sn == 5
