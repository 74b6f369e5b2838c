# SPDX-License-Identifier: GPL-2.0-only
"""Connections that are lost (RFC 7143 sections 7.5, 7.6, 7.14, 8.2 and 11.14.5)."""

import pytest

from initiator.expect import check, expect_data, expect_drop, expect_good
from initiator.impair import send_part
from initiator.session import Session
from iscsi.constants import AsyncEvent, LogoutReason, LogoutResponseCode
from iscsi.pdu import R2T, AsyncMessage, DataIn, NOPOut
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.connections import (
    cut,
    expect_cleared,
    expect_continuation,
    lose_connection_with_write,
    resume,
    senses_until_good,
    wait_cleared,
    wait_receiving,
)
from suites.support.data import KIB, pattern, read, write
from suites.support.pages import longest_transfer
from suites.support.sessions import expect_served, stall_write

MULTI = pytest.mark.needs("multi-connection")
RESETS = pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "rst"])

_SOLICITED = {"ImmediateData": "No", "InitialR2T": "Yes"}
_PAIR = {
    **_SOLICITED,
    "MaxConnections": "2",
    "DefaultTime2Wait": "0",
    "DefaultTime2Retain": "20",
}


@pytest.fixture
def pair(open_session: OpenSession) -> Session:
    """A session with two connections, CID 1 and 2."""
    session = open_session(_PAIR)
    session.add_connection(cid=2)
    return session


@pytest.fixture
def single(open_session: OpenSession) -> Session:
    """A session with one connection whose state is kept when it is lost."""
    session = open_session(
        {
            **_SOLICITED,
            "ErrorRecoveryLevel": "0",
            "DefaultTime2Wait": "0",
            "DefaultTime2Retain": "20",
        }
    )
    if not session.parameters.default_time2retain:
        pytest.skip("not applicable: the target keeps no state of lost connections")
    return session


@MULTI
@RESETS
@pytest.mark.requirement("RFC7143-8.1.2-i10", "RFC7143-7.14-03")
def test_the_session_outlives_a_connection(pair: Session, *, with_reset: bool) -> None:
    """The target continues a session on the connections that remain."""
    cut(pair, pair.links[1], with_reset=with_reset)

    expect_served(pair, "the session over the connection that is left")


@MULTI
@RESETS
@pytest.mark.requirement("RFC7143-7.1.4.3-06")
def test_the_loss_of_a_connection_is_reported(
    pair: Session, *, with_reset: bool
) -> None:
    """The target reports a dropped connection by an Async Message on another one."""
    cut(pair, pair.links[2], with_reset=with_reset)

    message = pair.expect(AsyncMessage, timeout=1.0)

    check(message.async_event == AsyncEvent.CONNECTION_DROP, "AsyncEvent 2", message)
    check(message.parameter1 == 2, "Parameter1 is the CID 2", message)


@MULTI
@RESETS
@pytest.mark.requirement(
    "RFC7143-8.2-i01", "RFC7143-11.14-i02", "RFC7143-7.5-i01", "RFC7143-7.5.1-i01"
)
def test_a_lost_connection_is_logged_out_over_another(
    pair: Session, *, with_reset: bool
) -> None:
    """The target accepts a lost connection's logout on another one in Time2Retain."""
    cut(pair, pair.links[2], with_reset=with_reset)
    wait_receiving(pair)

    answer = pair.logout(LogoutReason.CLOSE_CONNECTION, cid=2)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    expect_served(pair, "the connection that sent the logout")


@MULTI
@pytest.mark.requirement("RFC7143-8.2-i01", "RFC7143-11.15.1-i01")
def test_a_connection_is_logged_out_only_once(pair: Session) -> None:
    """The target does not find a lost connection that was logged out already."""
    cut(pair, pair.links[2], with_reset=False)
    pair.logout(LogoutReason.CLOSE_CONNECTION, cid=2)

    answer = pair.logout(LogoutReason.CLOSE_CONNECTION, cid=2)

    check(
        answer.response == LogoutResponseCode.CID_NOT_FOUND,
        "response 1",
        answer,
        requirement="RFC7143-11.15.1-i01",
    )


@MULTI
@RESETS
@pytest.mark.requirement("RFC7143-11.14.5-01", "RFC7143-7.6-i01")
def test_tasks_end_with_the_logout_of_their_lost_connection(
    pair: Session, scratch_disk: Disk, *, with_reset: bool
) -> None:
    """A close-connection logout ends the tasks of a lost connection: 47h/7Fh."""
    lose_connection_with_write(pair, scratch_disk, cid=2, with_reset=with_reset)

    pair.logout(LogoutReason.CLOSE_CONNECTION, cid=2)

    expect_cleared(pair)


