# SPDX-License-Identifier: GPL-2.0-only
"""What functions affect, and what they do not (RFC 7143 4.2.3, 11.5.1 and E)."""

import pytest

from initiator.core import lun_field
from initiator.expect import check, expect_drop
from initiator.impair import deliver, withhold
from initiator.session import Session
from iscsi import serial
from iscsi.constants import TMFunction, TMResponse
from iscsi.pdu import (
    R2T,
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
)
from iscsi.scsi import cdb
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_unless_supported
from suites.support.data import pattern, start_write
from suites.support.functions import abort_of_waiting, ask_function
from suites.support.numbering import skip_without_room
from suites.support.reservations import Nexus
from suites.support.sessions import stall_write
from targets.model import Special

SOLICITED = {"ImmediateData": "No", "InitialR2T": "Yes"}
NEXUS_CLASS = 0x29
KEY = 0x1055
"""The reservation key of a nexus that is lost."""
ENDING = [
    TMFunction.ABORT_TASK_SET,
    TMFunction.CLEAR_TASK_SET,
    TMFunction.LOGICAL_UNIT_RESET,
]


def held_function(session: Session) -> tuple[SCSICommand, TaskManagementRequest]:
    """Send a function that waits for a command before it; return both.

    The command is withheld.
    """
    skip_without_room(session, 2)
    withheld = withhold(
        session, SCSICommand(cdb=cdb.test_unit_ready().ljust(16, b"\0"))
    )
    request = TaskManagementRequest(
        function=int(TMFunction.ABORT_TASK_SET),
        lun=lun_field(session.lun),
        immediate=0,
    )
    return withheld, session.send(request)


@pytest.mark.requirement("RFC7143-11.5.1-12", "RFC7143-11.5.1-13")
def test_a_function_is_not_aborted(session: Session) -> None:
    """The target rejects ABORT TASK of a task management function.

    It may be answered at once or when the function has its turn.
    """
    skip_unless_supported(session, TMFunction.ABORT_TASK)
    withheld, waiting = held_function(session)

    abort = session.send_task_management(TMFunction.ABORT_TASK, of=waiting)
    assert abort.ref_cmd_sn == waiting.cmd_sn
    deliver(session, withheld)

    answers: dict[int, TaskManagementResponse] = {}
    expected = {abort.initiator_task_tag, waiting.initiator_task_tag}
    while expected - set(answers):
        pdu = session.receive()
        if isinstance(pdu, TaskManagementResponse):
            answers[pdu.initiator_task_tag] = pdu
        elif not isinstance(pdu, SCSIResponse):
            check(False, "Task Management Function Responses", pdu, session.transcript)
    answer = answers[abort.initiator_task_tag]
    is_done = answer.response == TMResponse.FUNCTION_COMPLETE
    check(
        answer.response == TMResponse.FUNCTION_REJECTED,
        "response 255",
        answer,
        session.transcript,
        requirement="RFC7143-11.5.1-12" if is_done else "RFC7143-11.5.1-13",
    )


@pytest.mark.needs("erl2")
@pytest.mark.requirement("RFC7143-11.5.1-20", "RFC7143-11.5.1-21")
def test_a_function_is_not_reassigned(open_session: OpenSession) -> None:
    """The target answers TASK REASSIGN of a function with Function rejected."""
    session = open_session({"ErrorRecoveryLevel": "2"})
    _withheld, waiting = held_function(session)

    answer = session.task_management(
        TMFunction.TASK_REASSIGN, referenced_task_tag=int(waiting.initiator_task_tag)
    )

    is_done = answer.response == TMResponse.FUNCTION_COMPLETE
    check(
        answer.response == TMResponse.FUNCTION_REJECTED,
        "response 255",
        answer,
        requirement="RFC7143-11.5.1-20" if is_done else "RFC7143-11.5.1-21",
    )


