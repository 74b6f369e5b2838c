# SPDX-License-Identifier: GPL-2.0-only
"""Work that is too long for one turn: it is done a step at a time.

One step takes some milliseconds at the most. Between two steps other connections are
served, and other work gets its step.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Job(Protocol):
    """Something that is done in steps."""

    def step(self) -> bool:
        """Do the next step; return False once no other is to follow for now."""


def _always() -> bool:
    return True


class Turns:
    """The jobs of a target, and the time that the present turn has left.

    Attributes:
        has_time: tells whether the present turn lasts; a server sets it. Without a
            clock a turn has no end, and every job is done at once.
    """

    __slots__ = ("_jobs", "has_time")

    def __init__(self) -> None:
        self.has_time: Callable[[], bool] = _always
        self._jobs: deque[Job] = deque()

    def __bool__(self) -> bool:
        """Tell whether a job waits for a turn."""
        return bool(self._jobs)

    def add(self, job: Job) -> None:
        """Have a job done in the turns to come."""
        self._jobs.append(job)

    def begin(self, job: Job) -> None:
        """Do a job as far as the present turn lasts, and the rest of it later."""
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
