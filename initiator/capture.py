# SPDX-License-Identifier: GPL-2.0-only
"""A transcript as a capture file."""

from initiator.transcript import Direction, Transcript
from iscsi.pcap import Capture


def to_pcapng(transcript: Transcript) -> bytes:
    """Return the bytes of a pcapng file with everything in a transcript."""
    capture = Capture()
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
            capture.data(
                number,
                entry.time,
                entry.wire,
                from_near=entry.direction is Direction.SENT,
                comment=entry.note,
            )
    return capture.take()
