# SPDX-License-Identifier: GPL-2.0-only
"""A failure to take away: what was sent, expected and received, as one file.

What CHAP proves itself with is left out; a replay computes it anew.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from initiator.transcript import Direction, Entry, Transcript
from iscsi import text
from iscsi.digest import DIGEST_LENGTH, digest
from iscsi.errors import DecodeError
from iscsi.pdu import PDU, LoginRequest, decode

FORMAT = "iscsi-assay-bundle-1"
_GZIP = b"\x1f\x8b"
RIGHT = "right"
"""Stands for a digest that matches."""

SENT, RECEIVED, RAW, OPENED = "sent", "received", "raw", "opened"
CLOSED, RESET, HALF_CLOSED, LOST = "closed", "reset", "half closed", "lost"

_EVENTS = (
    ("connected to", OPENED),
    ("closed by the initiator", CLOSED),
    ("reset by the initiator", RESET),
    ("write side closed", HALF_CLOSED),
    ("closed by the target", LOST),
)
_PROOFS = ("CHAP_R",)


class BundleError(Exception):
    """A file that is no bundle; one line that says so."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on a connection."""

    kind: str
    connection: int
    time: float = 0.0
    """Seconds since the first event."""
    header: str = ""
    """In hexadecimal, as the data and the digests are."""
    data: str = ""
    header_digest: str = ""
    """RIGHT, the wrong bytes, or nothing where there is none."""
    data_digest: str = ""
    raw: str = ""
    """Bytes that are no PDU."""

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
    """What the check states."""
    requirements: tuple[dict[str, str], ...] = ()
    """Each with id, level, document, section, text and url."""
    expected: tuple[str, ...] = ()
    actual: str = ""
    target: str = ""
    """The target and its version."""
    target_name: str = ""
    lun: int = 0

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


def read(path: Path) -> Bundle:
    """Read a bundle, compressed by gzip or not.

    Raises:
        BundleError: it is none.
    """
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
        content = json.loads(raw)
    except (EOFError, zlib.error) as error:
        raise BundleError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} is no bundle of this toolkit: {error}") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise BundleError(f"{path} is no bundle of this toolkit, or an older one")
    try:
        events = tuple(Event(**event) for event in content.pop("events"))
        for event in events:
            if event.is_pdu:
                _ = event.pdu
        for name in ("requirements", "expected"):
            content[name] = tuple(content.get(name, ()))
        return Bundle(events, **content)
    except (KeyError, TypeError, ValueError, DecodeError) as error:
        raise BundleError(f"{path} is damaged: {error}") from error


def of_transcript(transcript: Transcript, **facts: Any) -> Bundle:
    """Return a transcript as a bundle, with what is known of the failure."""
    entries = transcript.entries
    start = entries[0].time if entries else 0.0
    return Bundle(tuple(_events(entries, start)), **facts)


def _events(entries: Sequence[Entry], start: float) -> Iterable[Event]:
    for entry in entries:
        at = round(entry.time - start, 6)
        if entry.direction is Direction.EVENT:
            kind = next((kind for words, kind in _EVENTS if words in entry.note), None)
            if kind is not None:
                yield Event(kind, entry.connection, at)
        elif entry.frame is None:
            yield Event(RAW, entry.connection, at, raw=entry.wire.hex())
        else:
            yield _pdu_event(entry, at)


def _pdu_event(entry: Entry, at: float) -> Event:
    frame = entry.frame
    assert frame is not None
    header_digest, data_digest = _digests(entry.wire, frame.header, frame.data)
    kind = SENT if entry.direction is Direction.SENT else RECEIVED
    return Event(
        kind,
        entry.connection,
        at,
        frame.header.hex(),
        _without_proofs(frame.header, frame.data).hex(),
        header_digest,
        data_digest,
    )


def _digests(wire: bytes, header: bytes, data: bytes) -> tuple[str, str]:
    """Return how the digests stand on the wire."""
    rest = wire[len(header) :]
    left = len(rest) - len(data)
    header_bytes = b""
    if left >= 2 * DIGEST_LENGTH or (left and not (data and rest.startswith(data))):
        header_bytes, rest = rest[:DIGEST_LENGTH], rest[DIGEST_LENGTH:]
    return _shown(header_bytes, header), _shown(rest[len(data) :], data)


def _shown(found: bytes, covered: bytes) -> str:
    if not found:
        return ""
    return RIGHT if found == digest([covered]) else found.hex()


def _without_proofs(header: bytes, data: bytes) -> bytes:
    """Return a login's text with zeros for what proves the initiator."""
    pdu = decode(header, data)
    if not isinstance(pdu, LoginRequest):
        return data
    try:
        pairs = text.decode(bytes(pdu.data))
    except DecodeError:
        return data
    for name, value in pairs:
        if name in _PROOFS:
            data = data.replace(value.encode(), b"0" * len(value))
    return data
