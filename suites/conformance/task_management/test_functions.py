# SPDX-License-Identifier: GPL-2.0-only
"""Task management (RFC 7143 sections 11.5, 11.6 and 4.2.3)."""

import pytest

from initiator.core import lun_field
from initiator.expect import check, expect_good, next_or_drop
from initiator.session import Session
from iscsi import serial
from iscsi.constants import TMFunction, TMResponse
from iscsi.pdu import (
    R2T,
    Reject,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
)
from iscsi.scsi import cdb
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_unless_supported
from suites.support.data import KIB, pattern, start_write
from suites.support.functions import abort_of_waiting, ask_function
from suites.support.numbering import skip_without_room

HARMLESS = [
    TMFunction.ABORT_TASK,
    TMFunction.ABORT_TASK_SET,
    TMFunction.CLEAR_ACA,
    TMFunction.CLEAR_TASK_SET,
    TMFunction.LOGICAL_UNIT_RESET,
    TMFunction.TASK_REASSIGN,
]
SOLICITED = {"ImmediateData": "No", "InitialR2T": "Yes"}
MISSING_LUN = 0x3FFF
UNKNOWN_TAG = 0x7FFFFFFD


def names(function: TMFunction) -> str:
    """Return the test ID of a function."""
    return function.name.lower()


@pytest.mark.requirement("RFC7143-11.5.1-01", "RFC7143-11.6.2-01")
@pytest.mark.parametrize("function", HARMLESS, ids=names)
def test_every_function_is_answered(session: Session, function: TMFunction) -> None:
    """The target answers each function with a response without AHS and data."""
    answer = ask_function(
        session, function, may_refuse=False, referenced_task_tag=UNKNOWN_TAG
    )

    lengths = (answer.total_ahs_length, answer.data_segment_length)
    check(
        lengths == (0, 0),
        "both lengths 0",
        answer,
        requirement="RFC7143-11.6.2-01",
    )


@pytest.mark.requirement("RFC7143-11.5.1-01")
@pytest.mark.parametrize("immediate", [0, 1])
def test_functions_may_wait_their_turn(session: Session, immediate: int) -> None:
    """The target answers a function whether or not its request is immediate."""
    answer = ask_function(
        session, TMFunction.ABORT_TASK_SET, may_refuse=False, immediate=immediate
    )

    check(answer.final, "F=1", answer)


@pytest.mark.requirement("RFC7143-11.5.1-i02")
@pytest.mark.parametrize("code", [0, 13, 64, 127])
def test_unassigned_function_is_refused(session: Session, code: int) -> None:
    """The target refuses an unassigned function code."""
    session.send(TaskManagementRequest(function=code, lun=lun_field(session.lun)))

    answer = next_or_drop(session.connection)

    assert session.transcript.sent()[-1].function == code
    is_refused = (
        answer is None
        or isinstance(answer, Reject)
        or (
            isinstance(answer, TaskManagementResponse)
            and answer.response
            in (TMResponse.FUNCTION_NOT_SUPPORTED, TMResponse.FUNCTION_REJECTED)
        )
    )
    check(is_refused, ["response 5 or 255", "Reject", "a drop"], answer)


@pytest.mark.requirement("RFC7143-11.6.1-i03")
def test_abort_of_an_unknown_task(session: Session) -> None:
    """ABORT TASK of an unknown task outside the window gets: does not exist."""
    answer = ask_function(
        session,
        TMFunction.ABORT_TASK,
        referenced_task_tag=UNKNOWN_TAG,
        ref_cmd_sn=serial.add(session.exp_cmd_sn, -1000),
    )

    check(answer.response == TMResponse.TASK_DOES_NOT_EXIST, "response 1", answer)


@pytest.mark.requirement("RFC7143-7.11-04")
def test_abort_of_a_finished_task(session: Session) -> None:
    """ABORT TASK of a command that has been answered gets: does not exist."""
    task = session.start(cdb.test_unit_ready())
    session.finish(task)

    answer = ask_function(session, TMFunction.ABORT_TASK, of=task.command)

    check(answer.response == TMResponse.TASK_DOES_NOT_EXIST, "response 1", answer)


@pytest.mark.requirement("RFC7143-7.11-03")
def test_abort_of_a_command_that_never_came(session: Session) -> None:
    """ABORT TASK of a lost command gets: complete; its CmdSN counts as received."""
    gap = session.numbers.take()

    answer = ask_function(
        session, TMFunction.ABORT_TASK, referenced_task_tag=UNKNOWN_TAG, ref_cmd_sn=gap
    )

    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    pong = session.ping()
    check(pong.exp_cmd_sn == serial.add(gap, 1), "ExpCmdSN beyond it", pong)


