# SPDX-License-Identifier: GPL-2.0-only
"""The command window (RFC 7143 section 4.2.2.1)."""

import itertools

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi import serial
from iscsi.constants import RejectReason, TMFunction
from iscsi.errors import ConnectionLost, PeerTimeout
from iscsi.pdu import (
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    TaskManagementResponse,
)
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.numbering import (
    fill_all_but_first,
    fill_with_writes,
    reset_with_full_window,
    skip_without_room,
    window_size,
)
from suites.support.traffic import converse


def stray(number: int) -> SCSICommand:
    """Return a command with a number of its own."""
    return SCSICommand(cdb=cdb.test_unit_ready(), cmd_sn=number, final=1)


@pytest.mark.requirement("RFC7143-4.2.2.1-13")
@pytest.mark.parametrize("distance", [-1, -2, -1000, -(2**31 - 1)])
def test_command_below_window_is_ignored(session: Session, distance: int) -> None:
    """The target ignores a command numbered before ExpCmdSN."""
    number = serial.add(session.exp_cmd_sn, distance)

    sent = session.send(stray(number))

    assert session.transcript.sent()[-1].cmd_sn == number
    session.expect_silence(after=sent)
    expect_good(session.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-4.2.2.1-13")
@pytest.mark.parametrize("distance", [1, 2, 1000, 2**30])
def test_command_above_window_is_ignored(session: Session, distance: int) -> None:
    """The target ignores a command numbered beyond MaxCmdSN."""
    number = serial.add(session.max_cmd_sn, distance)

    sent = session.send(stray(number))

    assert session.transcript.sent()[-1].cmd_sn == number
    session.expect_silence(after=sent)
    expect_good(session.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-4.2.2.1-13")
def test_command_is_ignored_while_the_window_is_closed(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target ignores the next command while MaxCmdSN is below its number.

    There is no gap before it, so a target that only checks the order serves it.
    """
    session = open_session({"ImmediateData": "No", "InitialR2T": "Yes"})
    tasks = fill_with_writes(session, scratch_disk)
    cmd_sn = session.cmd_sn
    assert serial.less_than(session.max_cmd_sn, cmd_sn)

    sent = session.send(stray(cmd_sn))

    session.expect_silence(after=sent)
    for task in tasks:
        for r2t in task.unanswered():
            session.answer_r2t(task, r2t)
    for task in tasks:
        expect_good(session.finish(task))
    expect_good(session.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-4.2.2.1-08")
def test_commands_wait_for_the_one_before(session: Session) -> None:
    """The target executes a command that came early when the gap is filled."""
    skip_without_room(session, 2)
    early = session.send(NOPOut(cmd_sn=serial.add(session.cmd_sn, 1), data=b"second"))
    session.expect_silence(after=early)

    late = session.send(NOPOut(data=b"first"))

    answers = [
        session.expect(NOPIn, is_answer=True),
        session.expect(NOPIn, is_answer=True),
    ]
    tags = [answer.initiator_task_tag for answer in answers]
    check(
        tags == [late.initiator_task_tag, early.initiator_task_tag],
        "both answers, in the order of CmdSN",
        f"answers to ITTs {tags}",
    )


@pytest.mark.requirement("RFC7143-4.2.2.1-10")
def test_exp_cmd_sn_stops_at_a_gap(session: Session) -> None:
    """ExpCmdSN stays at a number that has not arrived, whatever arrives after it."""
    skip_without_room(session, 2)
    hole = session.cmd_sn
    session.send(NOPOut(cmd_sn=serial.add(hole, 1)))

    answer = session.ping()

    check(answer.exp_cmd_sn == hole, f"ExpCmdSN {hole}", answer)
    session.send(NOPOut())
    session.expect(NOPIn, is_answer=True)


@pytest.mark.requirement("RFC7143-4.2.2.1-14")
def test_duplicate_inside_the_window_is_ignored(session: Session) -> None:
    """The target ignores a second command with a number that has arrived."""
    skip_without_room(session, 2)
    second = serial.add(session.cmd_sn, 1)
    original = session.send(NOPOut(cmd_sn=second, data=b"original"))
    duplicate = session.send(NOPOut(cmd_sn=second, data=b"duplicate"))

    first = session.send(NOPOut())

    assert [pdu.cmd_sn for pdu in session.transcript.sent()[-3:-1]] == [second] * 2
    tags = [session.expect(NOPIn, is_answer=True).initiator_task_tag for _ in range(2)]
    check(
        tags == [first.initiator_task_tag, original.initiator_task_tag],
        "answers to the two that are expected",
        f"answers to ITTs {tags}",
    )
    session.expect_silence(after=duplicate)


@pytest.mark.requirement("RFC7143-4.2.2.1-i02", "RFC7143-4.2.2.1-11")
@pytest.mark.parametrize("start", [1, 0x7FFFFFF0, 0xFFFFFFFE], ids=hex)
def test_command_with_max_cmd_sn_is_accepted(
    open_session: OpenSession, start: int
) -> None:
    """The target accepts a command with CmdSN = MaxCmdSN, also beyond 2**32 - 1."""
    session = open_session(cmd_sn=start)
    size = window_size(session)
    last = session.send(NOPOut(cmd_sn=session.max_cmd_sn))

    tags = [session.send(NOPOut()).initiator_task_tag for _ in range(size - 1)]

    answers = [
        session.expect(NOPIn, is_answer=True).initiator_task_tag for _ in range(size)
    ]
    check(
        answers == [*tags, last.initiator_task_tag],
        f"answers to all {size}, in order",
        f"answers to {answers}",
    )


@pytest.mark.requirement("RFC7143-4.2.2.1-i02", "RFC7143-4.2.2.1-07")
def test_immediate_requests_are_served_with_a_full_window(session: Session) -> None:
    """The target serves an immediate request while the window is used up."""
    window_size(session)
    missing, waiting = fill_all_but_first(session)

    pong = session.ping(cmd_sn=serial.add(session.max_cmd_sn, 1))

    check(pong.exp_cmd_sn == missing, f"ExpCmdSN {missing}", pong)
    first = session.send(NOPOut(cmd_sn=missing))
    tags = [
        session.expect(NOPIn, is_answer=True).initiator_task_tag
        for _ in [first, *waiting]
    ]
    check(
        tags == [pdu.initiator_task_tag for pdu in [first, *waiting]],
        "answers to all in the window, in order",
        f"answers to ITTs {tags}",
    )


@pytest.mark.requirement("RFC7143-4.2.2.1-12")
def test_max_cmd_sn_is_at_least_exp_cmd_sn_minus_1(session: Session) -> None:
    """MaxCmdSN is never lower than ExpCmdSN - 1."""
    received = converse(session)

    check(
        all(
            serial.distance(serial.add(pdu.exp_cmd_sn, -1), pdu.max_cmd_sn) >= 0
            for pdu in received
        ),
        "MaxCmdSN >= ExpCmdSN - 1 in each PDU",
        [(pdu.exp_cmd_sn, pdu.max_cmd_sn) for pdu in received],
    )


@pytest.mark.requirement("RFC7143-11.4.10-i01")
def test_exp_cmd_sn_never_moves_back(session: Session) -> None:
    """ExpCmdSN never moves backwards."""
    numbers = [int(pdu.exp_cmd_sn) for pdu in converse(session)]

    steps = [serial.distance(a, b) for a, b in itertools.pairwise(numbers)]
    check(min(steps) >= 0, "ExpCmdSN that rises or stays", numbers)


@pytest.mark.requirement("RFC7143-4.2.2.1-18")
def test_a_response_acknowledges_its_command(session: Session) -> None:
    """A response never precedes the acknowledgement of its command."""
    number = session.cmd_sn

    result = session.execute(cdb.test_unit_ready())

    expected = serial.add(number, 1)
    acknowledged = serial.less_or_equal(expected, result.final.exp_cmd_sn)
    check(acknowledged, f"ExpCmdSN {expected} or more", result.final, field="ExpCmdSN")


@pytest.mark.requirement("RFC7143-4.2.2.1-11", "RFC7143-11.12.8-i01")
@pytest.mark.parametrize("start", [0xFFFFFFFD, 0x7FFFFFFE, 0])
def test_numbers_wrap_around(open_session: OpenSession, start: int) -> None:
    """Command numbers continue beyond 2**32 - 1, and beyond 2**31 - 1."""
    session = open_session(cmd_sn=start, clears_unit_attention=False)

    answers = [session.ping(immediate=0) for _ in range(6)]

    check(
        [int(answer.exp_cmd_sn) for answer in answers]
        == [serial.add(int(answers[0].exp_cmd_sn), n) for n in range(6)],
        "six consecutive ExpCmdSN",
        [int(answer.exp_cmd_sn) for answer in answers],
    )
    check(answers[-1].exp_cmd_sn == session.cmd_sn, "all acknowledged", answers[-1])


@pytest.mark.requirement("RFC7143-4.2.2.1-06", "RFC7143-4.2.2.1-07")
def test_two_immediate_requests_are_served_at_once(session: Session) -> None:
    """The target serves an immediate task management request and an immediate ping.

    A target without task management may say so by a Reject (section 11.17.1).
    """
    management = session.send_task_management(
        TMFunction.ABORT_TASK, referenced_task_tag=0x7FFFFFFE
    )
    ping = session.send(NOPOut(immediate=1))

    answers = [session.receive() for _ in range(2)]
    for answer in answers:
        is_absent = isinstance(answer, Reject) and (
            answer.reason == RejectReason.COMMAND_NOT_SUPPORTED
        )
        if is_absent and answer.rejected_header[:1] == management.segments()[0][:1]:
            pytest.skip("not applicable: the target has no task management")
    # A Reject has no task tag of its own.
    tags = [getattr(answer, "initiator_task_tag", None) for answer in answers]

    check(
        sorted(map(str, tags))
        == sorted(str(pdu.initiator_task_tag) for pdu in (management, ping)),
        TaskManagementResponse.__name__ + " and NOPIn",
        answers,
    )


@pytest.mark.requirement("RFC7143-11.12.8-01")
@pytest.mark.parametrize("start", [1, 0x1234, 0xFFFFFFFF])
def test_the_window_starts_with_the_login(
    open_session: OpenSession, start: int
) -> None:
    """After a leading login ExpCmdSN is the login's CmdSN."""
    session = open_session(cmd_sn=start, clears_unit_attention=False)

    response = session.login.response

    check(response.exp_cmd_sn == start, f"ExpCmdSN {start}", response)


@pytest.mark.requirement("RFC7143-11.4.11-01")
def test_a_window_that_opens_by_itself_is_announced(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target reports a window that opens by itself in a NOP-In.

    It need not open: what was aborted may hold its place for longer, and the target may
    close the connection on which its data does not come.
    """
    session = reset_with_full_window(open_session, scratch_disk)

    closed_at = session.max_cmd_sn
    try:
        while session.max_cmd_sn == closed_at:
            session.receive(with_unsolicited=True)
    except ConnectionLost:
        pytest.skip("not applicable: the target closes the connection instead")
    except PeerTimeout:
        session.ping(cmd_sn=session.cmd_sn)
        if session.max_cmd_sn == closed_at:
            pytest.skip("not applicable: the window stays closed")
        expected = f"a PDU that announces a MaxCmdSN beyond {closed_at} when it moves"
        actual = f"MaxCmdSN {session.max_cmd_sn} with the answer to a later ping"
        check(False, expected, actual, session.transcript)