@MULTI
@pytest.mark.requirement(
    "RFC7143-8.2-i04", "RFC7143-11.14.5-01", "RFC7143-7.6-i01", "RFC7143-7.5.1-i01"
)
def test_tasks_end_with_the_state_of_their_connection(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """After Time2Wait and Time2Retain a lost connection's tasks end."""
    session = open_session({**_PAIR, "DefaultTime2Retain": "0"})
    session.add_connection(cid=2)

    lose_connection_with_write(session, scratch_disk, cid=2, with_reset=True)

    wait_cleared(session)


@RESETS
@pytest.mark.requirement(
    "RFC7143-8.3.2-i02", "RFC7143-8.3.2-i03", "RFC7143-8.2-i02", "RFC7143-7.5-i01"
)
def test_a_failed_session_is_continued(
    single: Session, open_session: OpenSession, *, with_reset: bool
) -> None:
    """The target continues a failed session when its only connection is reinstated."""
    bystander = open_session()
    cmd_sn = single.cmd_sn
    cut(single, single.leading, with_reset=with_reset)
    wait_receiving(bystander)

    response = resume(single)

    expect_continuation(response, cmd_sn)
    expect_good(single.execute(cdb.test_unit_ready()))


@RESETS
@pytest.mark.requirement("RFC7143-11.14.5-01", "RFC7143-6.3.4-i01", "RFC7143-11.14-i03")
def test_tasks_end_when_their_connection_is_reinstated(
    single: Session, scratch_disk: Disk, *, with_reset: bool
) -> None:
    """Reinstating a lost connection below level 2 ends its tasks: 47h/7Fh."""
    stall_write(single, scratch_disk)
    cut(single, single.leading, with_reset=with_reset)

    resume(single)

    expect_cleared(single)


@RESETS
@pytest.mark.requirement("RFC7143-6.3.4-i01")
def test_a_write_without_its_connection_is_not_executed(
    single: Session, scratch_disk: Disk, *, with_reset: bool
) -> None:
    """A write that loses its connection halfway changes no block of the other half."""
    before = pattern(scratch_disk, 8 * KIB, seed=0x100)
    write(single, scratch_disk, before)
    half = pattern(scratch_disk, 4 * KIB, seed=0x200)
    task = single.start(
        cdb.write_10(lba=0, blocks=len(half) // scratch_disk.block_size), write=half
    )
    single.answer_r2t(task, single.expect(R2T, of=task.command), final=0)
    cut(single, single.leading, with_reset=with_reset)

    resume(single)
    senses_until_good(single)

    read_back = read(single, scratch_disk, len(before)).data
    expect_data(read_back[len(half) :], before[len(half) :], what="the blocks beyond")


@RESETS
@pytest.mark.requirement("RFC7143-8.1.2-i10", "RFC7143-8.3.2-i03")
def test_a_connection_is_lost_within_a_read(
    single: Session, disk: Disk, *, with_reset: bool
) -> None:
    """The target reinstates a connection that was lost while read data was sent."""
    blocks = min(4096 * KIB, longest_transfer(single, disk)) // disk.block_size
    length = blocks * disk.block_size
    single.start(cdb.read_10(lba=0, blocks=blocks), read=length)
    single.expect(DataIn)
    cut(single, single.leading, with_reset=with_reset)

    resume(single)

    senses_until_good(single)
    read(single, disk, 4 * KIB)


@RESETS
@pytest.mark.requirement("RFC7143-8.1.2-i10", "RFC7143-8.3.2-i03")
@pytest.mark.parametrize("length", [1, 20, 47, 48, 60])
def test_a_connection_is_lost_within_a_pdu(
    single: Session, length: int, *, with_reset: bool
) -> None:
    """The target discards a PDU whose connection was lost in the middle of it."""
    cmd_sn = single.cmd_sn
    send_part(single, NOPOut(data=bytes(100)), length)
    cut(single, single.leading, with_reset=with_reset)

    response = resume(single)

    assert length in [len(entry.wire) for entry in single.transcript.entries]
    expect_continuation(response, cmd_sn)


@pytest.mark.requirement("RFC7143-7.1.4.3-05", "RFC7143-7.14-04")
def test_a_half_close_ends_the_connection(single: Session) -> None:
    """The target closes a connection on which the initiator has sent FIN."""
    single.connection.shutdown_write()

    expect_drop(single.connection)
