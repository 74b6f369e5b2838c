# SPDX-License-Identifier: GPL-2.0-only
"""A transcript as a capture file, with what is amiss marked in it."""

from initiator.describe import describe
from initiator.transcript import Direction, Entry, Transcript
from iscsi.pcap import Capture


def to_pcapng(
    transcript: Transcript, *, check: str = "", expected: str = "", actual: str = ""
) -> bytes:
    """Return the bytes of a pcapng file with everything in a transcript.

    Args:
        transcript: the transcript.
        check: the check that it is of: the file's comment.
        expected: what should have come; the PDU that came instead bears it as its
            comment, or the last one where nothing came.
        actual: what came, as `describe` puts a PDU.
    """
    capture = Capture(check)
    marked = _offending(transcript, actual) if expected else None
    opened: set[int] = set()
    for entry in transcript.entries:
        number = entry.connection
        if number not in transcript.connections:
            continue
        if number not in opened:
            opened.add(number)
            capture.open(number, entry.time, *transcript.connections[number])
        if entry.direction is Direction.EVENT:
            if "closed by" in entry.note or "reset by" in entry.note:
                capture.close(
                    number,
                    entry.time,
                    from_near="initiator" in entry.note,
                    reset="reset" in entry.note,
                )
        else:
            notes = [entry.note] if entry.note else []
            if entry is marked:
                notes.append(f"expected: {expected}; actual: {actual}")
            capture.data(
                number,
                entry.time,
                entry.wire,
                from_near=entry.direction is Direction.SENT,
                comment="; ".join(notes),
            )
    return capture.take()


def _offending(transcript: Transcript, actual: str) -> Entry | None:
    """Return the PDU that a check did not expect, or the last one of all."""
    found = [entry for entry in transcript.entries if entry.wire]
    for entry in reversed(found):
        pdu = entry.pdu if entry.direction is Direction.RECEIVED else None
        if pdu is not None and describe(pdu) == actual:
            return entry
    return found[-1] if found else None
