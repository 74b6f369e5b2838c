# SPDX-License-Identifier: GPL-2.0-only
"""Multi-task aborts with TaskReporting=FastAbort (RFC 7143 section 4.2.3.4)."""

from typing import Any

import pytest

from initiator.core import Link, lun_field
from initiator.expect import check, clause
from initiator.session import Session
from initiator.task import Task
from iscsi.constants import RESERVED_TAG, AsyncEvent, TMFunction, TMResponse
from iscsi.pdu import R2T, AsyncMessage, NOPOut, TaskManagementResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_unless_supported
from suites.support.functions import acknowledge_end, ask_function
from suites.support.modes import skip_unless_shared
from suites.support.numbering import skip_without_room
from suites.support.recovery import until_pong
from suites.support.sessions import stall_write

pytestmark = pytest.mark.needs("fast-abort")

WRITES = {"ImmediateData": "No", "InitialR2T": "Yes"}
FAST = {**WRITES, "TaskReporting": "FastAbort"}
OLD = {**WRITES, "TaskReporting": "RFC3720"}
ENDING = [TMFunction.LOGICAL_UNIT_RESET, TMFunction.CLEAR_TASK_SET]


def names(function: TMFunction) -> str:
    """Return the test ID of a function."""
    return function.name.lower()


def third_party(options: Any) -> dict[str, str]:
    """Return the initiator name of a third party."""
    return {"initiator_name": f"{options.initiator_name}.third"}


def last_r2t(session: Session, task: Task) -> R2T:
    """Return the last R2T of a task."""
    return next(
        pdu
        for pdu in reversed(session.transcript.received())
        if isinstance(pdu, R2T) and pdu.initiator_task_tag == task.initiator_task_tag
    )


@pytest.mark.requirement(
    "RFC7143-4.2.3.4-02",
    "RFC7143-4.2.3.4-10",
    "RFC7143-4.2.3.4-12",
    "RFC7143-4.2.3.4-15",
    "RFC7143-13.23-01",
)
@pytest.mark.parametrize("function", ENDING, ids=names)
def test_third_parties_are_notified(
    open_session: OpenSession, scratch_disk: Disk, function: TMFunction
) -> None:
    """A session whose task another session aborts gets AsyncEvent 5 with the LUN."""
    issuing = open_session(FAST)
    skip_unless_supported(issuing, function)
    third = open_session(FAST, **third_party(issuing.options))
    if function is TMFunction.CLEAR_TASK_SET:
        skip_unless_shared(third)
    stall_write(third, scratch_disk)

    request = issuing.send_task_management(function)

    with clause("RFC7143-4.2.3.4-12"):
        message = third.expect(AsyncMessage)
        is_expected_event = message.async_event == AsyncEvent.TASK_TERMINATION
        check(is_expected_event, "AsyncEvent 5", message)
    check(
        message.lun == lun_field(third.lun),
        "the unit's LUN",
        message,
        requirement="RFC7143-4.2.3.4-15",
        field="LUN",
    )
    acknowledge_end(third, message)
    with clause("RFC7143-4.2.3.4-10"):
        answer = issuing.expect(TaskManagementResponse, of=request)
        is_done = answer.response == TMResponse.FUNCTION_COMPLETE
        check(is_done, "response 0", answer)


