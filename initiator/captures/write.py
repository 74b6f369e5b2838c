# SPDX-License-Identifier: GPL-2.0-only
"""Writes a transcript as a capture file, with the offending PDU marked."""

from collections import defaultdict
from dataclasses import replace

from initiator import transcript as kept
from initiator.proofs import Cleaner, without_proofs
from initiator.transcript import Direction, Entry, Event, Transcript
from iscsi.pcap import Capture
from iscsi.pdu import PDU

_ENDS = {
    Event.FIN_SENT: (True, False),
    Event.HALF_CLOSED: (True, False),
    Event.RST_SENT: (True, True),
    Event.FIN_RECEIVED: (False, False),
    Event.RST_RECEIVED: (False, True),
}
"""Whether the initiator ends a connection, and whether it does so by RST."""


def to_pcapng(
    transcript: Transcript,
    *,
    check: str = "",
    expected: str = "",
    actual: str = "",
    offending: PDU | None = None,
) -> bytes:
    """Return the bytes of a pcapng file with the PDUs of a transcript.

    CHAP_R is zeroed unless the transcript may keep proofs.

    Args:
        transcript: the transcript.
        check: the name of the check, which becomes the file's comment.
        expected: the expected behaviour, which becomes the comment of the wrong PDU, or
            of the last one if no PDU came.
        actual: the actual behaviour, in words.
        offending: the wrong PDU, as it was received.
    """
    capture = Capture(check)
    marked = _marked(transcript, offending) if expected else None
    cleaners: defaultdict[tuple[int, Direction], Cleaner] = defaultdict(Cleaner)
    opened: set[int] = set()
    for position, entry in enumerate(transcript.entries):
        number = entry.connection
        if number not in transcript.connections:
            continue
        if number not in opened:
            opened.add(number)
            capture.open(number, entry.time, *transcript.connections[number])
        if entry.event is not None:
            if entry.event in _ENDS:
                from_near, reset = _ENDS[entry.event]
                capture.close(number, entry.time, from_near=from_near, reset=reset)
            continue
        notes = [entry.note] if entry.note else []
        if entry is marked:
            notes.append(f"expected: {expected}; actual: {actual}")
        if position == kept.FIRST_KEPT and transcript.left_out:
            notes.append(f"{transcript.left_out} PDUs before this one are left out")
        cleaner = cleaners[number, entry.direction]
        capture.data(
            number,
            entry.time,
            entry.wire if transcript.keeps_proofs else _cleaned(entry, cleaner),
            from_near=entry.direction is Direction.SENT,
            comment="; ".join(notes),
        )
    return capture.take()


def _cleaned(entry: Entry, cleaner: Cleaner) -> bytes:
    frame = entry.frame
    if frame is None:
        return without_proofs(entry.raw)
    return replace(frame, data=cleaner.clean(frame.header, frame.data)).wire


def _marked(transcript: Transcript, offending: PDU | None) -> Entry | None:
    """Return the entry of the wrong PDU, or the last one with bytes."""
    entries = [entry for entry in transcript.entries if entry.event is None]
    if offending is not None:
        for entry in reversed(entries):
            if entry.is_of(offending):
                return entry
    return entries[-1] if entries else None
