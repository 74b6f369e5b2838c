# SPDX-License-Identifier: GPL-2.0-only
"""Detects answers on another connection than their request (section 4.2.5.1).

No answer on one connection does not mean that none came on another.
"""

from collections.abc import Collection

from initiator.connection import TASK_TAG, Connection
from initiator.transcript import Direction, Entry, Transcript
from iscsi.constants import RESERVED_TAG


def misdirected_connection(
    tag: int, connections: Collection[Connection], transcript: Transcript
) -> Connection | None:
    """Return the connection of an answer, if it is not the request's.

    Args:
        tag: the Initiator Task Tag of both.
        connections: the connections of the session.
        transcript: the transcript.
    """
    if tag == RESERVED_TAG:
        return None
    by_number = {one.number: one for one in connections}
    entries = [
        entry
        for entry in transcript.entries
        if entry.connection in by_number and _is_of(tag, entry)
    ]
    sent = [entry for entry in entries if entry.direction is Direction.SENT]
    if not sent:
        # The task's connection has ended, so any other one may carry its answer.
        return None
    for entry in entries:
        is_elsewhere = entry.connection != sent[-1].connection
        if entry.direction is Direction.RECEIVED and is_elsewhere:
            return by_number[entry.connection]
    others = [one for one in connections if one.number != sent[-1].connection]
    return next((one for one in others if one.arrived_tag() == tag), None)


def _is_of(tag: int, entry: Entry) -> bool:
    if entry.frame is None:
        return False
    return int.from_bytes(entry.frame.header[TASK_TAG], "big") == tag
