# SPDX-License-Identifier: GPL-2.0-only
"""Polling."""

import time

import pytest

from vmlab.poll import poll


class Clock:
    """A clock that only pauses move on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    result = Clock()
    monkeypatch.setattr(time, "monotonic", result.monotonic)
    monkeypatch.setattr(time, "sleep", result.sleep)
    return result


def test_the_last_look_is_after_the_time(clock: Clock) -> None:
    looks = [clock.now for _ in poll(1.0, every=0.4)]

    assert looks == pytest.approx([0.0, 0.4, 0.8, 1.2])


def test_without_any_time_there_is_one_look(clock: Clock) -> None:
    assert [clock.now for _ in poll(0.0)] == [0.0]
