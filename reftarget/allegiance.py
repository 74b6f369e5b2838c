# SPDX-License-Identifier: GPL-2.0-only
"""The auto contingent allegiance (ACA) of a logical unit (SAM-5 section 5.10).

A command with NACA=1 that ends with CHECK CONDITION establishes it for its nexus. Until
it is cleared, that nexus gets one command with the ACA attribute executed at a time,
and what was in the task set before waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.constants import TaskAttribute
from iscsi.scsi.layout import control_of
from iscsi.scsi.status import SCSIStatus
from reftarget.faults.allegiance import AllegianceBend as Bend
from reftarget.scsi.task import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.commands import Command
    from reftarget.scsi.task import Nexus
    from reftarget.taskset import TaskSet

ACA_ACTIVE: Final = Outcome(SCSIStatus.ACA_ACTIVE)
BUSY: Final = Outcome(SCSIStatus.BUSY)

_NACA: Final = 0x04
_PERSISTENT_RESERVE_OUT: Final = 0x5F
_PREEMPT_AND_ABORT: Final = 0x05


def has_naca(cdb: bytes) -> bool:
    """Tell whether a command asks for ACA where it ends with CHECK CONDITION."""
    return bool(control_of(cdb) & _NACA)


def preempts_and_aborts(cdb: bytes) -> bool:
    """Tell whether a command is PERSISTENT RESERVE OUT with PREEMPT AND ABORT."""
    return cdb[0] == _PERSISTENT_RESERVE_OUT and cdb[1] & 0x1F == _PREEMPT_AND_ABORT


class Allegiance:
    """Whether a unit is in ACA, and what waits for its end.

    Attributes:
        nexus: the faulted I_T nexus, or None.
    """

    __slots__ = ("_task_set", "_waiting", "nexus")

    def __init__(self, task_set: TaskSet) -> None:
        self._task_set = task_set
        self._waiting: list[Callable[[], None]] = []
        self.nexus: Nexus | None = None

    def refuses(self, command: Command) -> Outcome | None:
        """Return the status of a new command that may not be executed now."""
        if self.nexus is None:
            return None
        bends = command.session.target.faults.bends
        if command.session.nexus == self.nexus:
            is_first = not any(
                task.attribute == TaskAttribute.ACA
                for task in self._task_set
                if task is not command
            )
            is_due = command.attribute == TaskAttribute.ACA and is_first
            return ACA_ACTIVE if not is_due or bends(Bend.REFUSES_ALL) else None
        if preempts_and_aborts(command.cdb) or bends(Bend.LETS_OTHERS_IN):
            return None
        return ACA_ACTIVE if has_naca(command.cdb) else BUSY

    def holds(self, command: Command, resume: Callable[[], None]) -> bool:
        """Keep a task of the task set back, to go on when ACA is cleared."""
        if (
            self.nexus is None
            or command.attribute == TaskAttribute.ACA
            or preempts_and_aborts(command.cdb)
            or command.session.target.faults.bends(Bend.HOLDS_NOTHING)
        ):
            return False
        self._waiting.append(lambda: None if command.is_over else resume())
        return True

    def note(self, command: Command) -> bool:
        """Take a CHECK CONDITION into account; return True if it establishes ACA."""
        nexus = command.session.nexus
        bends = command.session.target.faults.bends
        if bends(Bend.NEVER_BEGINS):
            return False
        # TEST UNIT READY, opcode 0, is spared: it clears unit attentions.
        is_bent = command.cdb[0] and bends(Bend.BEGINS_UNASKED)
        if has_naca(command.cdb) or is_bent:
            self.nexus = nexus
            return True
        if self.nexus == nexus and command.attribute == TaskAttribute.ACA:
            self.clear()
        return False

    def clear(self) -> None:
        """End ACA; what was in the task set goes on."""
        if self.nexus is None:
            return
        self.nexus = None
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()
        self._task_set.start_ready()

    def lose(self, nexus: Nexus) -> None:
        """End ACA if its nexus is gone."""
        if self.nexus == nexus:
            self.clear()
