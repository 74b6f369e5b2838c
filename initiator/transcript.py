# SPDX-License-Identifier: GPL-2.0-only
"""The one record of every PDU sent and received, in order, with timestamps."""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from initiator.describe import describe
from initiator.slips import Slips
from iscsi.framing import Frame
from iscsi.pdu import PDU, decode

MOST_ENTRIES = 32768
MOST_BYTES = 64 << 20
"""The maximum number of entries in a transcript, and of their bytes."""

FIRST_KEPT = 2048
"""The number of entries at its beginning that are always kept."""

PONG = "answer to the target's ping"
"""The note of answers that a session sends by itself."""


class Direction(StrEnum):
    """The direction of an entry."""

    SENT = "->"
    RECEIVED = "<-"
    EVENT = "--"


class Event(StrEnum):
    """The events of a connection other than PDUs."""

    CONNECTED = "connected"
    FIN_SENT = "closed by the initiator"
    RST_SENT = "reset by the initiator"
    HALF_CLOSED = "write side closed by the initiator"
    FIN_RECEIVED = "closed by the target"
    RST_RECEIVED = "reset by the target"
    WITHHELD = "PDU withheld"
    """The initiator numbered a PDU and did not send it."""
    SILENCE = "silence"
    """No PDU came until now, the entry's time, at which a wait ended."""
    SLIP = "slip of the target"
    """The target broke a rule, and the exchange continues (`initiator.slips`)."""


@dataclass(slots=True)
class Entry:
    """One PDU, one run of raw bytes, or one event of a connection."""

    time: float
    """Seconds since the epoch."""
    connection: int
    """The number of the TCP connection, counted from 1 in this transcript."""
    direction: Direction
    raw: bytes = b""
    """The bytes on the wire, if they are not a whole PDU."""
    frame: Frame | None = None
    """The segments and digests of a PDU, or None for raw bytes and events."""
    note: str = ""
    event: Event | None = None
    _pdu: PDU | None = None
    _seen: "weakref.ReferenceType[PDU] | None" = None

    @property
    def wire(self) -> bytes:
        """The bytes on the wire, digests included."""
        return self.raw if self.frame is None else self.frame.wire

    @property
    def pdu(self) -> PDU | None:
        """The PDU, decoded when first asked for."""
        if self._pdu is None and self.frame is not None:
            received = None if self._seen is None else self._seen()
            self._pdu = received or decode(self.frame.header, self.frame.data)
        return self._pdu

    def decoded(self) -> PDU:
        """Return the PDU of a frame for its receiver, and remember its identity."""
        assert self.frame is not None
        pdu = decode(self.frame.header, self.frame.data)
        # A weak reference: a flood of PDUs that no one keeps must not fill the memory.
        self._seen = weakref.ref(pdu)
        return pdu

    def is_of(self, pdu: PDU) -> bool:
        """Tell whether a PDU is the object that this entry is about."""
        return pdu is self._pdu or (self._seen is not None and self._seen() is pdu)

    def __str__(self) -> str:
        """One line: time, connection, direction and PDU."""
        stamp = f"{self.time % 1000:10.6f} c{self.connection} {self.direction}"
        note = f"  [{self.note}]" if self.note else ""
        if self.event is not None:
            what = f"{self.event}: {self.note}" if self.note else str(self.event)
        elif (pdu := self.pdu) is not None:
            what = describe(pdu) + note
        elif self.raw:
            octets = self.raw[:32].hex(" ") + (" ..." if len(self.raw) > 32 else "")
            what = f"{len(self.raw)} raw bytes: {octets}{note}"
        else:
            what = self.note
        return f"{stamp} {what}"


@dataclass(slots=True)
class Transcript:
    """All PDUs and events between this process and one target in one check.

    It keeps its first `FIRST_KEPT` entries and the latest ones, at most `MOST_ENTRIES`
    and `MOST_BYTES`; those between are counted and dropped. A position in it (`len`,
    `since`) includes the dropped entries.
    """

    entries: list[Entry] = field(default_factory=list)
    connections: dict[int, tuple[tuple[str, int], tuple[str, int]]] = field(
        default_factory=dict
    )
    """The (local, remote) addresses of each connection."""
    left_out: int = 0
    """How many entries after the first `FIRST_KEPT` have been dropped."""
    keeps_proofs: bool = False
    """True if CHAP_R may be shown and written, since the secret is the lab's own."""
    slips: Slips = field(default_factory=Slips)
    """The rules that the target broke, and that were ignored."""
    _bytes: int = 0

    def add_connection(self, local: tuple[str, int], remote: tuple[str, int]) -> int:
        """Record a new TCP connection; return its number."""
        number = len(self.connections) + 1
        self.connections[number] = (local, remote)
        return number

    def add(self, entry: Entry) -> None:
        """Append an entry; drop older ones if there are too many."""
        self.entries.append(entry)
        self._bytes += _size(entry)
        if len(self.entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._leave_out()

    def _leave_out(self) -> None:
        """Drop the older half of the entries after the first ones."""
        count = (len(self.entries) - FIRST_KEPT) // 2
        if count < 1:
            return
        dropped = self.entries[FIRST_KEPT : FIRST_KEPT + count]
        del self.entries[FIRST_KEPT : FIRST_KEPT + count]
        self._bytes -= sum(map(_size, dropped))
        self.left_out += count

    def __len__(self) -> int:
        """Return how many entries there have been."""
        return len(self.entries) + self.left_out

    def since(self, position: int) -> list[Entry]:
        """Return the entries from a position on, except dropped ones."""
        if position > FIRST_KEPT and self.left_out:
            position = max(FIRST_KEPT, position - self.left_out)
        return self.entries[position:]

    def pdus(
        self, direction: Direction | None = None, *, since: int = 0
    ) -> Iterator[PDU]:
        """Yield the PDUs of one direction, or of both, from entry `since` on."""
        for entry in self.since(since):
            if direction in (None, entry.direction) and entry.pdu is not None:
                yield entry.pdu

    def sent(self, since: int = 0) -> list[PDU]:
        """Return the sent PDUs, as they were on the wire.

        Answers to a target's pings are left out, since the session sends them by
        itself.
        """
        return [
            entry.pdu
            for entry in self.since(since)
            if entry.direction is Direction.SENT
            and entry.pdu is not None
            and entry.note != PONG
        ]

    def received(self, since: int = 0) -> list[PDU]:
        """Return the received PDUs."""
        return list(self.pdus(Direction.RECEIVED, since=since))

    def render(self, last: int | None = None) -> str:
        """Return the entries, or the last few, one a line."""
        selected = self.entries if last is None else self.entries[-last:]
        lines = [str(entry) for entry in selected]
        if len(selected) == len(self.entries) > FIRST_KEPT and self.left_out:
            lines.insert(FIRST_KEPT, f"... {self.left_out} entries left out")
        elif len(selected) < len(self.entries):
            lines.insert(0, f"... {len(self) - len(selected)} earlier entries")
        return "\n".join(lines)


def _size(entry: Entry) -> int:
    frame = entry.frame
    if frame is None:
        return len(entry.raw)
    return len(frame.header) + len(frame.data)
