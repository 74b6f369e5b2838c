# SPDX-License-Identifier: GPL-2.0-only
"""Limits how many bytes the target keeps for its peers.

All code that keeps received or sent bytes asks a budget first: for data of writes in
progress, PDUs that wait for their number, PDUs for retransmission, and output that the
peer does not read. Sessions and connections have their own budgets within that of the
target.
"""

from __future__ import annotations


class Budget:
    """The limit of kept bytes, and the bytes that are kept.

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
        """Reserve bytes; return False and reserve none if there is no room."""
        if self.used + count > self.limit:
            return False
        if self.parent is not None and not self.parent.take(count):
            return False
        self.used += count
        return True

    def give(self, count: int) -> None:
        """Release bytes."""
        self.used -= count
        if self.parent is not None:
            self.parent.give(count)

    def give_all(self) -> None:
        """Release all remaining bytes, since their owner has ended."""
        if self.used:
            self.give(self.used)

    @property
    def is_short(self) -> bool:
        """True if less than an eighth is free, here or in the larger budget."""
        if self.used > self._crowded_from:
            return True
        return self.parent is not None and self.parent.is_short
