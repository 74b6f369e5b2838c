# SPDX-License-Identifier: GPL-2.0-only
"""What a command is to the device server, and what it asks of reservations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from iscsi.scsi.reservation_conflicts import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.scsi.layout import Layout
    from iscsi.scsi.sense import AdditionalSense
    from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Task
    from reftarget.scsi.unit import LogicalUnit

    Handler = Callable[[LogicalUnit, Task], Outcome | DataOutNeeded]


__all__ = ["Access", "Command", "ReservationHost", "Reservations", "always"]


def always(_unit: LogicalUnit) -> bool:
    """Say that every logical unit has the command."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the device server's table."""

    layout: Layout
    handler: Handler
    access: Access
    unsupported: tuple[str, ...] = ()
    """Fields that must be zero because their feature is not offered."""
    ignored: tuple[str, ...] = ("group_number",)
    """Fields that may have any value and have no effect."""
    needs_medium: bool = True
    clears_attention: bool = True
    """False for those that leave unit attentions pending (SAM-5 section 5.14)."""
    is_offered: Callable[[LogicalUnit], bool] = always
    """Whether a logical unit has the command at all."""
    length: int = field(init=False)
    """Bytes of its CDB."""
    usage: int = field(init=False)
    """CDB USAGE DATA as an integer: ones where the device server looks."""
    forbidden: int = field(init=False)
    """Ones where a CDB must have zeros."""

    def __post_init__(self) -> None:
        layout = self.layout
        silent = {"control", *self.unsupported, *self.ignored}
        known = layout.structure.mask(
            *(name for name in layout.structure.fields if name not in silent)
        )
        known |= 0xFF << 8 * (layout.length - 1)
        # Of CONTROL, NACA.
        known |= layout.structure.mask("control") // 0xFF * 0x04
        free = layout.structure.mask(
            *(name for name in self.ignored if name in layout.structure.fields)
        )
        object.__setattr__(self, "length", layout.length)
        object.__setattr__(self, "usage", known)
        object.__setattr__(
            self, "forbidden", ~(known | free) & (1 << 8 * layout.length) - 1
        )

    @property
    def opcode(self) -> int:
        """OPERATION CODE."""
        return self.layout.opcode

    @property
    def service_action(self) -> int | None:
        """SERVICE ACTION, or None where the opcode alone says it."""
        return self.layout.service_action


class ReservationHost(Protocol):
    """What a logical unit does for its reservation manager."""

    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        """Queue a unit attention for one nexus of this unit."""

    def abort_tasks(self, nexus: Nexus) -> None:
        """Abort the nexus's tasks on this unit, for PREEMPT AND ABORT."""


class Reservations(Protocol):
    """What the device server asks of a unit's reservation manager.

    ReservationManager in reservations.py is the one there is. All of its methods may
    raise CheckCondition.
    """

    @property
    def is_reserved(self) -> bool:
        """Whether any reservation is held; if not, check() is not asked."""

    def check(self, task: Task, command: Command) -> Outcome | None:
        """Return RESERVATION_CONFLICT if the task may not run, None if it may."""

    def allows(self, nexus: Nexus, access: Access) -> bool:
        """Tell whether a nexus's command of this class may run, as a copy would."""

    def handle_in(self, task: Task) -> Outcome:
        """Execute PERSISTENT RESERVE IN, whichever its service action."""

    def handle_out(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute PERSISTENT RESERVE OUT, whichever its service action."""

    def reserve_6(self, task: Task) -> Outcome:
        """Execute RESERVE (6)."""

    def release_6(self, task: Task) -> Outcome:
        """Execute RELEASE (6)."""

    def reserve_10(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute RESERVE (10)."""

    def release_10(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute RELEASE (10)."""

    def nexus_lost(self, nexus: Nexus) -> None:
        """End what does not outlive the nexus: RESERVE of SPC-2."""

    def logical_unit_reset(self) -> None:
        """End what does not outlive a reset: RESERVE of SPC-2."""
