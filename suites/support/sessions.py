# SPDX-License-Identifier: GPL-2.0-only
"""Sessions that are joined and reinstated, and the effects on their tasks."""

from contextlib import suppress

from initiator.connection import Connection
from initiator.core import Link
from initiator.expect import ConformanceFailure, check, expect_drop
from initiator.session import Session
from initiator.task import Task
from initiator.transcript import Direction
from iscsi.constants import RESERVED_TAG
from iscsi.errors import ConnectionLost, ISCSIError
from iscsi.pdu import PDU, R2T, LoginResponse, NOPOut
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk

_REPLACED = 1 << 16


def rejoin(session: Session, cid: int) -> LoginResponse:
    """Log a connection in to a session and return the final Login Response.

    If a connection with that CID exists, it is reinstated.
    """
    replaced = session.links.get(cid)
    session.add_connection(cid)
    if replaced is not None:
        # With an invalid CID, the connection stays in the list of those closed at the
        # end.
        session.links[cid | _REPLACED] = replaced
    return next(
        pdu
        for pdu in reversed(session.transcript.received())
        if isinstance(pdu, LoginResponse)
    )


def stall_write(session: Session, disk: Disk) -> Task:
    """Start a WRITE and do not answer its R2T."""
    data = bytes(disk.block_size)
    task = session.start(
        cdb.write_10(lba=0, blocks=1), write=data, immediate_data=0, unsolicited=0
    )
    session.expect(R2T, of=task.command)
    return task


def answers(session: Session, task: Task, connection: Connection) -> list[PDU]:
    """Return the PDUs that came for a task on a connection, without R2Ts."""
    return [
        entry.pdu
        for entry in session.transcript.entries
        if entry.connection == connection.number
        and entry.direction is Direction.RECEIVED
        and entry.pdu is not None
        and not isinstance(entry.pdu, R2T)
        and entry.pdu.initiator_task_tag == task.initiator_task_tag
    ]


def expect_gone(session: Session, before: Connection) -> None:
    """Expect that a connection is closed, at the latest when a PDU is sent on it.

    Raises:
        ConformanceFailure: it is open, or a request on it is answered.
    """
    __tracebackhide__ = True
    position = len(session.transcript)
    with suppress(ConnectionLost):
        before.send(NOPOut(immediate=1, initiator_task_tag=0xDEAD, cmd_sn=1))
    expect_drop(before)
    late_answers = [
        pdu
        for pdu in session.transcript.received(since=position)
        if pdu.initiator_task_tag == 0xDEAD
    ]
    check(
        not late_answers,
        "no answer on the old connection",
        late_answers and late_answers[0],
    )


def acknowledge(session: Session, link: Link) -> None:
    """Acknowledge all status of a connection."""
    session.send(
        NOPOut(
            immediate=1,
            initiator_task_tag=RESERVED_TAG,
            target_transfer_tag=RESERVED_TAG,
        ),
        link,
    )


def expect_served(session: Session, which: str, link: Link | None = None) -> None:
    """Expect that a session is still served.

    In a Discovery session, SendTargets must be answered; in a Normal session TEST UNIT
    READY, with any status.

    Raises:
        ConformanceFailure: it is not.
    """
    __tracebackhide__ = True
    refusal = _refusal_of_service(session, link)
    if refusal is not None:
        actual: object = refusal
        if isinstance(refusal, ConformanceFailure):
            actual = refusal.offending or refusal.actual
        raise ConformanceFailure(f"{which} is served", actual, session.transcript)


def expect_not_served(session: Session, which: str) -> None:
    """Expect that a session has ended (see `expect_served`).

    Raises:
        ConformanceFailure: it is still served.
    """
    __tracebackhide__ = True
    if _refusal_of_service(session) is None:
        answer = session.transcript.received()[-1]
        raise ConformanceFailure(f"{which} is gone", answer, session.transcript)


def _refusal_of_service(
    session: Session, link: Link | None = None
) -> ConformanceFailure | ISCSIError | None:
    try:
        if session.options.is_discovery:
            session.send_targets()
        else:
            session.execute(cdb.test_unit_ready(), link=link)
    except (ConformanceFailure, ISCSIError) as refusal:
        return refusal
    return None
