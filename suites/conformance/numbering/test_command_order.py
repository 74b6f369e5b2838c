# SPDX-License-Identifier: GPL-2.0-only
"""The order of commands, and the requests that use a CmdSN (RFC 7143 section 4.2.2.1).

Some of these checks send a command before the one with the expected CmdSN. An initiator
may do so only if that one was rejected or lost to a digest error, and is sent again
(sections 4.2.2.1 and 7.3). A target cannot distinguish the cases, so it has to wait.
"""

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi import serial
from iscsi.constants import TaskAttribute
from iscsi.pdu import R2T, NOPIn, NOPOut
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk
from suites.support.data import pattern, write
from suites.support.numbering import NUMBERED, skip_where_rejected, skip_without_room
from suites.support.recovery import until_pong
from suites.support.sessions import stall_write


@pytest.mark.requirement("RFC7143-4.2.2.1-08")
@pytest.mark.parametrize("order", [(3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 1, 3)], ids=str)
def test_commands_are_executed_in_order(
    session: Session, order: tuple[int, ...]
) -> None:
    """The target executes commands in the order of CmdSN, however they arrive."""
    skip_without_room(session, len(order))
    start = session.cmd_sn

    sent = [session.send(NOPOut(cmd_sn=serial.add(start, step))) for step in order]

    tags = {int(pdu.cmd_sn): pdu.initiator_task_tag for pdu in sent}
    answered = [session.expect(NOPIn, is_answer=True).initiator_task_tag for _ in order]
    expected = [tags[serial.add(start, step)] for step in range(len(order))]
    check(
        answered == expected,
        f"answers to ITTs {expected}",
        f"answers to ITTs {answered}",
    )


@pytest.mark.requirement("RFC7143-4.2.2.1-08")
def test_an_early_read_sees_the_write_before_it(
    session: Session, scratch_disk: Disk
) -> None:
    """An ORDERED READ that overtakes the WRITE before it reads the data written."""
    write(session, scratch_disk, bytes(scratch_disk.block_size))
    data = pattern(scratch_disk, scratch_disk.block_size, seed=0x5A)
    skip_without_room(session, 2)
    number = session.numbers.take()
    early = session.start(
        cdb.read_10(lba=0, blocks=1),
        read=scratch_disk.block_size,
        attribute=int(TaskAttribute.ORDERED),
    )

    late = session.start(cdb.write_10(lba=0, blocks=1), write=data, cmd_sn=number)

    results = [session.finish(task) for task in (late, early)]
    for result in results:
        expect_good(result)
    check(results[1].data == data, "the data written", results[1].data[:16].hex())


@pytest.mark.requirement("RFC7143-4.2.2.1-08")
@pytest.mark.parametrize("kind", NUMBERED)
def test_requests_wait_for_the_one_before(session: Session, kind: str) -> None:
    """A non-immediate request of any type waits for the one before it."""
    skip_without_room(session, 2)
    missing = session.numbers.take()
    early = session.send(NUMBERED[kind](immediate=0))
    before = until_pong(session)
    skip_where_rejected(early, before)
    check(not before, "no answer before its turn", before)

    late = session.send(NOPOut(cmd_sn=missing))

    answers = [session.receive() for _ in range(2)]
    skip_where_rejected(early, answers)
    tags = [answer.initiator_task_tag for answer in answers]
    check(
        tags == [late.initiator_task_tag, early.initiator_task_tag],
        "answers in the order of CmdSN",
        f"answers to ITTs {tags}",
    )


@pytest.mark.requirement("RFC7143-4.2.2.1-15")
@pytest.mark.parametrize("kind", NUMBERED)
def test_non_immediate_requests_advance_exp_cmd_sn(session: Session, kind: str) -> None:
    """A non-immediate request of any type advances ExpCmdSN by one."""
    number = session.cmd_sn

    request = session.send(NUMBERED[kind](immediate=0))

    answer = session.receive()
    assert session.transcript.sent()[-1].cmd_sn == number
    skip_where_rejected(request, [answer])
    expected_cmd_sn = serial.add(number, 1)
    check(answer.exp_cmd_sn == expected_cmd_sn, f"ExpCmdSN {expected_cmd_sn}", answer)


@pytest.mark.requirement("RFC7143-4.2.2.1-15")
@pytest.mark.parametrize("kind", NUMBERED)
def test_immediate_requests_do_not_advance_exp_cmd_sn(
    session: Session, kind: str
) -> None:
    """An immediate request of any type does not advance ExpCmdSN."""
    number = session.cmd_sn

    session.send(NUMBERED[kind](immediate=1))

    answer = session.receive()
    assert session.transcript.sent()[-1].cmd_sn == number
    check(answer.exp_cmd_sn == number, f"ExpCmdSN {number}", answer)


@pytest.mark.requirement("RFC7143-4.2.2.1-15", "RFC7143-4.2.2.1-08")
def test_an_immediate_request_shares_the_next_number(session: Session) -> None:
    """The target executes a command whose CmdSN an immediate request had, too."""
    immediate = session.send(NOPOut(immediate=1))

    ordinary = session.send(NOPOut())

    assert immediate.cmd_sn == ordinary.cmd_sn
    session.expect(NOPIn, of=immediate)
    session.expect(NOPIn, of=ordinary)


@pytest.mark.requirement("RFC7143-7.2.1-i01", "RFC7143-4.2.2.1-16")
def test_a_retry_of_a_running_command_is_ignored(
    session: Session, scratch_disk: Disk
) -> None:
    """The target ignores a second copy of a command in progress."""
    task = stall_write(session, scratch_disk)

    session.connection.send(task.command.copy(), note="the same again")

    assert session.transcript.sent()[-1].cmd_sn == task.command.cmd_sn
    session.expect_silence(after=task.command)
    r2ts = [pdu for pdu in session.transcript.received() if isinstance(pdu, R2T)]
    session.answer_r2t(task, r2ts[-1])
    check(session.finish(task).is_good, "GOOD once", task.final)
