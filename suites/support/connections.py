# SPDX-License-Identifier: GPL-2.0-only
"""Sessions with several connections, and lost connections."""

import time
from contextlib import suppress

import pytest

from initiator.connection import Connection
from initiator.core import Link
from initiator.expect import ConformanceFailure, check, expect_drop, next_or_drop
from initiator.login import LoginExchange, LoginRefused
from initiator.session import Session
from initiator.task import Task
from initiator.transcript import Direction
from iscsi import serial
from iscsi.constants import LoginStatus
from iscsi.errors import PeerTimeout
from iscsi.pdu import PDU, R2T, LoginResponse, Reject, SCSIResponse
from iscsi.scsi import cdb
from iscsi.scsi.sense import Sense
from suites.plugins.sessions import Disk
from suites.support.sessions import rejoin

COMMANDS_CLEARED = (0x47, 0x7F)
"""SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT (RFC 7143 section 11.14.5)."""

NOTICE = 0.3
"""The seconds in which a target detects a lost connection, and would act on it."""

_POLL = 0.02
_MAX_ATTENTIONS = 16
_REASSIGNING = 2

_GRACE = 2.0
"""The seconds by which a target may exceed its own time-out."""


def received_on(session: Session, link: Link) -> list[PDU]:
    """Return the PDUs that came over one connection of a session."""
    return [
        entry.pdu
        for entry in session.transcript.entries
        if entry.connection == link.connection.number
        and entry.direction is Direction.RECEIVED
        and entry.pdu is not None
    ]


def tagged(pdus: list[PDU], itt: int) -> list[PDU]:
    """Return the PDUs with a task's tag."""
    return [pdu for pdu in pdus if getattr(pdu, "initiator_task_tag", None) == itt]


def expect_over(session: Session, link: Link, itt: int) -> list[PDU]:
    """Expect that every PDU for a task came over one connection; return these PDUs.

    Raises:
        ConformanceFailure: one came over another connection, or none at all.
    """
    __tracebackhide__ = True
    strays = [
        pdu
        for other in session.links.values()
        if other is not link
        for pdu in tagged(received_on(session, other), itt)
    ]
    expected = f"every PDU for ITT {itt:#x} over connection {link.connection.number}"
    check(not strays, expected, strays and strays[0], session.transcript)
    answers = tagged(received_on(session, link), itt)
    check(answers, expected, "none came", session.transcript)
    return answers


def cut(session: Session, link: Link, *, with_reset: bool) -> Connection:
    """Close a connection of a session, by RST or by FIN, and return it.

    Another one of the session is then the leading one.
    """
    connection = session.links.pop(link.cid).connection
    if with_reset:
        connection.reset()
    else:
        connection.close()
    return connection


def wait_receiving(session: Session, seconds: float = NOTICE) -> None:
    """Wait, and read the PDUs that the target sends without a request.

    Raises:
        ConnectionLost: the connection of the session is lost, too.
    """
    deadline = time.monotonic() + seconds
    with suppress(PeerTimeout):
        while True:
            session.receive(timeout=max(0.0, deadline - time.monotonic()))


