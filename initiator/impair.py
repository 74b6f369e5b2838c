# SPDX-License-Identifier: GPL-2.0-only
"""Sends PDUs as if they were lost, late, corrupted, repeated or cut off."""

import time
from typing import TypeVar

from initiator.core import Link, SessionCore
from initiator.transcript import Direction, Entry, Event
from iscsi.framing import encode
from iscsi.pdu import PDU

P = TypeVar("P", bound=PDU)

_DIGEST_LENGTH = 4


def withhold(session: SessionCore, pdu: P, link: Link | None = None) -> P:
    """Number a PDU without sending it: it is lost, or sent later (see `deliver`)."""
    way = link or session.leading
    session.number(pdu, way)
    session.transcript.add(
        Entry(
            time.time(),
            way.connection.number,
            Direction.EVENT,
            note=type(pdu).__name__,
            event=Event.WITHHELD,
        )
    )
    return pdu


def deliver(session: SessionCore, pdu: P, link: Link | None = None) -> P:
    """Send an already numbered PDU, late or once more, unchanged."""
    (link or session.leading).connection.send(pdu, note="late or repeated")
    return pdu


def corrupt_header_digest(session: SessionCore, pdu: P, link: Link | None = None) -> P:
    """Send a PDU with a header digest that does not match; return it."""
    way = link or session.leading
    session.number(pdu, way)
    wrong = _flipped_digest(way, pdu, of_header=True)
    way.connection.send(pdu, header_digest=wrong, note="header digest corrupted")
    return pdu


def corrupt_data_digest(session: SessionCore, pdu: P, link: Link | None = None) -> P:
    """Send a PDU with a data digest that does not match; return it."""
    way = link or session.leading
    session.number(pdu, way)
    wrong = _flipped_digest(way, pdu, of_header=False)
    way.connection.send(pdu, data_digest=wrong, note="data digest corrupted")
    return pdu


def send_part(session: SessionCore, pdu: P, length: int, link: Link | None = None) -> P:
    """Send only the first bytes of a PDU; return it."""
    way = link or session.leading
    wire = _wire(way, session.number(pdu, way))
    way.connection.send_bytes(
        wire[:length], note=f"{length} of {len(wire)} bytes of {type(pdu).__name__}"
    )
    return pdu


def send_half(session: SessionCore, pdu: P, link: Link | None = None) -> P:
    """Send only the first half of a PDU; return it."""
    way = link or session.leading
    session.number(pdu, way)
    return send_part(session, pdu, len(_wire(way, pdu)) // 2, way)


def _wire(link: Link, pdu: PDU) -> bytes:
    digests = link.connection.digests
    header, data = pdu.segments()
    return encode(header, data, header_digest=digests.header, data_digest=digests.data)


def _flipped_digest(link: Link, pdu: PDU, *, of_header: bool) -> bytes:
    """Return the right digest with one bit flipped."""
    digests = link.connection.digests
    header, data = pdu.segments()
    if of_header:
        wire = encode(header, b"", header_digest=True, data_digest=False)
        right = wire[len(header) :][:_DIGEST_LENGTH]
    else:
        wire = encode(header, data, header_digest=digests.header, data_digest=True)
        right = wire[-_DIGEST_LENGTH:]
    return bytes([right[0] ^ 1, *right[1:]])
