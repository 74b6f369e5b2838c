# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions (RFC 7143 sections 4.2.3, 11.5 and 11.6; RFC 7144 6.3).

Functions on one task are done in one step. Those on many are a `MultiTaskAbort`: it
waits for the commands before it and, unless FastAbort was agreed, for data that the
issuing initiator still owes; then it acts, tells third parties and answers by way of
the fence.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from iscsi import headers, serial
from iscsi.constants import (
    AsyncEvent,
    Opcode,
    TaskAttribute,
    TMFunction,
    TMResponse,
)
from iscsi.numbering import Place
from iscsi.scsi.luns import decode as decode_lun
from iscsi.scsi.sense import AdditionalSense, SenseKey
from reftarget import events
from reftarget.recovery import REASSIGNING_LEVEL
from reftarget.rules.fencing import Fenced

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.command import Command
    from reftarget.connection import Connection
    from reftarget.session import Node, Session

log = logging.getLogger("reftarget")

_PATIENCE: Final = 10.0
"""Seconds for the data that an abort waits for; then its connection is dropped."""

_MOST_WAITING: Final = 32
"""Functions on many tasks of one session that may wait; others are rejected."""

_RESETS: Final = frozenset(
    {
        TMFunction.LOGICAL_UNIT_RESET,
        TMFunction.TARGET_WARM_RESET,
        TMFunction.TARGET_COLD_RESET,
    }
)
_TARGET_RESETS: Final = _RESETS - {TMFunction.LOGICAL_UNIT_RESET}
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
    """Take a Task Management Function Request when its turn has come."""
    node = session.node
    if node is None:
        # A discovery session has no unit and no task.
        _respond(connection, request, TMResponse.FUNCTION_NOT_SUPPORTED)
        return
    log.info("%s: task management function %d", connection, request.function)
    act = _ACTIONS.get(request.function)
    is_unknown = (
        request.function in _OF_LEVEL_2 and session.parameters.protocol_level < 2
    )
    absent = session.rules.functions.absent
    if act is None or is_unknown or request.function in absent:
        _respond(connection, request, TMResponse.FUNCTION_NOT_SUPPORTED)
    elif (
        request.function in _ADDRESS_A_UNIT
        and decode_lun(request.lun) not in node.device.units
    ):
        _respond(connection, request, TMResponse.LUN_DOES_NOT_EXIST)
    else:
        act(connection, session, request, now)


def _respond(
    connection: Connection,
    request: headers.TaskManagementRequest,
    response: TMResponse,
    information: int = 0,
) -> None:
    connection.respond(
        headers.TaskManagementResponse(
            response=response,
            additional_response_information=information,
            initiator_task_tag=request.initiator_task_tag,
        )
    )


