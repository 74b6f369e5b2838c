# SPDX-License-Identifier: GPL-2.0-only
"""Unit attention conditions: one queue for each nexus (SAM-5 section 5.14)."""

from collections.abc import Iterator, Sequence

from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi.task import Nexus

_RESET_CLASS = 0x29
_REMEMBERED_NEXUSES = 1024


FIRST = (AdditionalSense.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED,)


class Attentions:
    """The unit attentions of one logical unit.

    A new nexus gets the attention of power on. Lost nexuses are
    remembered, oldest forgotten first, so that they hear of their loss.
    """

    __slots__ = ("_first", "_lost", "_queues")

    def __init__(self, first: Sequence[AdditionalSense] = FIRST) -> None:
        """Begin without a nexus.

        Args:
            first: the attention of a new nexus.
        """
        self._first = first
        self._queues: dict[Nexus, list[AdditionalSense]] = {}
        self._lost: dict[Nexus, None] = {}

    def __iter__(self) -> Iterator[Nexus]:
        """Iterate over the nexuses that are known."""
        return iter(tuple(self._queues))

    def pending(self, nexus: Nexus) -> list[AdditionalSense]:
        """Return the nexus's queue; the first entry is reported first."""
        queue = self._queues.get(nexus)
        if queue is None:
            queue = list(self._first)
            self._queues[nexus] = queue
        elif self._lost:
            self._lost.pop(nexus, None)
        return queue

    def establish(self, nexus: Nexus, additional: AdditionalSense) -> None:
        """Queue a unit attention for one nexus.

        One of the reset class replaces the others, whose causes the reset has removed
        (SAM-5 table 46).
        """
        queue = self._queues.get(nexus)
        if queue is None:
            return  # the pending power-on condition covers this one
        if additional.asc == _RESET_CLASS:
            if not queue or queue[0].asc != _RESET_CLASS or additional.ascq < 7:
                queue[:] = [additional]
        elif additional not in queue:
            queue.append(additional)

    def establish_for_all(
        self, additional: AdditionalSense, *, but: Nexus | None = None
    ) -> None:
        """Queue a unit attention for every nexus, or every other nexus."""
        for nexus in self._queues:
            if nexus != but:
                self.establish(nexus, additional)

    def withdraw(self, nexus: Nexus, additional: AdditionalSense) -> None:
        """Take a unit attention back from a nexus that knows of it by now."""
        queue = self._queues.get(nexus, [])
        queue[:] = [one for one in queue if one is not additional]

    def nexus_lost(self, nexus: Nexus) -> None:
        """Queue the loss, to be reported when the nexus returns."""
        if nexus not in self._queues:
            return
        self.establish(nexus, AdditionalSense.I_T_NEXUS_LOSS_OCCURRED)
        self._lost[nexus] = None
        if len(self._lost) > _REMEMBERED_NEXUSES:
            oldest = next(iter(self._lost))
            del self._lost[oldest]
            del self._queues[oldest]
