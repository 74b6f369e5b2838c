# SPDX-License-Identifier: GPL-2.0-only
"""Work that takes too long for one turn, and is done in steps.

One step takes some milliseconds at the most. Between two steps other connections are
served, and other work gets its step.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Job(Protocol):
    """A job that is done in steps."""

    def step(self) -> bool:
        """Do the next step; return False once none follows for now."""


def _always() -> bool:
    return True


class Turns:
    """The jobs of a target, and the remaining time of the present turn.

    Attributes:
        has_time: returns whether the present turn has time left; a server sets it.
            Without a clock a turn has no end, and every job is done at once.
    """

    __slots__ = ("_jobs", "has_time")

    def __init__(self) -> None:
        self.has_time: Callable[[], bool] = _always
        self._jobs: deque[Job] = deque()

    def __bool__(self) -> bool:
        """Tell whether a job waits for a turn."""
        return bool(self._jobs)

    def add(self, job: Job) -> None:
        """Have a job done in later turns."""
        self._jobs.append(job)

    def begin(self, job: Job) -> None:
        """Do a job while the present turn has time, and the rest of it later."""
        while job.step():
            if not self.has_time():
                self.add(job)
                return

    def go_on(self) -> None:
        """Do a step of each job in turn, until no time or no job is left."""
        jobs = self._jobs
        while jobs:
            job = jobs.popleft()
            if job.step():
                jobs.append(job)
            if not self.has_time():
                return