def _abort_task(
    connection: Connection,
    session: Session,
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
        session.pending[tag] = Opcode.REJECT  # its turn passes without effect
    elif command is not None and command.lun == decode_lun(request.lun):
        if rules.aborts_task:
            abort(command)
    elif _is_missing(session, request):
        if rules.fills_gap:
            session.fill_gap(connection, request.ref_cmd_sn, now)
    else:
        response = TMResponse.TASK_DOES_NOT_EXIST
    _respond(connection, request, response)


def _is_function(session: Session, tag: int) -> bool:
    """Tell whether a tag is that of a task management function."""
    return (
        tag in session.aborts
        or session.pending.get(tag) is Opcode.TASK_MANAGEMENT_REQUEST
    )


def _is_missing(session: Session, request: headers.TaskManagementRequest) -> bool:
    """Tell whether the command is one that never came (section 11.6.1 b)."""
    return session.place(request.ref_cmd_sn) is not Place.OUTSIDE and serial.less_than(
        request.ref_cmd_sn, request.cmd_sn
    )


def abort(command: Command) -> None:
    """End a task in silence; what still comes for it is let pass."""
    command.session.drain(command.itt)
    command.abandon()


def _reassign(
    connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    found = session.recovery.find(request.referenced_task_tag)
    tag = request.referenced_task_tag
    if tag in session.pending or tag in session.aborts or connection.has_exchange(tag):
        _respond(connection, request, TMResponse.FUNCTION_REJECTED)
    elif session.parameters.error_recovery_level < REASSIGNING_LEVEL:
        _respond(connection, request, TMResponse.REASSIGNMENT_NOT_SUPPORTED)
    elif found is None:
        _respond(connection, request, TMResponse.TASK_DOES_NOT_EXIST)
    elif found[0].connection is not None or not found[0].is_reassignable:
        _respond(connection, request, TMResponse.TASK_STILL_ALLEGIANT)
    else:
        # The answer first, then the effect (section 7.2.2).
        is_first = session.rules.functions.answers_reassignment_first
        if is_first:
            _respond(connection, request, TMResponse.FUNCTION_COMPLETE)
        session.recovery.reassign(found[0], connection, request.exp_data_sn)
        if not is_first:
            _respond(connection, request, TMResponse.FUNCTION_COMPLETE)


def _query_task(
    connection: Connection,
    session: Session,
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
    _respond(connection, request, response)


def _query_task_set(
    connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    lun = decode_lun(request.lun)
    has_tasks = any(command.lun == lun for command in session.commands.values())
    _respond(
        connection,
        request,
        TMResponse.FUNCTION_SUCCEEDED if has_tasks else TMResponse.FUNCTION_COMPLETE,
    )


def _query_asynchronous_event(
    connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    assert session.node is not None
    unit = session.node.device.units[decode_lun(request.lun)]
    pending = unit.attentions.pending(session.nexus)
    if not pending:
        _respond(connection, request, TMResponse.FUNCTION_COMPLETE)
        return
    # UADE DEPTH, SENSE KEY, ADDITIONAL SENSE CODE and QUALIFIER (SAM-5 section 7.10).
    depth = 0b10 if len(pending) > 1 else 0b01
    information = (
        depth << 20
        | SenseKey.UNIT_ATTENTION << 16
        | pending[0].asc << 8
        | pending[0].ascq
    )
    _respond(connection, request, TMResponse.FUNCTION_SUCCEEDED, information)


def _clear_aca(
    connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    """End the auto contingent allegiance of the nexus (SAM-5 section 7.4)."""
    assert session.node is not None
    lun = decode_lun(request.lun)
    task_set = session.node.task_set(lun, session.nexus)
    faulted = task_set.allegiance.nexus
    rules = session.rules.allegiance
    if not rules.is_offered:
        _respond(connection, request, TMResponse.FUNCTION_NOT_SUPPORTED)
        return
    may_clear = rules.may_clear(faulted, session.nexus)
    if not may_clear or session.fence.is_crowded:
        _respond(connection, request, TMResponse.FUNCTION_REJECTED)
        return
    for command in task_set:
        if command.attribute == TaskAttribute.ACA and command.session is session:
            abort(command)

    def answer() -> Connection | None:
        if not connection.is_closing:
            _respond(connection, request, TMResponse.FUNCTION_COMPLETE)
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
    request: headers.TaskManagementRequest,
    _now: float,
) -> None:
    """Answer, then end the session at once (RFC 7144 section 6.3)."""
    _respond(connection, request, TMResponse.FUNCTION_COMPLETE)
    if session.rules.functions.nexus_reset_ends:
        session.close()


def _abort_many(
    connection: Connection,
    session: Session,
    request: headers.TaskManagementRequest,
    now: float,
) -> None:
    if len(session.aborts) >= _MOST_WAITING:
        _respond(connection, request, TMResponse.FUNCTION_REJECTED)
        return
    if request.function in _TARGET_RESETS:
        assert session.node is not None
        if not session.rules.functions.may_reset(session.node.config.may_be_reset):
            _respond(connection, request, TMResponse.AUTHORIZATION_FAILED)
            return
        _plug_gaps(connection, session, request.cmd_sn, now)
    started = MultiTaskAbort(connection, session, request, now)
    session.aborts[request.initiator_task_tag] = started
    started.progress()


def _plug_gaps(
    connection: Connection, session: Session, cmd_sn: int, now: float
) -> None:
    """Count all commands before a target reset as received (section 4.2.3.3 b)."""
    gap = session.window.missing_before(cmd_sn)
    for step in range(gap):
        session.fill_gap(connection, serial.add(cmd_sn, step - gap), now)


class MultiTaskAbort:
    """A function that ends many tasks, while it waits for what it must."""

    def __init__(
        self,
        connection: Connection,
        session: Session,
        request: headers.TaskManagementRequest,
        now: float,
    ) -> None:
        assert session.node is not None
        self.connection = connection
        self.session = session
        self.rules = session.rules
        self.request = request
        self.node: Node = session.node
        self.lun = (
            None if request.function in _TARGET_RESETS else decode_lun(request.lun)
        )
        self.deadline = now + _PATIENCE
        self._owing: list[Command] = []
        self._is_acting = False

    def progress(self) -> None:
        """Act if nothing has to be waited for any more."""
        session = self.session
        rules = self.rules.functions
        has_gap = session.window.missing_before(self.request.cmd_sn) > 0
        if self._is_acting or rules.must_wait(has_gap, self._has_foreign_gap):
            return
        # All tasks are looked at only when none of those that owed data does so still.
        while self._owing and not self._owing[-1].owes_data:
            self._owing.pop()
        if self._owing:
            return
        own = [] if self._leaves_tasks() else self._own_tasks()
        is_fast = session.parameters.task_reporting == "FastAbort"
        if rules.waits_for_data(is_fast):
            self._owing = [one for one in own if one.owes_data]
            for command in self._owing:
                command.is_aborting = True
            if self._owing:
                return
        self._is_acting = True
        self._act(own)

    def expire(self) -> None:
        """Drop the connection whose initiator does not send what it owes."""
        self.deadline = math.inf
        if self._is_acting:
            return
        log.warning("%s: no data for a task to be aborted", self.connection)
        for command in self._own_tasks():
            if command.connection is not None and command.is_aborting:
                command.connection.drop()
        self.progress()

    def _own_tasks(self) -> list[Command]:
        """Return the tasks of the issuing session that are affected."""
        reaches_later = self.rules.functions.reaches_later(
            self.request.function in _RESETS
        )
        return [
            command
            for command in self.session.commands.values()
            if self.lun in (None, command.lun)
            and (
                reaches_later
                or not serial.less_than(self.request.cmd_sn, command.request.cmd_sn)
            )
        ]

    def _foreign_tasks(self) -> list[Command]:
        function = self.request.function
        is_alone = self.rules.tasks.set_for_each_nexus
        if function == TMFunction.ABORT_TASK_SET or (
            function == TMFunction.CLEAR_TASK_SET and is_alone
        ):
            return []
        return [
            command
            for session in self.node.sessions()
            if session is not self.session
            for command in session.commands.values()
            if self.lun in (None, command.lun)
        ]

    def _has_foreign_gap(self) -> bool:
        """Tell whether another session waits for a command that has not come."""
        return any(
            other.held for other in self.node.sessions() if other is not self.session
        )

    def _leaves_tasks(self) -> bool:
        is_reset = self.request.function in _RESETS
        return is_reset and not self.rules.functions.reset_ends_tasks

    def _act(self, own: list[Command]) -> None:
        foreign = self._foreign_tasks()
        self._announce(own, foreign)
        for command in (*own, *foreign):
            abort(command)
        function = self.request.function
        device = self.node.device
        if function == TMFunction.CLEAR_TASK_SET:
            for lun, nexus in {(one.lun, one.session.nexus) for one in foreign}:
                device.establish_attention(
                    lun, nexus, AdditionalSense.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR
                )
        elif function == TMFunction.LOGICAL_UNIT_RESET:
            assert self.lun is not None
            device.logical_unit_reset(self.lun)
        elif function in _TARGET_RESETS:
            device.target_reset(is_cold=function == TMFunction.TARGET_COLD_RESET)
        self._settle_units()
        for session in {one.session for one in foreign}:
            session.announce_window()
        self.session.fence.raise_for(self.lun, self._answer)

    def _settle_units(self) -> None:
        """End ACA where a reset does, and fence what comes next."""
        luns = self.node.device.luns if self.lun is None else [self.lun]
        is_reset = self.request.function in _RESETS
        if is_reset and self.rules.allegiance.ends_with_reset:
            for lun in luns:
                for task_set in self.node.task_sets(lun):
                    task_set.allegiance.clear()
        for session in self.node.sessions():
            for lun in luns:
                session.fence.watch(lun)

    def _announce(self, own: list[Command], foreign: list[Command]) -> None:
        """Tell FastAbort connections of tasks that end (section 4.2.3.4 d)."""
        told: dict[tuple[Connection, int], None] = {}
        tells = self.rules.functions.tells
        own_reporting = self.session.parameters.task_reporting
        for command in (*own, *foreign):
            connection = command.connection
            if (
                connection is not None
                and connection is not self.connection
                and tells(connection.parameters.task_reporting, own_reporting)
            ):
                told[connection, command.request.lun] = None
        for connection, lun_field in told:
            events.send(connection, AsyncEvent.TASK_TERMINATION, lun=lun_field)

    def _answer(self) -> Connection | None:
        self.session.aborts.pop(self.request.initiator_task_tag, None)
        connection = self.connection
        if connection.is_closing:
            return None
        _respond(connection, self.request, TMResponse.FUNCTION_COMPLETE)
        rules, function = self.rules.functions, self.request.function
        if function in rules.ends_sessions:
            for session in self.node.sessions():
                session.close()
        rules.after_function(connection, function)
        return connection


_ACTIONS: Final[
    dict[
        int,
        Callable[[Connection, Session, headers.TaskManagementRequest, float], None],
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
