# SPDX-License-Identifier: GPL-2.0-only
"""How many bytes the target keeps for its peers.

All code that keeps bytes beyond the turn in which they came asks a budget first:
data of writes that is on its way, what waits for its number, what may be asked for
again, and output that the peer does not read. A session and a connection have budgets
of their own within that of the target.
"""

from __future__ import annotations


class Budget:
    """Bytes that may be kept, and those that are.

    Attributes:
        used: bytes that are kept at the moment.
    """

    __slots__ = ("_crowded_from", "limit", "parent", "used")

    def __init__(self, limit: int, parent: Budget | None = None) -> None:
        self.limit = limit
        self._crowded_from = limit - limit // 8
        self.parent = parent
        self.used = 0

    def take(self, count: int) -> bool:
        """Take bytes; return False, taking none, if there is no room for them."""
        if self.used + count > self.limit:
            return False
        if self.parent is not None and not self.parent.take(count):
            return False
        self.used += count
        return True

    def give(self, count: int) -> None:
        """Give bytes back."""
        self.used -= count
        if self.parent is not None:
            self.parent.give(count)

    def give_all(self) -> None:
        """Give back all that is left: its owner has ended."""
        if self.used:
            self.give(self.used)

    @property
    def is_short(self) -> bool:
        """True once less than an eighth is left, here or in the larger budget."""
        if self.used > self._crowded_from:
            return True
        return self.parent is not None and self.parent.is_short
