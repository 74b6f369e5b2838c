# SPDX-License-Identifier: GPL-2.0-only
"""Sessions with several connections, and connections that are lost."""

from initiator.connection import Connection
from initiator.core import Link
from initiator.describe import describe
from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from initiator.transcript import Direction
from iscsi.pdu import PDU, NOPIn, SCSIResponse
from iscsi.scsi import cdb
from iscsi.scsi.sense import Sense

COMMANDS_CLEARED = (0x47, 0x7F)
"""SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT (RFC 7143 section 11.14.5)."""

_MAX_ATTENTIONS = 16


def came_over(session: Session, link: Link) -> list[PDU]:
    """Return the PDUs that have come over one connection of a session."""
    return [
        entry.pdu
        for entry in session.transcript.entries
        if entry.connection == link.connection.number
        and entry.direction is Direction.RECEIVED
        and entry.pdu is not None
    ]


def tagged(pdus: list[PDU], itt: int) -> list[PDU]:
    """Return the PDUs that bear a task's tag."""
    return [pdu for pdu in pdus if getattr(pdu, "initiator_task_tag", None) == itt]


def expect_over(session: Session, link: Link, itt: int) -> list[PDU]:
    """Expect that every PDU for a task came over one connection; return them.

    Raises:
        ConformanceFailure: one came over another connection, or none at all.
    """
    __tracebackhide__ = True
    strays = [
        pdu
        for other in session.links.values()
        if other is not link
        for pdu in tagged(came_over(session, other), itt)
    ]
    expected = f"every PDU for ITT {itt:#x} over connection {link.connection.number}"
    check(not strays, expected, strays and strays[0], session.transcript)
    found = tagged(came_over(session, link), itt)
    check(found, expected, "none came", session.transcript)
    return found


def cut(session: Session, link: Link, *, with_reset: bool) -> Connection:
    """Lose a connection of a session, by RST or by FIN, and return it.

    Another one of the session is then the leading one.
    """
    lost = session.links.pop(link.cid).connection
    if with_reset:
        lost.reset()
    else:
        lost.close()
    return lost


def senses_until_good(session: Session, link: Link | None = None) -> list[Sense]:
    """Ask TEST UNIT READY until it is GOOD; return the sense data that came before.

    Raises:
        ConformanceFailure: it never is.
    """
    found: list[Sense] = []
    for _attempt in range(_MAX_ATTENTIONS):
        result = session.execute(cdb.test_unit_ready(), link=link)
        if result.is_good:
            return found
        if result.sense is not None:
            found.append(result.sense)
    raise ConformanceFailure(
        "TEST UNIT READY comes to GOOD", str(result), session.transcript
    )


def expect_cleared(session: Session, link: Link | None = None) -> None:
    """Expect the unit attention of commands that a protocol event has cleared.

    Raises:
        ConformanceFailure: the logical unit does not report it.
    """
    __tracebackhide__ = True
    senses = senses_until_good(session, link)
    codes = [(sense.asc, sense.ascq) for sense in senses]
    check(
        COMMANDS_CLEARED in codes,
        "a unit attention with ASC/ASCQ 47h/7Fh",
        [str(sense) for sense in senses] or "GOOD",
        session.transcript,
    )


def expect_no_response(session: Session, link: Link, itt: int) -> None:
    """Expect that a task ends without a response: a ping's answer comes alone.

    Raises:
        ConformanceFailure: a SCSI Response to it came before or after the ping.
    """
    __tracebackhide__ = True
    ping = session.ping(link=link)
    assert isinstance(ping, NOPIn)
    late = [
        pdu
        for pdu in tagged(came_over(session, link), itt)
        if isinstance(pdu, SCSIResponse)
    ]
    actual = describe(late[0]) if late else ""
    check(not late, f"no response for ITT {itt:#x}", actual, session.transcript)
