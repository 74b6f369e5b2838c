# SPDX-License-Identifier: GPL-2.0-only
"""Polling for conditions that send no notification."""

import time
from collections.abc import Iterator


def poll(seconds: float, every: float = 0.05) -> Iterator[None]:
    """Yield repeatedly until the time is over, at least once.

    The caller tests a condition in the body of the loop, and leaves the loop once it
    holds.

    Args:
        seconds: the time.
        every: the pause between two tests, in seconds.
    """
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(every)
        yield
