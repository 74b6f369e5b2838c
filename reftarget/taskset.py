# SPDX-License-Identifier: GPL-2.0-only
"""The order in which a logical unit's tasks become enabled (SAM-5 section 8).

Only tasks that take time, those that wait for data or for others, are members: a task
that is done in one step never enters. HEAD OF QUEUE starts at once, before all others;
ORDERED starts when all older tasks have ended; SIMPLE starts when no older ORDERED or
HEAD OF QUEUE task is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from iscsi.constants import TaskAttribute
from reftarget.allegiance import Allegiance, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reftarget.rules import AllegianceRules

_BARRIERS: Final = frozenset({TaskAttribute.ORDERED, TaskAttribute.HEAD_OF_QUEUE})


class QueuedTask(Task, Protocol):
    """The interface of a task that may have to wait."""

    @property
    def may_start(self) -> bool:
        """True once it need not wait any more."""

    def start_in_turn(self) -> None:
        """Hand it to the device server once there is time and room for it."""


_T = TypeVar("_T", bound=QueuedTask)


class TaskSet(Generic[_T]):
    """The tasks of one logical unit, of all sessions, the oldest first.

    Attributes:
        allegiance: its auto contingent allegiance.
    """

    __slots__ = ("_is_releasing", "_tasks", "allegiance")

    def __init__(self, rules: AllegianceRules) -> None:
        self.allegiance = Allegiance(self, rules)
        self._tasks: list[_T] = []
        self._is_releasing = False

    def __iter__(self) -> Iterator[_T]:
        """Iterate over the tasks."""
        return iter(tuple(self._tasks))

    @property
    def is_empty(self) -> bool:
        """True while no task takes time."""
        return not self._tasks

    def enter(self, command: _T) -> None:
        """Add a task."""
        if command in self._tasks:
            return
        if command.attribute == TaskAttribute.HEAD_OF_QUEUE:
            self._tasks.insert(0, command)
        else:
            self._tasks.append(command)

    def may_start(self, command: _T) -> bool:
        """Tell whether a task, member or newcomer, is enabled."""
        if command.attribute == TaskAttribute.HEAD_OF_QUEUE or not self._tasks:
            return True
        older = self._tasks
        if command in older:
            older = older[: older.index(command)]
        if command.attribute == TaskAttribute.ORDERED:
            return not older
        return not any(task.attribute in _BARRIERS for task in older)

    def leave(self, command: _T) -> None:
        """Remove a task and start those that waited for it."""
        if command not in self._tasks:
            return
        self._tasks.remove(command)
        self.start_ready()

    def start_ready(self) -> None:
        """Start the tasks that need not wait any more."""
        if self._is_releasing:
            return
        self._is_releasing = True
        try:
            while (ready := self._next()) is not None:
                ready.start_in_turn()
        finally:
            self._is_releasing = False

    def _next(self) -> _T | None:
        if self.allegiance.nexus is not None:
            return None
        waiting = (task for task in self._tasks if not task.may_start)
        return next((task for task in waiting if self.may_start(task)), None)
