# SPDX-License-Identifier: GPL-2.0-only
"""Tests that a caller runs while the initiator waits, such as for a time limit.

A signal or another thread would interrupt any code, even a handler or a clean-up. Here
each wait on a connection is split into short ones, and the caller's test runs between
them; its errors end the wait like any other error.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOOK_SECONDS = 0.25
"""The longest wait on a connection between two tests."""

Look = Callable[[], None]

_LOOK: ContextVar[Look | None] = ContextVar("look", default=None)


@contextmanager
def watched(look: Look) -> Iterator[None]:
    """Install a test that runs before and during each wait on a connection in a block.

    Args:
        look: raises an error to end the wait. It is not called recursively.
    """
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


def take_look() -> bool:
    """Run the installed test, if there is one; return whether there is."""
    look = _LOOK.get()
    if look is None:
        return False
    # A wait inside the test itself must not run the test again.
    token = _LOOK.set(None)
    try:
        look()
    finally:
        _LOOK.reset(token)
    return True
