# SPDX-License-Identifier: GPL-2.0-only
"""Logout in sessions with several connections (RFC 7143 sections 8, 11.14, 11.15)."""

from contextlib import suppress

import pytest

from initiator.core import Link
from initiator.expect import check, clause, expect_drop, expect_good
from initiator.session import Session
from iscsi.constants import LoginStatus, LogoutReason, LogoutResponseCode, Stage
from iscsi.errors import ConnectionLost
from iscsi.pdu import R2T
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, NewLogin, OpenSession
from suites.support.connections import expect_login_over
from suites.support.login import provoke

pytestmark = pytest.mark.needs("multi-connection")

SECOND_CID = 2


@pytest.fixture
def pair(open_session: OpenSession) -> Session:
    """A session with two connections."""
    session = open_session({"MaxConnections": "2"})
    session.add_connection(SECOND_CID)
    return session


@pytest.fixture
def second(pair: Session) -> Link:
    """The second connection of that session."""
    return pair.links[SECOND_CID]


@pytest.mark.requirement("RFC7143-11.15-01", "RFC7143-8.1.2-i05")
def test_closing_the_session_closes_both(pair: Session, second: Link) -> None:
    """A logout that closes the session closes each of its connections."""
    answer = pair.logout(LogoutReason.CLOSE_SESSION)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(pair.connection)
    expect_drop(second.connection)


@pytest.mark.requirement("RFC7143-11.15-01")
def test_closing_a_connection_leaves_the_other(pair: Session, second: Link) -> None:
    """A logout of a connection on itself closes it and no other."""
    answer = pair.logout(LogoutReason.CLOSE_CONNECTION, link=second)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(second.connection)
    expect_good(pair.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-11.15-01", "RFC7143-8.1.2-i07")
def test_closing_a_connection_from_the_other(pair: Session, second: Link) -> None:
    """A logout of one connection sent on another closes the connection it names."""
    answer = pair.logout(LogoutReason.CLOSE_CONNECTION, cid=second.cid)

    check(
        answer.response == LogoutResponseCode.CLOSED,
        "response 0",
        answer,
        requirement="RFC7143-8.1.2-i07",
    )
    expect_drop(second.connection)
    expect_good(pair.execute(cdb.test_unit_ready()))


@pytest.mark.requirement(
    "RFC7143-11.14-04", "RFC7143-E.1-i03", "RFC7143-11.14.5-01", "RFC7143-11.15-01"
)
def test_logout_ends_the_tasks_of_its_connection(
    pair: Session, second: Link, scratch_disk: Disk
) -> None:
    """A logout ends its connection's tasks; the next command reports that."""
    data = bytes(scratch_disk.block_size)
    task = pair.start(
        cdb.write_10(lba=0, blocks=1),
        write=data,
        immediate_data=0,
        unsolicited=0,
        link=second,
    )
    pair.expect(R2T, of=task.command, link=second)

    pair.logout(LogoutReason.CLOSE_CONNECTION, cid=second.cid)

    with clause("RFC7143-11.15-01"):
        expect_drop(second.connection)
    sense = pair.execute(cdb.test_unit_ready()).sense
    codes = (sense.key, sense.asc, sense.ascq) if sense else None
    check(
        codes == (0x06, 0x47, 0x7F),
        "UNIT ATTENTION 47h/7Fh",
        sense or "GOOD",
        requirement="RFC7143-11.14.5-01",
    )


@pytest.mark.requirement("RFC7143-E.1-i03")
def test_logout_leaves_the_tasks_of_the_other(
    pair: Session, second: Link, scratch_disk: Disk
) -> None:
    """A logout of one connection leaves the tasks of the other running."""
    data = bytes(scratch_disk.block_size)
    task = pair.start(
        cdb.write_10(lba=0, blocks=1), write=data, immediate_data=0, unsolicited=0
    )
    pair.route()

    pair.logout(LogoutReason.CLOSE_CONNECTION, link=second)

    result = pair.finish(task)
    check(result.is_good, "GOOD", result)


@pytest.mark.requirement("RFC7143-8.1.2-i04")
def test_closing_the_session_ends_a_login(
    open_session: OpenSession, new_login: NewLogin
) -> None:
    """A logout that closes the session ends a login that is joining it."""
    session = open_session({"MaxConnections": "2"})
    options = session.options
    login = new_login(isid=options.isid, tsih=session.tsih, cid=SECOND_CID)
    names = [pair for pair in options.names() if pair[0] != "SessionType"]
    response = login.request(names, csg=Stage.OPERATIONAL)
    check(
        response.status == LoginStatus.SUCCESS,
        "status 0x0000",
        response,
        requirement="RFC7143-6.3.1-i04",
    )

    session.logout(LogoutReason.CLOSE_SESSION)

    # The login would succeed if the session could still be joined.
    with suppress(ConnectionLost):
        provoke(login, csg=Stage.OPERATIONAL, nsg=Stage.FULL_FEATURE)
    expect_login_over(login)
