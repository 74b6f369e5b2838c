# SPDX-License-Identifier: GPL-2.0-only
"""The echo buffers of a logical unit, one for each nexus."""

from reftarget.scsi.task import Nexus


class EchoBuffers:
    """What WRITE BUFFER has stored, which is lost with the nexus or by a reset."""

    __slots__ = ("_held", "last")

    def __init__(self) -> None:
        self._held: dict[Nexus, bytes] = {}
        self.last: bytes | None = None
        """What any nexus has written last."""

    def write(self, nexus: Nexus, data: bytes) -> None:
        """Store the data of a nexus in place of its former data."""
        self._held[nexus] = self.last = data

    def read(self, nexus: Nexus) -> bytes | None:
        """Return what a nexus has written; None if it has not written."""
        return self._held.get(nexus)

    def nexus_lost(self, nexus: Nexus) -> None:
        """Forget what a nexus has written."""
        self._held.pop(nexus, None)

    def clear(self) -> None:
        """Forget everything, as a reset does."""
        self._held.clear()
        self.last = None