@pytest.mark.requirement("RFC7143-4.2.3.3-09")
def test_a_function_waits_for_earlier_commands(session: Session) -> None:
    """The target answers ABORT TASK SET when all commands before it have arrived."""
    skip_unless_supported(session, TMFunction.ABORT_TASK_SET)
    withheld = withhold(
        session, SCSICommand(cdb=cdb.test_unit_ready().ljust(16, b"\0"))
    )
    request = session.send(
        TaskManagementRequest(
            function=int(TMFunction.ABORT_TASK_SET),
            lun=int(withheld.lun),
            immediate=1,
        )
    )

    session.expect_silence(after=request)
    deliver(session, withheld)

    answer = session.receive()
    while not isinstance(answer, TaskManagementResponse):
        answer = session.receive()
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement("RFC7143-11.5.1-i01")
def test_later_commands_are_not_affected(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """ABORT TASK SET does not affect a command that came after it."""
    session = open_session(SOLICITED)
    skip_unless_supported(session, TMFunction.ABORT_TASK_SET)
    skip_without_room(session, 2)
    function = withhold(
        session,
        TaskManagementRequest(
            function=int(TMFunction.ABORT_TASK_SET),
            lun=lun_field(session.lun),
            immediate=0,
        ),
    )
    later = session.start(cdb.test_unit_ready())

    deliver(session, function)

    # The target may answer either one first.
    answer = session.receive()
    while not isinstance(answer, TaskManagementResponse):
        later.take(answer)
        answer = session.receive()
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    check(session.finish(later).is_good, "GOOD", later.final)
    assert scratch_disk.blocks


@pytest.mark.requirement("RFC7143-11.5.1-04")
def test_no_answer_follows_an_abort(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target sends nothing for a task after its response to ABORT TASK."""
    session = open_session(SOLICITED)
    task = start_write(session, scratch_disk, pattern(scratch_disk, 1))
    r2t = session.expect(R2T, of=task.command)
    answer, is_given = abort_of_waiting(
        session, task, lambda: session.answer_r2t(task, r2t)
    )
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)

    if not is_given:
        session.answer_r2t(task, r2t)

    session.expect_silence(after=session.transcript.sent()[-1])


@pytest.mark.requirement("RFC7143-10.7-02")
@pytest.mark.parametrize(
    "function",
    [TMFunction.ABORT_TASK_SET, TMFunction.LOGICAL_UNIT_RESET],
    ids=lambda function: function.name.lower(),
)
def test_late_data_is_discarded(
    open_session: OpenSession, scratch_disk: Disk, function: TMFunction
) -> None:
    """The target silently discards data for a task that a function has ended."""
    session = open_session(SOLICITED)
    skip_unless_supported(session, function)
    task = start_write(session, scratch_disk, pattern(scratch_disk, 1))
    r2t = session.expect(R2T, of=task.command)
    session.send_task_management(function)
    session.answer_r2t(task, r2t)
    answer = session.receive()
    while not isinstance(answer, TaskManagementResponse):
        if isinstance(answer, SCSIResponse) and answer.status == SCSIStatus.GOOD:
            pytest.skip("not applicable: the write was over before it could be ended")
        answer = session.receive()
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)

    session.answer_r2t(task, r2t)

    session.expect_silence(after=session.transcript.sent()[-1])


@pytest.mark.requirement("RFC7143-E.1-i05", "RFC7143-4.2.2.2-i01")
def test_a_unit_reset_keeps_the_numbers(session: Session) -> None:
    """LOGICAL UNIT RESET does not change CmdSN and StatSN."""
    before = session.ping()

    answer = ask_function(session, TMFunction.LOGICAL_UNIT_RESET)

    expected_stat_sn = serial.add(before.stat_sn, 1)
    check(answer.stat_sn == expected_stat_sn, f"StatSN {expected_stat_sn}", answer)
    check(answer.exp_cmd_sn == before.exp_cmd_sn, "the same ExpCmdSN", answer)
    # The session checks that later numbers continue without a gap.
    session.execute(cdb.test_unit_ready())


@pytest.mark.requirement("RFC7143-E.1-i05")
@pytest.mark.needs("several-luns")
def test_a_unit_reset_leaves_other_units(
    open_session: OpenSession, scratch_disk: Disk, target: TestedTarget
) -> None:
    """LOGICAL UNIT RESET does not end a write to another logical unit."""
    session = open_session(SOLICITED)
    task = stall_write(session, scratch_disk)
    other = next(
        unit.lun
        for unit in target.running.target.logical_units
        if unit.lun != session.lun
    )

    answer = ask_function(session, TMFunction.LOGICAL_UNIT_RESET, lun=other)

    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    for r2t in [p for p in session.transcript.received() if isinstance(p, R2T)]:
        session.answer_r2t(task, r2t)
    check(session.finish(task).is_good, "GOOD", task.final)


@pytest.mark.requirement("RFC7143-E.1-i06")
def test_a_warm_reset_keeps_the_session(session: Session) -> None:
    """TARGET WARM RESET changes neither the session nor its numbers."""
    before = session.ping()

    answer = ask_function(session, TMFunction.TARGET_WARM_RESET)

    if answer.response == TMResponse.FUNCTION_NOT_SUPPORTED:
        pytest.skip("not applicable: the target does not support TARGET WARM RESET")
    after = session.ping()
    check(after.exp_cmd_sn == before.exp_cmd_sn, "the same ExpCmdSN", after)
    expected_stat_sn = serial.add(before.stat_sn, 2)
    check(after.stat_sn == expected_stat_sn, f"StatSN {expected_stat_sn}", after)


@pytest.mark.needs("restart")
@pytest.mark.requirement("RFC7143-11.5.1-17", "RFC7143-E.2-i01")
def test_a_cold_reset_ends_all_connections(open_session: OpenSession) -> None:
    """TARGET COLD RESET ends every session; units report a power on."""
    session, other = open_session(), open_session()

    answer = ask_function(session, TMFunction.TARGET_COLD_RESET)

    if answer.response in (
        TMResponse.FUNCTION_NOT_SUPPORTED,
        TMResponse.AUTHORIZATION_FAILED,
        TMResponse.FUNCTION_REJECTED,
    ):
        pytest.skip("not applicable: the target does not support TARGET COLD RESET")
    expect_drop(session.connection)
    expect_drop(other.connection)
    # A nexus that began after the reset need not get a unit attention (SAM-5 5.14).
    isid = other.options.isid
    reopened = open_session(clears_unit_attention=False, isid=isid)
    sense = reopened.execute(cdb.test_unit_ready()).sense
    check(
        sense is not None and sense.asc == NEXUS_CLASS,
        "a reset, ASC 29h",
        sense,
        requirement="RFC7143-E.2-i01",
    )


@pytest.mark.requirement("RFC7143-E.1-i04")
def test_a_login_leaves_other_sessions_tasks(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A login that reinstates no session ends no task of another session."""
    session = open_session(SOLICITED)
    task = stall_write(session, scratch_disk)

    # Send no command: the unit may be busy with the write.
    open_session(clears_unit_attention=False)

    for r2t in [p for p in session.transcript.received() if isinstance(p, R2T)]:
        session.answer_r2t(task, r2t)
    check(session.finish(task).is_good, "GOOD", task.final)


@pytest.mark.requirement("RFC7143-6.3.5.1-i01")
def test_the_loss_of_a_nexus_is_reported(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A unit reports a nexus loss, or a reset, to a port that returns after a logout.

    A unit that has forgotten the nexus need not report it, so the check keeps a
    registration, with which the unit remembers the nexus.
    """
    _ = scratch_disk  # other initiators see the registration, so the unit must be ours
    first = open_session()
    options = first.options
    if not Nexus(first).register_anyway(KEY).is_good:
        pytest.skip("not applicable: the unit keeps no registration of a nexus")
    first.logout()

    reopened = open_session(
        isid=options.isid,
        initiator_name=options.initiator_name,
        clears_unit_attention=False,
    )

    sense = reopened.execute(cdb.test_unit_ready()).sense
    reopened.clear_unit_attention()
    is_known = Nexus(reopened, KEY).clear().is_good
    if sense is None and not is_known:
        pytest.skip("not applicable: the unit has forgotten the nexus")
    check(sense is not None and sense.asc == NEXUS_CLASS, "ASC 29h", sense)


@pytest.mark.requirement("RFC7143-4.2.3.3-07")
@pytest.mark.parametrize("function", ENDING, ids=lambda one: one.name.lower())
def test_a_function_waits_for_data_under_way(
    open_session: OpenSession, scratch_disk: Disk, function: TMFunction
) -> None:
    """The target answers a function after the data that its R2Ts requested."""
    session = open_session(SOLICITED)
    skip_unless_supported(session, function)
    task = start_write(session, scratch_disk, pattern(scratch_disk, 1))
    r2t = session.expect(R2T, of=task.command)

    request = session.send_task_management(function)

    session.expect_silence(after=request)
    session.answer_r2t(task, r2t)
    answer = session.receive()
    while not isinstance(answer, TaskManagementResponse):
        answer = session.receive()
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement("RFC7143-4.2.3.3-10")
def test_gaps_of_third_parties_are_not_waited_for(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target answers a function although another session has a CmdSN gap."""
    assert scratch_disk.blocks
    issuing = open_session()
    name = f"{issuing.options.initiator_name}.third"
    third = open_session(initiator_name=name)
    gap = third.numbers.take()
    third.start(cdb.test_unit_ready())

    answer = ask_function(issuing, TMFunction.LOGICAL_UNIT_RESET)

    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    third.start(cdb.test_unit_ready(), cmd_sn=gap)


@pytest.mark.needs("reset-authorization")
@pytest.mark.requirement("RFC7143-11.5.1-16")
@pytest.mark.parametrize(
    "function",
    [TMFunction.TARGET_WARM_RESET, TMFunction.TARGET_COLD_RESET],
    ids=lambda one: one.name.lower(),
)
def test_a_reset_needs_authorization(
    open_session: OpenSession, target: TestedTarget, function: TMFunction
) -> None:
    """The target answers a reset of an unauthorized initiator with that reason."""
    session = open_session(
        target_name=target.running.special[Special.GUARDED],
        clears_unit_attention=False,
    )

    answer = ask_function(session, function)

    check(answer.response == TMResponse.AUTHORIZATION_FAILED, "response 6", answer)