@pytest.mark.requirement("RFC7143-11.6.1-i01")
def test_abort_of_a_write_that_waits(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """ABORT TASK of a write that waits for data gets: complete; nothing is written."""
    session = open_session(SOLICITED)
    task = start_write(session, scratch_disk, pattern(scratch_disk, 1))
    r2t = session.expect(R2T, of=task.command)

    answer, _is_given = abort_of_waiting(
        session, task, lambda: session.answer_r2t(task, r2t)
    )

    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    session.expect_silence(after=task.command)


@pytest.mark.requirement("RFC7143-11.6.1-i01")
def test_abort_of_an_immediate_write(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """ABORT TASK of an immediate command gets: complete."""
    session = open_session(SOLICITED)
    task = start_write(session, scratch_disk, pattern(scratch_disk, 1), immediate=1)
    r2t = session.receive()
    if not isinstance(r2t, R2T):
        pytest.skip("not applicable: the target takes no immediate command")

    answer, _is_given = abort_of_waiting(
        session, task, lambda: session.answer_r2t(task, r2t)
    )

    sent = session.transcript.sent()
    (request,) = (pdu for pdu in sent if isinstance(pdu, TaskManagementRequest))
    assert request.cmd_sn == request.ref_cmd_sn == task.command.cmd_sn
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement(
    "RFC7143-4.2.3.3-11", "RFC7143-4.2.3.3-01", "RFC7143-11.5.1-14"
)
@pytest.mark.parametrize(
    "function",
    [
        TMFunction.ABORT_TASK_SET,
        TMFunction.CLEAR_TASK_SET,
        TMFunction.LOGICAL_UNIT_RESET,
    ],
    ids=names,
)
def test_task_sets_are_ended(
    open_session: OpenSession, scratch_disk: Disk, function: TMFunction
) -> None:
    """The target ends all tasks of a set before it answers a function on the set.

    Before it answers, the target waits for the data that it has requested, and may
    request all the rest, so the initiator must continue to answer R2Ts.
    """
    session = open_session({**SOLICITED, "MaxBurstLength": "8192"})
    skip_unless_supported(session, function)
    task = start_write(session, scratch_disk, pattern(scratch_disk, 24 * KIB))
    r2t = session.expect(R2T, of=task.command)
    request = session.send_task_management(function)
    session.answer_r2t(task, r2t)

    answers = [session.receive()]
    while not isinstance(answers[-1], TaskManagementResponse):
        if isinstance(answers[-1], R2T):
            session.answer_r2t(task, answers[-1])
        answers.append(session.receive())

    final = answers[-1]
    assert final.initiator_task_tag == request.initiator_task_tag
    check(final.response == TMResponse.FUNCTION_COMPLETE, "response 0", final)
    early = [pdu for pdu in answers if isinstance(pdu, SCSIResponse)]
    if any(pdu.status == SCSIStatus.GOOD for pdu in early):
        pytest.skip("not applicable: the write was over before it could be ended")
    check(not early, "no response to the write", early)
    session.expect_silence(after=task.command)


@pytest.mark.requirement("RFC7143-11.5.1-14")
def test_unit_reset_is_reported_to_others(open_session: OpenSession) -> None:
    """LOGICAL UNIT RESET sets a unit attention for every other nexus."""
    resetting, other = open_session(), open_session()

    ask_function(resetting, TMFunction.LOGICAL_UNIT_RESET)
    result = other.execute(cdb.test_unit_ready())

    sense = result.sense
    is_reported = sense is not None and (int(sense.key), sense.asc) == (6, 0x29)
    check(is_reported, "UNIT ATTENTION, ASC 29", result)


@pytest.mark.requirement("RFC7143-11.6.1-i04")
@pytest.mark.parametrize(
    "function",
    [TMFunction.ABORT_TASK_SET, TMFunction.LOGICAL_UNIT_RESET],
    ids=names,
)
def test_missing_unit_is_reported(session: Session, function: TMFunction) -> None:
    """The target answers a function for an unknown LUN with response 2."""
    answer = ask_function(session, function, lun=MISSING_LUN)

    check(answer.response == TMResponse.LUN_DOES_NOT_EXIST, "response 2", answer)


@pytest.mark.requirement("RFC7143-7.2.2-07")
def test_reassignment_is_refused_below_level_2(open_session: OpenSession) -> None:
    """The target does not support TASK REASSIGN at ErrorRecoveryLevel 0."""
    session = open_session({"ErrorRecoveryLevel": "0"})

    answer = ask_function(
        session,
        TMFunction.TASK_REASSIGN,
        may_refuse=False,
        referenced_task_tag=UNKNOWN_TAG,
    )

    expected = TMResponse.REASSIGNMENT_NOT_SUPPORTED
    check(answer.response == expected, "response 4", answer)


@pytest.mark.requirement("RFC7143-4.2.2.1-04")
def test_an_immediate_abort_may_overtake(session: Session) -> None:
    """An immediate ABORT TASK SET before a gap does not affect later commands."""
    skip_without_room(session, 2)
    waiting = session.start(cdb.test_unit_ready(), cmd_sn=serial.add(session.cmd_sn, 1))
    ask_function(session, TMFunction.ABORT_TASK, referenced_task_tag=UNKNOWN_TAG)

    first = session.start(cdb.test_unit_ready())

    results = [session.finish(first), session.finish(waiting)]
    for result in results:
        expect_good(result)
