# SPDX-License-Identifier: GPL-2.0-only
"""The auto contingent allegiance (ACA) of a logical unit (SAM-5 section 5.10).

A command with NACA=1 that ends with CHECK CONDITION establishes it for its nexus. Until
it is cleared, one command of that nexus with the ACA attribute is executed at a time,
and older tasks in the task set wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from iscsi.constants import TaskAttribute
from iscsi.scsi.status import SCSIStatus
from reftarget.rules.allegiance import has_naca, preempts_and_aborts
from reftarget.scsi.task import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reftarget.rules import AllegianceRules
    from reftarget.scsi.task import Nexus

ACA_ACTIVE: Final = Outcome(SCSIStatus.ACA_ACTIVE)
BUSY: Final = Outcome(SCSIStatus.BUSY)


class Task(Protocol):
    """The interface of a task."""

    @property
    def nexus(self) -> Nexus:
        """The I_T nexus that it came from."""

    @property
    def cdb(self) -> bytes:
        """Its CDB."""

    @property
    def attribute(self) -> int:
        """Its task attribute."""

    @property
    def is_over(self) -> bool:
        """True once it has ended."""


class Tasks(Protocol):
    """The interface of the task set."""

    def __iter__(self) -> Iterator[Task]:
        """Iterate over the tasks."""

    def start_ready(self) -> None:
        """Start the tasks that need not wait any more."""


class Allegiance:
    """Whether a unit is in ACA, and the tasks that wait for its end.

    Attributes:
        nexus: the faulted I_T nexus, or None.
    """

    __slots__ = ("_rules", "_task_set", "_waiting", "nexus")

    def __init__(self, task_set: Tasks, rules: AllegianceRules) -> None:
        self._task_set = task_set
        self._rules = rules
        self._waiting: list[Callable[[], None]] = []
        self.nexus: Nexus | None = None

    def refuses(self, command: Task) -> Outcome | None:
        """Return the status of a new command that may not be executed now."""
        if self.nexus is None:
            return None
        rules = self._rules
        if command.nexus == self.nexus:
            is_only = not any(
                task.attribute == TaskAttribute.ACA
                for task in self._task_set
                if task is not command
            )
            is_taken = rules.takes_faulted(
                command.attribute == TaskAttribute.ACA, is_only
            )
            return None if is_taken else ACA_ACTIVE
        if rules.takes_others(command.cdb):
            return None
        return ACA_ACTIVE if has_naca(command.cdb) else BUSY

    def holds(self, command: Task, resume: Callable[[], None]) -> bool:
        """Hold a task of the task set until ACA is cleared; return whether it is."""
        if (
            self.nexus is None
            or command.attribute == TaskAttribute.ACA
            or preempts_and_aborts(command.cdb)
            or not self._rules.holds_older
        ):
            return False
        self._waiting.append(lambda: None if command.is_over else resume())
        return True

    def note(self, command: Task) -> bool:
        """Process a CHECK CONDITION; return True if it establishes ACA."""
        nexus = command.nexus
        if self._rules.begins(command.cdb):
            self.nexus = nexus
            return True
        if self.nexus == nexus and command.attribute == TaskAttribute.ACA:
            self.clear()
        return False

    def clear(self) -> None:
        """End ACA; the tasks in the task set continue."""
        if self.nexus is None:
            return
        self.nexus = None
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()
        self._task_set.start_ready()

    def lose(self, nexus: Nexus) -> None:
        """End ACA if its nexus has ended."""
        if self.nexus == nexus:
            self.clear()
