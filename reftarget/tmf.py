# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions (RFC 7143 sections 4.2.3, 11.5 and 11.6; RFC 7144 6.3).

Functions on one task are done in one step. Those on many are a `MultiTaskAbort`
(`reftarget/aborts.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from iscsi import headers, serial
from iscsi.constants import (
    Opcode,
    TaskAttribute,
    TMFunction,
    TMResponse,
)
from iscsi.numbering import Place
from iscsi.scsi.luns import decode as decode_lun
from iscsi.scsi.sense import SenseKey
from reftarget.aborts import TARGET_RESETS, MultiTaskAbort, abort, respond
from reftarget.recovery import REASSIGNING_LEVEL
from reftarget.rules.fencing import Fenced

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.connection import Connection
    from reftarget.session import Node, Session

log = logging.getLogger("reftarget")

MOST_WAITING: Final = 32
"""The maximum number of waiting functions on many tasks of a session; others are
rejected."""

_ADDRESS_A_UNIT: Final = frozenset(
    {
        TMFunction.ABORT_TASK,
        TMFunction.ABORT_TASK_SET,
        TMFunction.CLEAR_ACA,
        TMFunction.CLEAR_TASK_SET,
        TMFunction.LOGICAL_UNIT_RESET,
        TMFunction.QUERY_TASK,
        TMFunction.QUERY_TASK_SET,
        TMFunction.QUERY_ASYNCHRONOUS_EVENT,
    }
)
_OF_LEVEL_2: Final = frozenset(
    {
        TMFunction.QUERY_TASK,
        TMFunction.QUERY_TASK_SET,
        TMFunction.I_T_NEXUS_RESET,
        TMFunction.QUERY_ASYNCHRONOUS_EVENT,
    }
)


def receive(
    connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    _data: bytes,
    now: float,
) -> None:
    """Process a Task Management Function Request when it is next."""
    node = session.node
    if node is None:
        # A discovery session has no unit and no tasks.
        respond(connection, request, TMResponse.FUNCTION_NOT_SUPPORTED)
        return
    log.info("%s: task management function %d", connection, request.function)
    act = _ACTIONS.get(request.function)
    is_unknown = (
        request.function in _OF_LEVEL_2 and session.parameters.protocol_level < 2
    )
    absent = session.rules.functions.absent
    if act is None or is_unknown or request.function in absent:
        respond(connection, request, TMResponse.FUNCTION_NOT_SUPPORTED)
    elif (
        request.function in _ADDRESS_A_UNIT
        and decode_lun(request.lun) not in node.device.units
    ):
        respond(connection, request, TMResponse.LUN_DOES_NOT_EXIST)
    else:
        act(connection, session, node, request, now)


def _abort_task(
    connection: Connection,
    session: Session,
    _node: Node,
    request: headers.TaskManagementRequest,
    now: float,
) -> None:
    tag = request.referenced_task_tag
    command = session.commands.get(tag)
    response = TMResponse.FUNCTION_COMPLETE
    rules = session.rules.functions
    if not rules.finds_immediate and request.ref_cmd_sn == request.cmd_sn:
        response = TMResponse.TASK_DOES_NOT_EXIST
    elif _is_function(session, tag):
        if not rules.can_abort_function:
            response = TMResponse.FUNCTION_REJECTED
    elif tag in session.pending:
        # The pending command is dropped when its turn comes.
        session.pending[tag] = Opcode.REJECT
    elif command is not None and command.lun == decode_lun(request.lun):
        if rules.aborts_task:
            abort(command)
    elif _is_missing(session, request):
        if rules.fills_gap:
            session.fill_gap(connection, request.ref_cmd_sn, now)
    else:
        response = TMResponse.TASK_DOES_NOT_EXIST
    respond(connection, request, response)


def _is_function(session: Session, tag: int) -> bool:
    """Tell whether a tag is that of a task management function."""
    return (
        tag in session.aborts
        or session.pending.get(tag) is Opcode.TASK_MANAGEMENT_REQUEST
    )


def _is_missing(session: Session, request: headers.TaskManagementRequest) -> bool:
    """Tell whether the command never came (section 11.6.1 b)."""
    return session.place(request.ref_cmd_sn) is not Place.OUTSIDE and serial.less_than(
        request.ref_cmd_sn, request.cmd_sn
    )


def _reassign(
    connection: Connection,
    session: Session,
    _node: Node,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    task = session.recovery.find(request.referenced_task_tag)
    tag = request.referenced_task_tag
    if tag in session.pending or tag in session.aborts or connection.has_exchange(tag):
        respond(connection, request, TMResponse.FUNCTION_REJECTED)
    elif session.parameters.error_recovery_level < REASSIGNING_LEVEL:
        respond(connection, request, TMResponse.REASSIGNMENT_NOT_SUPPORTED)
    elif task is None:
        respond(connection, request, TMResponse.TASK_DOES_NOT_EXIST)
    elif task[0].connection is not None or not task[0].is_reassignable:
        respond(connection, request, TMResponse.TASK_STILL_ALLEGIANT)
    else:
        # Send the answer first, then take effect (section 7.2.2).
        is_first = session.rules.functions.answers_reassignment_first
        if is_first:
            respond(connection, request, TMResponse.FUNCTION_COMPLETE)
        session.recovery.reassign(task[0], connection, request.exp_data_sn)
        if not is_first:
            respond(connection, request, TMResponse.FUNCTION_COMPLETE)


def _query_task(
    connection: Connection,
    session: Session,
    _node: Node,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    command = session.commands.get(request.referenced_task_tag)
    if _is_function(session, request.referenced_task_tag):
        response = TMResponse.FUNCTION_REJECTED
    elif command is not None and command.lun == decode_lun(request.lun):
        response = TMResponse.FUNCTION_SUCCEEDED
    else:
        response = TMResponse.FUNCTION_COMPLETE
    respond(connection, request, response)


def _query_task_set(
    connection: Connection,
    session: Session,
    _node: Node,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    lun = decode_lun(request.lun)
    has_tasks = any(command.lun == lun for command in session.commands.values())
    respond(
        connection,
        request,
        TMResponse.FUNCTION_SUCCEEDED if has_tasks else TMResponse.FUNCTION_COMPLETE,
    )


def _query_asynchronous_event(
    connection: Connection,
    session: Session,
    node: Node,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    unit = node.device.units[decode_lun(request.lun)]
    pending = unit.attentions.pending(session.nexus)
    if not pending:
        respond(connection, request, TMResponse.FUNCTION_COMPLETE)
        return
    # UADE DEPTH, SENSE KEY, ADDITIONAL SENSE CODE and QUALIFIER (SAM-5 section 7.10).
    depth = 0b10 if len(pending) > 1 else 0b01
    information = (
        depth << 20
        | SenseKey.UNIT_ATTENTION << 16
        | pending[0].asc << 8
        | pending[0].ascq
    )
    respond(connection, request, TMResponse.FUNCTION_SUCCEEDED, information)


def _clear_aca(
    connection: Connection,
    session: Session,
    node: Node,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    """End the auto contingent allegiance of the nexus (SAM-5 section 7.4)."""
    lun = decode_lun(request.lun)
    task_set = node.task_set(lun, session.nexus)
    faulted = task_set.allegiance.nexus
    rules = session.rules.allegiance
    if not rules.is_offered:
        respond(connection, request, TMResponse.FUNCTION_NOT_SUPPORTED)
        return
    may_clear = rules.may_clear(faulted, session.nexus)
    if not may_clear or session.fence.is_crowded:
        respond(connection, request, TMResponse.FUNCTION_REJECTED)
        return
    for command in task_set:
        if command.attribute == TaskAttribute.ACA and command.session is session:
            abort(command)

    def answer() -> Connection | None:
        if not connection.is_closing:
            respond(connection, request, TMResponse.FUNCTION_COMPLETE)
        if rules.clears:
            task_set.allegiance.clear()
        return None if connection.is_closing else connection

    if Fenced.CLEAR_ACA in session.rules.fence.fenced:
        session.fence.raise_for(lun, answer)
    else:
        answer()


def _nexus_reset(
    connection: Connection,
    session: Session,
    _node: Node,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    """Answer, then end the session at once (RFC 7144 section 6.3)."""
    respond(connection, request, TMResponse.FUNCTION_COMPLETE)
    if session.rules.functions.nexus_reset_ends:
        session.close()


def _abort_many(
    connection: Connection,
    session: Session,
    node: Node,
    request: headers.TaskManagementRequest,
    now: float,
) -> None:
    if len(session.aborts) >= MOST_WAITING:
        respond(connection, request, TMResponse.FUNCTION_REJECTED)
        return
    if request.function in TARGET_RESETS:
        if not session.rules.functions.may_reset(node.config.may_be_reset):
            respond(connection, request, TMResponse.AUTHORIZATION_FAILED)
            return
        _plug_gaps(connection, session, request.cmd_sn, now)
    started = MultiTaskAbort(connection, session, node, request, now)
    session.aborts[request.initiator_task_tag] = started
    started.progress()


def _plug_gaps(
    connection: Connection, session: Session, cmd_sn: int, now: float
) -> None:
    """Count all commands before a target reset as received (section 4.2.3.3 b)."""
    gap = session.window.missing_before(cmd_sn)
    for step in range(gap):
        session.fill_gap(connection, serial.add(cmd_sn, step - gap), now)


_ACTIONS: Final[
    dict[
        int,
        Callable[
            [Connection, Session, Node, headers.TaskManagementRequest, float], None
        ],
    ]
] = {
    TMFunction.ABORT_TASK: _abort_task,
    TMFunction.ABORT_TASK_SET: _abort_many,
    TMFunction.CLEAR_ACA: _clear_aca,
    TMFunction.CLEAR_TASK_SET: _abort_many,
    TMFunction.LOGICAL_UNIT_RESET: _abort_many,
    TMFunction.TARGET_WARM_RESET: _abort_many,
    TMFunction.TARGET_COLD_RESET: _abort_many,
    TMFunction.TASK_REASSIGN: _reassign,
    TMFunction.QUERY_TASK: _query_task,
    TMFunction.QUERY_TASK_SET: _query_task_set,
    TMFunction.I_T_NEXUS_RESET: _nexus_reset,
    TMFunction.QUERY_ASYNCHRONOUS_EVENT: _query_asynchronous_event,
}
