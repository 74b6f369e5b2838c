# SPDX-License-Identifier: GPL-2.0-only
"""A failure as one file: the PDUs that were sent, expected and received.

CHAP proofs are left out; a replay computes them.
"""

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from initiator.proofs import Cleaner, without_proofs
from initiator.segments import Cut
from initiator.transcript import Direction, Entry, Transcript
from initiator.transcript import Event as What
from iscsi.digest import digest
from iscsi.errors import DecodeError
from iscsi.framing import Frame
from iscsi.pdu import PDU, decode
from iscsi.printable import line

FORMAT = "iscsi-assay-bundle-1"
_GZIP = b"\x1f\x8b"
RIGHT = "right"
"""Represents a digest that matches."""

SENT, RECEIVED, RAW, OPENED = "sent", "received", "raw", "opened"
CLOSED, RESET, HALF_CLOSED, LOST = "closed", "reset", "half closed", "lost"
KINDS = frozenset({SENT, RECEIVED, RAW, OPENED, CLOSED, RESET, HALF_CLOSED, LOST})

MOST_BYTES = 256 << 20
"""The maximum size of a bundle, unpacked: a whole transcript in hexadecimal needs half
of it."""

_EVENTS: Mapping[What, str] = {
    What.CONNECTED: OPENED,
    What.FIN_SENT: CLOSED,
    What.RST_SENT: RESET,
    What.HALF_CLOSED: HALF_CLOSED,
    What.FIN_RECEIVED: LOST,
    What.RST_RECEIVED: LOST,
}
"""The action of a replay for each kind of event; it ignores timeouts and withheld
PDUs."""


class BundleError(Exception):
    """A file is not a bundle; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event on a connection."""

    kind: str
    connection: int
    time: float = 0.0
    """Seconds since the first event."""
    header: str = ""
    """In hexadecimal, like the data and the digests."""
    data: str = ""
    header_digest: str = ""
    """RIGHT, the wrong bytes, or empty if there is none."""
    data_digest: str = ""
    raw: str = ""
    """Bytes that do not form a PDU."""

    @property
    def pdu(self) -> PDU:
        """The PDU."""
        return decode(bytes.fromhex(self.header), bytes.fromhex(self.data))

    @property
    def is_pdu(self) -> bool:
        """Whether it is a PDU, sent or received."""
        return self.kind in (SENT, RECEIVED)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A failure with all that a replay needs."""

    events: tuple[Event, ...]
    check: str = ""
    rule: str = ""
    """The rule of the check."""
    requirements: tuple[dict[str, str], ...] = ()
    """Each has id, level, document, section, text and url."""
    expected: tuple[str, ...] = ()
    actual: str = ""
    target: str = ""
    """The target and its version."""
    target_name: str = ""
    lun: int = 0
    cut: Cut = Cut.WHOLE
    """How the PDUs were spread over TCP segments."""

    def write(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.encode())

    def encode(self) -> bytes:
        """Return the file's bytes."""
        content = {"format": FORMAT, **asdict(self)}
        content["events"] = [
            {name: value for name, value in event.items() if value != ""}
            for event in content["events"]
        ]
        return (json.dumps(content, indent=1) + "\n").encode()


class _Head(msgspec.Struct):
    """The fields that identify a bundle."""

    format: str = ""


class _OnFile(msgspec.Struct, forbid_unknown_fields=True):
    """The contents of a bundle's file, with the type of each."""

    events: tuple[Event, ...]
    format: str = FORMAT
    check: str = ""
    rule: str = ""
    requirements: tuple[dict[str, str], ...] = ()
    expected: tuple[str, ...] = ()
    actual: str = ""
    target: str = ""
    target_name: str = ""
    lun: int = 0
    cut: Cut = Cut.WHOLE


def read(path: Path) -> Bundle:
    """Read a bundle, compressed by gzip or not, of at most `MOST_BYTES`.

    Raises:
        BundleError: the file is not a bundle, or is damaged.
    """
    raw = _bytes_of(path)
    try:
        head = msgspec.json.decode(raw, type=_Head)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        reason = line(str(error))
        raise BundleError(
            f"{path} is not a bundle of this toolkit: {reason}"
        ) from error
    if head.format != FORMAT:
        raise BundleError(
            f"{path} is not a bundle of this toolkit, or is from an older version"
        )
    try:
        content = msgspec.json.decode(raw, type=_OnFile)
        for event in content.events:
            _check(event)
    except (msgspec.MsgspecError, RecursionError, ValueError, DecodeError) as error:
        raise BundleError(f"{path} is damaged: {line(str(error))}") from error
    facts = msgspec.structs.asdict(content)
    del facts["format"]
    return Bundle(**facts)


def _bytes_of(path: Path) -> bytes:
    """Return a file's bytes, unpacked.

    Raises:
        BundleError: it cannot be read, or is too long.
    """
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
        with (gzip.open if is_packed else open)(path, "rb") as opened:
            raw: bytes = opened.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BundleError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise BundleError(f"{path} holds more than {MOST_BYTES >> 20} MiB")
    return raw


def _check(event: Event) -> None:
    """Refuse an event that a replay cannot use.

    Raises:
        ValueError: its kind or its bytes are invalid.
        DecodeError: its PDU cannot be decoded.
    """
    if event.kind not in KINDS:
        raise ValueError(f"unknown kind of event: {event.kind!r}")
    bytes.fromhex(event.raw)
    for digest_shown in (event.header_digest, event.data_digest):
        bytes.fromhex("" if digest_shown == RIGHT else digest_shown)
    if event.is_pdu:
        _ = event.pdu


def of_transcript(transcript: Transcript, **facts: Any) -> Bundle:
    """Return a transcript as a bundle, with the details of the failure."""
    entries = transcript.entries
    start = entries[0].time if entries else 0.0
    return Bundle(tuple(_events(entries, start)), **facts)


def _events(entries: Sequence[Entry], start: float) -> Iterable[Event]:
    cleaners: defaultdict[tuple[int, Direction], Cleaner] = defaultdict(Cleaner)
    for entry in entries:
        at = round(entry.time - start, 6)
        if entry.event is not None:
            if entry.event in _EVENTS:
                yield Event(_EVENTS[entry.event], entry.connection, at)
        elif entry.frame is None:
            raw = without_proofs(entry.raw)
            yield Event(RAW, entry.connection, at, raw=raw.hex())
        else:
            cleaner = cleaners[entry.connection, entry.direction]
            yield _pdu_event(entry, entry.frame, at, cleaner)


def _pdu_event(entry: Entry, frame: Frame, at: float, cleaner: Cleaner) -> Event:
    return Event(
        SENT if entry.direction is Direction.SENT else RECEIVED,
        entry.connection,
        at,
        frame.header.hex(),
        cleaner.clean(frame.header, frame.data).hex(),
        _shown(frame.header_digest, frame.header),
        _shown(frame.data_digest, frame.data),
    )


def _shown(sent: bytes, covered: bytes) -> str:
    if not sent:
        return ""
    return RIGHT if sent == digest([covered]) else sent.hex()
