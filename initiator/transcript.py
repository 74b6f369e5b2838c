# SPDX-License-Identifier: GPL-2.0-only
"""The one record of every PDU sent and received, in order, with timestamps."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from initiator.describe import describe
from iscsi.framing import Frame
from iscsi.pdu import PDU, decode


class Direction(StrEnum):
    """Which way an entry went."""

    SENT = "->"
    RECEIVED = "<-"
    EVENT = "--"


@dataclass(slots=True)
class Entry:
    """One PDU, one run of raw bytes, or one event of a connection."""

    time: float
    """Seconds since the epoch."""
    connection: int
    """The number of the TCP connection, counted from 1 in this transcript."""
    direction: Direction
    wire: bytes = b""
    """What stood on the wire, digests included."""
    frame: Frame | None = None
    """Its segments, or None for raw bytes and events."""
    note: str = ""
    _pdu: PDU | None = None

    @property
    def pdu(self) -> PDU | None:
        """The PDU, decoded when first asked for."""
        if self._pdu is None and self.frame is not None:
            self._pdu = decode(self.frame.header, self.frame.data)
        return self._pdu

    def __str__(self) -> str:
        """One line: time, connection, direction, what it was."""
        stamp = f"{self.time % 1000:10.6f} c{self.connection} {self.direction}"
        what = self.note
        if self.frame is not None:
            assert self.pdu is not None
            what = describe(self.pdu) + (f"  [{self.note}]" if self.note else "")
        elif self.wire:
            shown = self.wire[:32].hex(" ") + (" ..." if len(self.wire) > 32 else "")
            what = f"{len(self.wire)} raw bytes: {shown}" + (
                f"  [{self.note}]" if self.note else ""
            )
        return f"{stamp} {what}"


@dataclass(slots=True)
class Transcript:
    """Everything that passed between this process and one target in one check."""

    entries: list[Entry] = field(default_factory=list)
    connections: dict[int, tuple[tuple[str, int], tuple[str, int]]] = field(
        default_factory=dict
    )
    """The (local, remote) addresses of each connection."""

    def add_connection(self, local: tuple[str, int], remote: tuple[str, int]) -> int:
        """Note a new TCP connection; return its number."""
        number = len(self.connections) + 1
        self.connections[number] = (local, remote)
        return number

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        self.entries.append(entry)

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self.entries)

    def pdus(
        self, direction: Direction | None = None, *, since: int = 0
    ) -> Iterator[PDU]:
        """Yield the PDUs that went one way, or both, from entry `since` on."""
        for entry in self.entries[since:]:
            if direction in (None, entry.direction) and entry.pdu is not None:
                yield entry.pdu

    def sent(self, since: int = 0) -> list[PDU]:
        """Return the PDUs that left, as they stood on the wire."""
        return list(self.pdus(Direction.SENT, since=since))

    def received(self, since: int = 0) -> list[PDU]:
        """Return the PDUs that came."""
        return list(self.pdus(Direction.RECEIVED, since=since))

    def render(self, last: int | None = None) -> str:
        """Return the entries, or the last few, one a line."""
        shown = self.entries if last is None else self.entries[-last:]
        lines = [str(entry) for entry in shown]
        if len(shown) < len(self.entries):
            lines.insert(0, f"... {len(self.entries) - len(shown)} earlier entries")
        return "\n".join(lines)
