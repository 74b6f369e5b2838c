# SPDX-License-Identifier: GPL-2.0-only
"""Logout (RFC 7143 sections 11.14 and 11.15)."""

import pytest

from initiator.expect import check, expect_drop, expect_reject_or_drop
from initiator.session import Session
from iscsi.constants import LogoutReason, LogoutResponseCode
from iscsi.pdu import LogoutRequest, LogoutResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession

ENDS = [LogoutReason.CLOSE_SESSION, LogoutReason.CLOSE_CONNECTION]


@pytest.mark.requirement("RFC7143-8.1.2-i07", "RFC7143-11.14-i01")
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
    """A Logout Request that is not immediate is served like an immediate one."""
    answer = session.logout(immediate=0)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_drop(session.connection)


@pytest.mark.requirement("RFC7143-11.15.1-i01")
@pytest.mark.parametrize(
    "reason", [LogoutReason.CLOSE_CONNECTION], ids=["close-connection"]
)
def test_unknown_connection_is_not_found(
    session: Session, reason: LogoutReason
) -> None:
    """A logout of a CID that the session does not have gets response 1."""
    answer = session.logout(reason, cid=0x4321)

    assert session.transcript.sent()[-1].cid == 0x4321
    check(answer.response == LogoutResponseCode.CID_NOT_FOUND, "response 1", answer)


@pytest.mark.requirement("RFC7143-11.15.2-01")
def test_logout_response_is_a_header_alone(session: Session) -> None:
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


@pytest.mark.requirement("RFC7143-11.14-05")
def test_logout_ends_a_write_that_waits_for_data(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A task that waits for data ends with its session, unanswered."""
    session = open_session({"ImmediateData": "No", "InitialR2T": "Yes"})
    data = bytes(scratch_disk.block_size)
    task = session.start(cdb.write_10(lba=0, blocks=1), write=data)
    session.route()

    session.logout()

    late = [
        pdu
        for pdu in session.transcript.received()
        if getattr(pdu, "initiator_task_tag", None) == task.initiator_task_tag
        and type(pdu).__name__ == "SCSIResponse"
    ]
    check(not late, "no response to the command", late)


@pytest.mark.requirement("RFC7143-8.3.2-i05")
def test_a_session_can_be_opened_again(open_session: OpenSession) -> None:
    """After a logout the same initiator port can log in again."""
    first = open_session()
    first.logout()

    again = open_session(isid=first.options.isid)

    check(again.execute(cdb.test_unit_ready()).is_good, "GOOD", "not")


@pytest.mark.requirement("RFC7143-11.14-05")
def test_requests_after_a_logout_are_not_served(session: Session) -> None:
    """Nothing is served on a connection that has been logged out."""
    session.logout()

    expect_drop(session.connection)

    answers = [
        pdu for pdu in session.transcript.received() if isinstance(pdu, LogoutResponse)
    ]
    check(len(answers) == 1, "one Logout Response", f"{len(answers)}")
