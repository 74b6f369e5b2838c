# SPDX-License-Identifier: GPL-2.0-only
"""The progress of a unit's sanitize operation (SBC-3 section 4.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reftarget.backing import BackingError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE = 0x10000


class Sanitizing:
    """A unit's sanitize operation: its work, and the time that it reports to take.

    Attributes:
        until: the time until which the unit reports to be busy, in seconds; 0: it is
            not busy.
    """

    __slots__ = ("_done", "_steps", "_total", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self._steps: Iterator[None] | None = None
        self._done = self._total = 0

    def __bool__(self) -> bool:
        """Tell whether an operation may be in progress."""
        return self._steps is not None or self.until > 0

    def start(self, steps: Iterator[None], total: int, until: float) -> None:
        """Begin an operation.

        Args:
            steps: does the work, a step at a time.
            total: about how many steps there are.
            until: until when the unit is said to be busy, in seconds; 0: no longer
                than the work takes.
        """
        self._steps, self._done, self._total, self.until = steps, 0, total, until

    def step(self) -> bool:
        """Do the next step; return False once all are done.

        Raises:
            BackingError: the medium reports an error; the operation has ended.
        """
        steps = self._steps
        if steps is None:
            return False
        try:
            next(steps)
        except StopIteration:
            self._steps = None
            return False
        except BackingError:
            self._steps = None
            self.until = 0.0
            raise
        self._done += 1
        return True

    def progress(self, now: float, seconds: float) -> int | None:
        """Return PROGRESS INDICATION, or None if no operation is in progress.

        Args:
            now: the time in seconds.
            seconds: how long an operation is said to take.
        """
        parts = [1.0]
        if self._steps is not None:
            parts.append(self._done / self._total)
        if self.until > now:
            parts.append(1 - (self.until - now) / seconds)
        else:
            self.until = 0.0
        return min(int(min(parts) * _WHOLE), _WHOLE - 1) if len(parts) > 1 else None