@pytest.mark.requirement("RFC7143-4.2.3.4-14")
def test_one_message_a_unit_is_enough(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target sends one AsyncEvent 5 for two tasks of one unit and connection."""
    issuing = open_session(FAST)
    skip_unless_supported(issuing, TMFunction.LOGICAL_UNIT_RESET)
    third = open_session(FAST, **third_party(issuing.options))
    skip_without_room(third, 2)
    stall_write(third, scratch_disk)
    stall_write(third, scratch_disk)

    issuing.send_task_management(TMFunction.LOGICAL_UNIT_RESET)
    acknowledge_end(third, third.expect(AsyncMessage))
    issuing.expect(TaskManagementResponse)
    third.execute(cdb.test_unit_ready())

    messages = [p for p in third.transcript.received() if isinstance(p, AsyncMessage)]
    check(len(messages) == 1, "one Async Message", len(messages))


@pytest.mark.requirement("RFC7143-4.2.3.4-01", "RFC7143-4.2.3.4-11")
def test_late_data_of_third_parties_does_no_harm(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target discards Data-Out that was sent before its task was aborted."""
    issuing = open_session(FAST)
    skip_unless_supported(issuing, TMFunction.LOGICAL_UNIT_RESET)
    third = open_session(FAST, **third_party(issuing.options))
    task = stall_write(third, scratch_disk)
    issuing.send_task_management(TMFunction.LOGICAL_UNIT_RESET)
    message = third.expect(AsyncMessage)

    third.answer_r2t(task, last_r2t(third, task))
    acknowledge_end(third, message)

    issuing.expect(TaskManagementResponse)
    with clause("RFC7143-4.2.3.4-11"):
        third.expect_silence(after=third.transcript.sent()[-1])


@pytest.mark.requirement("RFC7143-4.2.3.5-03", "RFC7143-11.9.1-08")
def test_sessions_of_the_old_kind_are_not_notified(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A session with TaskReporting=RFC3720 gets no AsyncEvent 5."""
    issuing = open_session(FAST)
    skip_unless_supported(issuing, TMFunction.LOGICAL_UNIT_RESET)
    third = open_session(OLD, **third_party(issuing.options))
    task = stall_write(third, scratch_disk)
    issuing.send_task_management(TMFunction.LOGICAL_UNIT_RESET)
    # The answer to the ping shows that the function has arrived, whether or not it is
    # done.
    received = until_pong(issuing)

    third.answer_r2t(task, last_r2t(third, task))
    until_pong(third)

    answer = received[0] if received else issuing.expect(TaskManagementResponse)
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    messages = [
        pdu for pdu in third.transcript.received() if isinstance(pdu, AsyncMessage)
    ]
    check(not messages, "no Async Message", messages)


@pytest.mark.requirement("RFC7143-4.2.3.4-13")
@pytest.mark.needs("multi-connection")
def test_other_connections_are_notified(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """Another connection of the issuing session with a task gets AsyncEvent 5."""
    session = open_session({**FAST, "MaxConnections": "2"})
    skip_unless_supported(session, TMFunction.LOGICAL_UNIT_RESET)
    second: Link = session.add_connection(2)
    task = session.start(
        cdb.write_10(lba=0, blocks=1),
        write=bytes(scratch_disk.block_size),
        immediate_data=0,
        unsolicited=0,
        link=second,
    )
    session.expect(R2T, of=task.command, link=second)

    request = session.send_task_management(TMFunction.LOGICAL_UNIT_RESET)

    message = session.expect(AsyncMessage, link=second)
    check(message.async_event == AsyncEvent.TASK_TERMINATION, "AsyncEvent 5", message)
    session.send(
        NOPOut(
            immediate=1,
            initiator_task_tag=RESERVED_TAG,
            target_transfer_tag=RESERVED_TAG,
            lun=int(message.lun),
        ),
        second,
    )
    answer = session.expect(TaskManagementResponse, of=request)
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement("RFC7143-4.2.3.4-08")
def test_the_function_waits_for_earlier_commands(open_session: OpenSession) -> None:
    """The target answers ABORT TASK SET when all commands before it have arrived."""
    session = open_session(FAST)
    skip_unless_supported(session, TMFunction.ABORT_TASK_SET)
    gap = session.numbers.take()
    request = session.send_task_management(TMFunction.ABORT_TASK_SET)

    session.expect_silence(after=request)
    session.start(cdb.test_unit_ready(), cmd_sn=gap)

    answer = session.receive()
    while not isinstance(answer, TaskManagementResponse):
        answer = session.receive()
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement("RFC7143-4.2.3.5-01", "RFC7143-4.2.3.5-02")
def test_an_older_session_notifies_third_parties(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A session without FastAbort also causes AsyncEvent 5 for those that have it."""
    issuing = open_session(OLD)
    skip_unless_supported(issuing, TMFunction.LOGICAL_UNIT_RESET)
    third = open_session(FAST, **third_party(issuing.options))
    stall_write(third, scratch_disk)

    issuing.send_task_management(TMFunction.LOGICAL_UNIT_RESET)

    message = third.expect(AsyncMessage)
    check(message.async_event == AsyncEvent.TASK_TERMINATION, "AsyncEvent 5", message)
    check(
        message.lun == lun_field(third.lun),
        "the unit's LUN",
        message,
        requirement="RFC7143-4.2.3.5-02",
        field="LUN",
    )
    acknowledge_end(third, message)
    issuing.expect(TaskManagementResponse)


@pytest.mark.requirement("RFC7143-4.2.3.4-09")
def test_gaps_of_third_parties_are_not_waited_for(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target answers a function although another session has a CmdSN gap."""
    assert scratch_disk.blocks
    issuing = open_session(FAST)
    third = open_session(FAST, **third_party(issuing.options))
    gap = third.numbers.take()
    third.start(cdb.test_unit_ready())

    answer = ask_function(issuing, TMFunction.LOGICAL_UNIT_RESET)

    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    third.start(cdb.test_unit_ready(), cmd_sn=gap)
