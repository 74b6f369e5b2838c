# SPDX-License-Identifier: GPL-2.0-only
"""One time limit for all waits of an exchange."""

import time
from dataclasses import dataclass, field

from iscsi.errors import PeerTimeout

WHOLE_EXCHANGE = 12
"""An exchange of many PDUs lasts at most this many times as long as the wait for
one."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time by which an event must have happened."""

    seconds: float
    """The seconds from its creation to that point."""
    _start: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """The remaining seconds; 0 if it is over."""
        return max(0.0, self._start + self.seconds - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True once the moment has passed."""
        return self.left <= 0

    def check(self, what: str) -> None:
        """Raise an error if the time is over.

        Args:
            what: a description of what came instead.

        Raises:
            PeerTimeout: the moment has passed.
        """
        if self.is_over:
            raise PeerTimeout(f"{what} within {self.seconds:g} s", waited=self.seconds)

    def within(self, seconds: float) -> float:
        """Return the shorter of a wait and the remaining time."""
        return min(seconds, self.left)
