# SPDX-License-Identifier: GPL-2.0-only
"""The results of EXTENDED COPY commands that RECEIVE COPY RESULTS returns."""

from collections.abc import Callable
from dataclasses import dataclass

from iscsi.scsi.copy_results import CopyStatus
from reftarget.scsi.task import Nexus, Steps


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The result of one command, as far as it has come."""

    status: CopyStatus
    sense: bytes = b""
    """Sense data of a copy that failed."""
    is_final: bool = True
    """Whether the copy has ended."""


class CopyResults:
    """The results that one logical unit holds, by nexus and list identifier."""

    __slots__ = ("_held", "_running")

    def __init__(self) -> None:
        self._held: dict[Nexus, dict[int, CopyResult]] = {}
        self._running: dict[tuple[Nexus, int], Callable[[], CopyResult]] = {}

    def is_in_progress(self, nexus: Nexus, list_identifier: int) -> bool:
        """Tell whether a copy with an identifier has not ended yet."""
        return (nexus, list_identifier) in self._running

    def keep_until_done(
        self,
        nexus: Nexus,
        list_identifier: int,
        progress: Callable[[], CopyResult],
        steps: Steps,
    ) -> Steps:
        """Run a copy in steps; `progress` returns its status until it ends."""
        self._running[nexus, list_identifier] = progress
        try:
            return (yield from steps)
        finally:
            del self._running[nexus, list_identifier]

    def hold(self, nexus: Nexus, list_identifier: int, result: CopyResult) -> None:
        """Keep a result in place of the last one of that identifier."""
        self._held.setdefault(nexus, {})[list_identifier] = result

    def discard(self, nexus: Nexus, list_identifier: int) -> None:
        """Forget the result of an identifier that is used again."""
        self._held.get(nexus, {}).pop(list_identifier, None)

    def get(self, nexus: Nexus, list_identifier: int) -> CopyResult | None:
        """Return the result, or None if none is held."""
        running = self._running.get((nexus, list_identifier))
        if running is not None:
            return running()
        return self._held.get(nexus, {}).get(list_identifier)

    def nexus_lost(self, nexus: Nexus) -> None:
        """Forget what was held for a nexus."""
        self._held.pop(nexus, None)

    def clear(self) -> None:
        """Forget everything, as a reset does."""
        self._held.clear()