def senses_until_good(session: Session, link: Link | None = None) -> list[Sense]:
    """Send TEST UNIT READY until it is GOOD; return the earlier sense data.

    Raises:
        ConformanceFailure: the status is never GOOD.
    """
    senses: list[Sense] = []
    for _attempt in range(_MAX_ATTENTIONS):
        result = session.execute(cdb.test_unit_ready(), link=link)
        if result.is_good:
            return senses
        if result.sense is not None:
            senses.append(result.sense)
    raise ConformanceFailure(
        "TEST UNIT READY ends with GOOD in the end", result, session.transcript
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


def lose_connection_with_write(
    session: Session, disk: Disk, *, cid: int, with_reset: bool
) -> Task:
    """Close a connection while a WRITE on it waits for its data; return that task.

    The target may not have noticed the loss at once, so the remaining connections are
    pinged once.
    """
    link = session.links[cid]
    task = session.start(
        cdb.write_10(lba=0, blocks=1), write=bytes(disk.block_size), link=link
    )
    session.expect(R2T, of=task.command, link=link)
    cut(session, link, with_reset=with_reset)
    session.ping()
    return task


def wait_cleared(session: Session) -> None:
    """Expect the unit attention of cleared commands after a connection's timeout.

    Raises:
        ConformanceFailure: the unit does not report it.
    """
    __tracebackhide__ = True
    parameters = session.parameters
    seconds = parameters.default_time2wait + parameters.default_time2retain + _GRACE
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # The tasks that will be cleared may fill the whole window.
        if session.numbers.is_open:
            codes = [(sense.asc, sense.ascq) for sense in senses_until_good(session)]
            if COMMANDS_CLEARED in codes:
                return
        wait_receiving(session, _POLL)
    raise ConformanceFailure(
        f"a unit attention with ASC/ASCQ 47h/7Fh within {seconds:g} s",
        "GOOD for each command",
        session.transcript,
    )


def resume(session: Session, cid: int = 1) -> LoginResponse:
    """Log the only connection of a session in again; return the last response.

    Below ErrorRecoveryLevel 2 a target may end the session with the connection (session
    recovery, section 7.1.4.4); the check is then not applicable.

    Raises:
        ConformanceFailure: the target creates another session.
    """
    __tracebackhide__ = True
    try:
        response = rejoin(session, cid)
    except LoginRefused as refusal:
        has_ended = refusal.status == LoginStatus.SESSION_DOES_NOT_EXIST
        if has_ended and session.login.parameters.error_recovery_level < _REASSIGNING:
            pytest.skip("not applicable: the session ends with its only connection")
        raise
    check(
        response.tsih == session.tsih,
        [f"TSIH {session.tsih:#x}", "status 0x020a"],
        response,
        session.transcript,
    )
    return response


def expect_continuation(response: LoginResponse, exp_cmd_sn: int) -> None:
    """Expect that a session's numbers continue on a reinstated connection.

    Section 11.12.8 covers a number beyond that of the login itself.

    Args:
        response: the final Login Response of the connection.
        exp_cmd_sn: the CmdSN of the session, which the login request carried.

    Raises:
        ConformanceFailure: a number differs.
    """
    __tracebackhide__ = True
    is_beyond = serial.less_than(exp_cmd_sn, response.exp_cmd_sn)
    check(
        response.exp_cmd_sn == exp_cmd_sn,
        f"ExpCmdSN {exp_cmd_sn}",
        response,
        requirement="RFC7143-11.12.8-01" if is_beyond else None,
        field="ExpCmdSN",
    )


def expect_all_or_none_dropped(session: Session, first: Link, second: Link) -> None:
    """Expect that a PDU on a connection ends both connections, or neither.

    Raises:
        ConformanceFailure: it ends only the first one.
    """
    __tracebackhide__ = True
    if next_or_drop(first.connection) is None:
        expect_drop(second.connection)
    else:
        session.ping(link=second)


def expect_discarded(session: Session, early: PDU, late: Task) -> None:
    """Expect that a command that waited for an earlier CmdSN has been removed.

    Raises:
        ConformanceFailure: ExpCmdSN passes its number.
    """
    __tracebackhide__ = True
    session.expect(SCSIResponse, of=early)
    pong = session.ping()
    expected = int(late.command.cmd_sn)
    check(pong.exp_cmd_sn == expected, f"ExpCmdSN {expected}", pong, session.transcript)


def expect_login_over(login: LoginExchange) -> None:
    """Expect that a PDU that is not allowed in a login ends it, or is refused.

    Raises:
        ConformanceFailure: a Login Response continued the login.
    """
    __tracebackhide__ = True
    answer = next_or_drop(login.connection)
    is_refusal = isinstance(answer, LoginResponse) and answer.status_class != 0
    check(
        answer is None or isinstance(answer, Reject) or is_refusal,
        ["the connection is dropped", "Reject", "a Login Response that refuses"],
        answer,
        login.connection.transcript,
    )
