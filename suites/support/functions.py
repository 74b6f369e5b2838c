# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions that a target may do without."""

from collections.abc import Callable

import pytest

from initiator.expect import check
from initiator.session import Session
from initiator.task import Task
from iscsi.constants import TMFunction
from iscsi.errors import PeerTimeout
from iscsi.pdu import Reject, SCSIResponse, TaskManagementResponse


def abort_of_waiting(
    session: Session, task: Task, give_the_rest: Callable[[], None]
) -> tuple[TaskManagementResponse, bool]:
    """Send ABORT TASK for a write that waits for data it has asked for.

    A target may wait for that data first: it is given when there is no answer without.

    Args:
        session: the session.
        task: the write.
        give_the_rest: sends the data that is still asked for.

    Returns:
        The response, and whether the data was given.

    Raises:
        PeerTimeout: there is no response either way.
    """
    __tracebackhide__ = True
    request = session.send_task_management(TMFunction.ABORT_TASK, of=task.command)
    is_given = False
    while True:
        try:
            pdu = session.receive()
        except PeerTimeout:
            if is_given:
                raise
            is_given = True
            give_the_rest()
            continue
        if isinstance(pdu, TaskManagementResponse):
            assert pdu.initiator_task_tag == request.initiator_task_tag
            return pdu, is_given
        if is_given and isinstance(pdu, SCSIResponse):
            pytest.skip("not applicable: the write is over before it can be aborted")
        is_rejected = isinstance(pdu, Reject)
        check(not is_rejected, "Task Management Function Response", pdu)
