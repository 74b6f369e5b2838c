# SPDX-License-Identifier: GPL-2.0-only
"""Logout (RFC 7143 sections 11.14 and 11.15)."""

import pytest

from initiator.expect import (
    check,
    clause,
    expect_drop,
    expect_good,
    expect_reject_or_drop,
)
from initiator.session import Session
from iscsi.constants import LogoutReason, LogoutResponseCode
from iscsi.pdu import LogoutRequest, LogoutResponse, NOPIn, NOPOut
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import pattern, read, write
from suites.support.numbering import skip_without_room
from suites.support.sessions import answers, expect_gone, expect_served, stall_write

ENDS = [LogoutReason.CLOSE_SESSION, LogoutReason.CLOSE_CONNECTION]


@pytest.mark.requirement("RFC7143-11.14-i01", "RFC7143-8.1.2-i07")
@pytest.mark.parametrize("reason", ENDS, ids=lambda reason: reason.name.lower())
def test_logout_is_answered_and_then_closed(
    session: Session, reason: LogoutReason
) -> None:
    """The target answers a Logout Request and then closes the connection."""
    answer = session.logout(reason)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(session.connection)


@pytest.mark.requirement("RFC7143-8.1.2-i07")
def test_logout_may_wait_its_turn(session: Session) -> None:
    """The target serves a Logout Request that is not immediate."""
    answer = session.logout(immediate=0)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(session.connection)


@pytest.mark.requirement("RFC7143-11.15.1-i01", "RFC7143-8.1.2-i09")
@pytest.mark.parametrize("reason", [LogoutReason.CLOSE_CONNECTION], ids=["close"])
def test_unknown_connection_is_not_found(
    session: Session, reason: LogoutReason
) -> None:
    """The target answers a logout of an unknown CID with response 1."""
    answer = session.logout(reason, cid=0x4321)

    assert session.transcript.sent()[-1].cid == 0x4321
    check(answer.response == LogoutResponseCode.CID_NOT_FOUND, "response 1", answer)


@pytest.mark.requirement("RFC7143-11.15.1-i01")
def test_unknown_connection_leaves_the_others(session: Session) -> None:
    """A logout of an unknown CID closes no connection."""
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, cid=0x4321)

    check(answer.response == LogoutResponseCode.CID_NOT_FOUND, "response 1", answer)
    expect_served(session, "the connection that sent the logout")


@pytest.mark.requirement("RFC7143-11.15.1-i02")
def test_recovery_needs_its_level(open_session: OpenSession) -> None:
    """The target answers a recovery logout below level 2 with response 2."""
    session = open_session({"ErrorRecoveryLevel": "0"})

    answer = session.logout(LogoutReason.REMOVE_FOR_RECOVERY)

    check(
        answer.response == LogoutResponseCode.RECOVERY_NOT_SUPPORTED,
        "response 2",
        answer,
    )


@pytest.mark.requirement("RFC7143-11.14-i01")
@pytest.mark.parametrize("cid", [0, 0x4321, 0xFFFF], ids=hex)
def test_closing_the_session_needs_no_cid(session: Session, cid: int) -> None:
    """The target ignores the CID of a logout that closes the session."""
    answer = session.logout(LogoutReason.CLOSE_SESSION, cid=cid)

    assert session.transcript.sent()[-1].cid == cid
    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(session.connection)


@pytest.mark.requirement("RFC7143-4.2.2.1-08", "RFC7143-8.1.2-i07")
def test_logout_waits_for_earlier_commands(session: Session) -> None:
    """The target serves a non-immediate logout after the commands before it."""
    skip_without_room(session, 2)
    missing = session.numbers.take()
    request = session.send(
        LogoutRequest(
            immediate=0, reason=LogoutReason.CLOSE_SESSION, cid=session.leading.cid
        )
    )
    session.expect_silence(after=request)

    ping = session.send(NOPOut(cmd_sn=missing))

    session.expect(NOPIn, of=ping)
    with clause("RFC7143-8.1.2-i07"):
        session.expect(LogoutResponse, of=request)
        expect_drop(session.connection)


@pytest.mark.requirement("RFC7143-11.15.2-01")
def test_logout_response_has_only_a_header(session: Session) -> None:
    """A Logout Response has neither additional headers nor data."""
    answer = session.logout()

    lengths = (answer.total_ahs_length, answer.data_segment_length)
    check(lengths == (0, 0), "both lengths 0", answer)


@pytest.mark.requirement("RFC7143-11.14.1-i01")
@pytest.mark.parametrize("reason", [3, 64, 127])
def test_reserved_reason_is_refused(session: Session, reason: int) -> None:
    """The target refuses a Logout Request with a reserved reason."""
    bad = session.send(LogoutRequest(reason=reason, cid=session.leading.cid))

    assert session.transcript.sent()[-1].reason == reason
    expect_reject_or_drop(session.connection, of=bad)


@pytest.mark.requirement("RFC7143-11.14-05", "RFC7143-11.14-04", "RFC7143-E.1-i01")
@pytest.mark.parametrize("reason", ENDS, ids=lambda reason: reason.name.lower())
def test_logout_ends_a_write_that_waits_for_data(
    session: Session, scratch_disk: Disk, reason: LogoutReason
) -> None:
    """A write that waits for data ends with its connection, without a response."""
    task = stall_write(session, scratch_disk)

    answer = session.logout(reason)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(session.connection)
    late = answers(session, task, session.connection)
    check(not late, "no response to the command", late and late[0])


@pytest.mark.requirement("RFC7143-11.14-05")
def test_write_ended_by_a_logout_is_not_carried_out(
    open_session: OpenSession, session: Session, scratch_disk: Disk
) -> None:
    """A WRITE that a logout ends before its data arrives changes nothing."""
    before = pattern(scratch_disk, scratch_disk.block_size, seed=0x10607)
    write(session, scratch_disk, before)
    stall_write(session, scratch_disk)

    session.logout()

    read_back = read(open_session(), scratch_disk, scratch_disk.block_size)
    check(
        read_back.data == before, "the data written before", read_back.data[:16].hex()
    )


@pytest.mark.requirement("RFC7143-8.3.2-i05")
def test_a_session_can_be_opened_again(open_session: OpenSession) -> None:
    """The target accepts a login of the same initiator port after a logout."""
    first = open_session()
    first.logout()

    second = open_session(isid=first.options.isid)

    expect_good(second.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-11.14-05", "RFC7143-8.1.2-i07")
def test_requests_after_a_logout_are_not_served(session: Session) -> None:
    """The target serves no request after the Logout Response."""
    answer = session.logout()

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_gone(session, session.connection)
