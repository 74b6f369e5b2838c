# SPDX-License-Identifier: GPL-2.0-only
"""Polling for conditions that send no notification."""

import time
from collections.abc import Iterator


def poll(seconds: float, every: float = 0.05) -> Iterator[None]:
    """Yield again and again until the time is over, at least once.

    The caller looks in the body of the loop, and leaves it when it has seen enough.

    Args:
        seconds: the time.
        every: the pause between two looks, in seconds.
    """
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(every)
        yield
