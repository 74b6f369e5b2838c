# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions, which are optional."""

from collections.abc import Callable
from typing import Any

import pytest

from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from initiator.task import Task
from iscsi.constants import RESERVED_TAG, RejectReason, TMFunction, TMResponse
from iscsi.errors import PeerTimeout
from iscsi.pdu import (
    PDU,
    AsyncMessage,
    NOPOut,
    Reject,
    SCSIResponse,
    TaskManagementResponse,
)

_UNSUPPORTED = RejectReason.COMMAND_NOT_SUPPORTED


def ask_function(
    session: Session, function: TMFunction, *, may_refuse: bool = True, **how: Any
) -> TaskManagementResponse:
    """Send a task management request and return its response.

    A function is optional (section 11.6.1): the check is skipped if the target answers
    that it does not support it, or by a Reject that it supports none (11.17.1).

    Args:
        session: the session.
        function: the function.
        may_refuse: False for a check of the response itself, which is then always
            returned.
        **how: as of `Session.task_management`.

    Raises:
        ConformanceFailure: another answer comes, or none.
    """
    __tracebackhide__ = True
    try:
        answer = session.task_management(function, **how)
    except ConformanceFailure as failure:
        reject = failure.offending
        if isinstance(reject, Reject) and reject.reason == _UNSUPPORTED:
            pytest.skip(f"not applicable: the target rejects {function.name}")
        raise
    if may_refuse:
        skip_if_unsupported(answer, function)
    return answer


def skip_if_unsupported(answer: PDU, function: TMFunction) -> None:
    """Skip if a response says that the target does not support a function."""
    if isinstance(answer, Reject):
        is_absent = answer.reason == _UNSUPPORTED
    else:
        is_absent = (
            isinstance(answer, TaskManagementResponse)
            and answer.response == TMResponse.FUNCTION_NOT_SUPPORTED
        )
    if is_absent:
        pytest.skip(f"not applicable: the target does not support {function.name}")


def acknowledge_end(session: Session, message: AsyncMessage) -> None:
    """Acknowledge an Async Message as AsyncEvent 5 requires (section 11.9.1)."""
    session.send(
        NOPOut(
            immediate=1,
            initiator_task_tag=RESERVED_TAG,
            target_transfer_tag=RESERVED_TAG,
            lun=int(message.lun),
        )
    )


PATIENCE = 5.0
"""The seconds after which the data is sent, whatever the timeout of answers is.

Some targets end the connection of a write that waits for longer (SCST, after ten).
"""


def abort_of_waiting(
    session: Session, task: Task, give_the_rest: Callable[[], None]
) -> tuple[TaskManagementResponse, bool]:
    """Send ABORT TASK for a write that waits for requested data.

    A target may wait for that data first, so it is sent if no answer comes without it.

    Args:
        session: the session.
        task: the write.
        give_the_rest: sends the data that is still requested.

    Returns:
        The response, and whether the data was sent.

    Raises:
        PeerTimeout: there is no response either way.
    """
    __tracebackhide__ = True
    request = session.send_task_management(TMFunction.ABORT_TASK, of=task.command)
    is_given = False
    while True:
        try:
            pdu = session.receive(timeout=None if is_given else PATIENCE)
        except PeerTimeout:
            if is_given:
                raise
            is_given = True
            give_the_rest()
            continue
        skip_if_unsupported(pdu, TMFunction.ABORT_TASK)
        if isinstance(pdu, TaskManagementResponse):
            assert pdu.initiator_task_tag == request.initiator_task_tag
            return pdu, is_given
        if is_given and isinstance(pdu, SCSIResponse):
            pytest.skip("not applicable: the write is over before it can be aborted")
        is_rejected = isinstance(pdu, Reject)
        check(not is_rejected, "Task Management Function Response", pdu)
