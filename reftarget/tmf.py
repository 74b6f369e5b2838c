# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions (RFC 7143 sections 4.2.3 and 11.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi import headers, serial
from iscsi.constants import TMFunction, TMResponse
from iscsi.numbering import Place
from iscsi.scsi.luns import decode as decode_lun

if TYPE_CHECKING:
    from reftarget.connection import Connection
    from reftarget.fullfeature import Request


def receive(connection: Connection, request: Request, _data: bytes, now: float) -> None:
    """Take a Task Management Function Request."""
    assert isinstance(request, headers.TaskManagementRequest)
    session = connection.session
    assert session is not None
    node = session.node
    assert node is not None
    response = TMResponse.FUNCTION_COMPLETE
    lun = decode_lun(request.lun)
    function = request.function
    if function == TMFunction.ABORT_TASK:
        command = session.commands.get(request.referenced_task_tag)
        if command is not None:
            command.abandon()
            session.drain(command.itt)
        elif session.window.place(request.ref_cmd_sn) is not Place.OUTSIDE:
            session.fill_gap(request.ref_cmd_sn, now)
        else:
            response = TMResponse.TASK_DOES_NOT_EXIST
    elif function in (TMFunction.ABORT_TASK_SET, TMFunction.CLEAR_TASK_SET):
        for command in list(session.commands.values()):
            if command.lun == lun:
                command.abandon()
                session.drain(command.itt)
    elif function == TMFunction.LOGICAL_UNIT_RESET:
        node.device.logical_unit_reset(lun)
    elif function in (TMFunction.TARGET_WARM_RESET, TMFunction.TARGET_COLD_RESET):
        node.device.target_reset()
    else:
        response = TMResponse.FUNCTION_NOT_SUPPORTED
    connection.respond(
        headers.TaskManagementResponse(
            response=response, initiator_task_tag=request.initiator_task_tag
        )
    )
