# SPDX-License-Identifier: GPL-2.0-only
"""Looks that a caller takes while the initiator waits, such as at a time limit.

A signal or another thread would break off whatever runs just then, even a handler or
a clean-up. Here each wait on a connection is cut into short ones, and the caller's look
is taken between them; what it raises leaves the wait as any other error does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOOK_SECONDS = 0.25
"""No wait on a connection lasts longer without a look."""

Look = Callable[[], None]

_LOOK: ContextVar[Look | None] = ContextVar("look", default=None)


@contextmanager
def watched(look: Look) -> Iterator[None]:
    """Have a look taken before and during each wait on a connection in this block.

    Args:
        look: raises what is to end the wait. It is not called while it runs.
    """
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


def take_look() -> bool:
    """Run the installed test, if there is one; tell whether there is."""
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
