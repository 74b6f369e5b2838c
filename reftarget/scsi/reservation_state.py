# SPDX-License-Identifier: GPL-2.0-only
"""What a logical unit knows of persistent reservations (SPC-4 section 5.12).

A state is never changed: a service action returns the next one, so that a command
either happens as a whole, once it is on the disk where that was asked for, or not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.reservation_conflicts import Role
from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi.task import Nexus

MAX_REGISTRATIONS = 1024
"""Bounds what peers can make a unit remember."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A persistent reservation of the logical unit."""

    type: ReservationType
    holder: Nexus | None
    """None for the types that every registrant holds."""


@dataclass(frozen=True, slots=True)
class State:
    """Registrations and the reservation, between two commands."""

    registrations: Mapping[Nexus, int] = field(default_factory=dict)
    reservation: Reservation | None = None
    generation: int = 0
    """PRGENERATION; zero after a power on, whatever APTPL says."""
    persists_through_power_loss: bool = False
    """APTPL of the last registration."""

    def role(self, nexus: Nexus) -> Role:
        """Return what a nexus is to the reservation that there is."""
        if nexus not in self.registrations:
            return Role.STRANGER
        if self.is_holder(nexus):
            return Role.HOLDER
        return Role.REGISTRANT

    def is_holder(self, nexus: Nexus) -> bool:
        """Tell whether the nexus holds the reservation, alone or with others."""
        if self.reservation is None or nexus not in self.registrations:
            return False
        return self.reservation.holder in {None, nexus}

    def others(self, nexus: Nexus) -> list[Nexus]:
        """Return every registered nexus but this one."""
        return [each for each in self.registrations if each != nexus]

    def with_keys(self, keys: Mapping[Nexus, int]) -> "State":
        """Return the state with these registered, as new ones or with another key."""
        return replace(self, registrations={**self.registrations, **keys})

    def without(self, removed: Iterable[Nexus]) -> "State":
        """Return the state without these registrations.

        The reservation goes with its holder, or with the last of many holders.
        """
        removed_nexuses = set(removed)
        remaining = {
            nexus: key
            for nexus, key in self.registrations.items()
            if nexus not in removed_nexuses
        }
        reservation = self.reservation
        if reservation is not None and (
            not remaining
            if reservation.holder is None
            else reservation.holder in removed_nexuses
        ):
            reservation = None
        return replace(self, registrations=remaining, reservation=reservation)

    def next_generation(self) -> "State":
        """Return the state with PRGENERATION counted up; it wraps."""
        return replace(self, generation=(self.generation + 1) % 2**32)


Attentions = tuple[tuple[Nexus, AdditionalSense], ...]
"""Whom to tell, and what."""


@dataclass(frozen=True, slots=True)
class Change:
    """The result of a service action."""

    state: State
    attentions: Attentions = ()
    aborted: tuple[Nexus, ...] = ()
    """Whose tasks PREEMPT AND ABORT aborts."""


def attentions_for(nexuses: Iterable[Nexus], additional: AdditionalSense) -> Attentions:
    """Return the same unit attention for several nexuses."""
    return tuple((nexus, additional) for nexus in nexuses)
