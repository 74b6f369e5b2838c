# SPDX-License-Identifier: GPL-2.0-only
"""The time limit of a check, and what aborts it sooner.

The limit is tested between the waits of the initiator (`initiator.waits`), never by a
signal, so no handler or clean-up is interrupted.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import targets
from initiator.expect import ConformanceFailure
from initiator.waits import LOOK_SECONDS, watched

CHECK_SECONDS = 60.0
"""The longest time of a check, whatever a target does; see --check-timeout."""

_END_SECONDS = 10.0
"""The least time for the teardown of a check, to close what the check has opened."""


class CutShort(ConformanceFailure):
    """A check was aborted, since its time is over or its target has died."""


@dataclass(slots=True)
class Limit:
    """The time that a check may take in set-up, call and teardown together.

    The clock runs only within `running`, and stops within `paused`.
    """

    seconds: float
    ending: Callable[[], targets.Ending | None] | None = None
    """Called now and then, since a dead target may keep its connections open."""
    _left: float = field(init=False)
    _since: float | None = field(default=None, init=False)
    _next_look: float = field(default=0.0, init=False)
    _cut: CutShort | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._left = self.seconds

    @property
    def left(self) -> float:
        """The remaining seconds."""
        run = 0.0 if self._since is None else time.monotonic() - self._since
        return self._left - run

    def grant_end(self) -> None:
        """Have time left for the teardown of the check, however much it has used."""
        self._left = max(self._left, min(_END_SECONDS, self.seconds))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Apply the limit to a part of the check.

        Raises:
            CutShort: the time is over, or the target has died; also if the part has
                caught that error.
        """
        self._since, self._cut = time.monotonic(), None
        try:
            with watched(self._look):
                yield
        except CutShort:
            raise
        except Exception as error:
            if self._cut is not None:
                raise self._cut from error
            raise
        finally:
            self._left, self._since = self.left, None
        if self._cut is not None:
            raise self._cut

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock, for example while the lab restarts a target."""
        was_running = self._since is not None
        self._left, self._since = self.left, None
        try:
            yield
        finally:
            if was_running:
                self._since = time.monotonic()

    def _look(self) -> None:
        """Abort a wait once there is a reason; and each later one.

        Raises:
            CutShort: there is a reason.
        """
        if self._since is None:
            return
        if self._cut is None:
            self._cut = self._find_reason()
        if self._cut is not None:
            raise self._cut

    def _find_reason(self) -> CutShort | None:
        if self.left <= 0:
            return CutShort(
                f"the exchange ends within {self.seconds:g} s", "it has not"
            )
        now = time.monotonic()
        if self.ending is None or now < self._next_look:
            return None
        ending = self.ending()
        self._next_look = time.monotonic() + LOOK_SECONDS
        if ending is None:
            return None
        return CutShort("the target is alive", f"the target died: {ending}")
