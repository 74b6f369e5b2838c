# SPDX-License-Identifier: GPL-2.0-only
"""What is left of EXTENDED COPY commands for RECEIVE COPY RESULTS to fetch."""

from dataclasses import dataclass

from iscsi.scsi.copy_results import CopyStatus
from reftarget.scsi.task import Nexus


@dataclass(frozen=True, slots=True)
class CopyResult:
    """One command's end."""

    status: CopyStatus
    sense: bytes = b""
    """Sense data of a copy that failed."""


class CopyResults:
    """The results that one logical unit holds, by nexus and list identifier."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Nexus, dict[int, CopyResult]] = {}

    def hold(self, nexus: Nexus, list_identifier: int, result: CopyResult) -> None:
        """Keep a result in place of the last one of that identifier."""
        self._held.setdefault(nexus, {})[list_identifier] = result

    def discard(self, nexus: Nexus, list_identifier: int) -> None:
        """Forget the result of an identifier that is used anew."""
        self._held.get(nexus, {}).pop(list_identifier, None)

    def get(self, nexus: Nexus, list_identifier: int) -> CopyResult | None:
        """Return the result, or None if none is held."""
        return self._held.get(nexus, {}).get(list_identifier)

    def nexus_lost(self, nexus: Nexus) -> None:
        """Forget what was held for a nexus."""
        self._held.pop(nexus, None)

    def clear(self) -> None:
        """Forget everything, as a reset does."""
        self._held.clear()
