# SPDX-License-Identifier: GPL-2.0-only
"""One bound for all that is waited for in an exchange."""

import time
from dataclasses import dataclass, field

from iscsi.errors import PeerTimeout

WHOLE_EXCHANGE = 12
"""An exchange of many PDUs lasts no longer than as many times the wait for one."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time by which something must have happened."""

    seconds: float
    """From its making on."""
    _start: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds left; 0 where it is over."""
        return max(0.0, self._start + self.seconds - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True once the moment has passed."""
        return self.left <= 0

    def check(self, what: str) -> None:
        """Raise an error if the time is over.

        Args:
            what: what came instead of an end.

        Raises:
            PeerTimeout: the moment has passed.
        """
        if self.is_over:
            raise PeerTimeout(f"{what} within {self.seconds:g} s", waited=self.seconds)

    def within(self, seconds: float) -> float:
        """Return as much of a shorter wait as is left."""
        return min(seconds, self.left)
