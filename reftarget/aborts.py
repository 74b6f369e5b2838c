# SPDX-License-Identifier: GPL-2.0-only
"""How tasks are aborted: one, or many by one function (RFC 7143 section 4.2.3).

A function on many tasks waits for the commands before it and, unless FastAbort was
agreed, for data that the issuing initiator still has to send. Then it acts, notifies
third parties and answers through the fence.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from iscsi import headers, serial
from iscsi.constants import AsyncEvent, TMFunction, TMResponse
from iscsi.scsi.luns import decode as decode_lun
from iscsi.scsi.sense import AdditionalSense
from reftarget import events

if TYPE_CHECKING:
    from reftarget.command import Command
    from reftarget.connection import Connection
    from reftarget.session import Node, Session

log = logging.getLogger("reftarget")

_PATIENCE: Final = 10.0
"""The seconds that an abort waits for data; then its connection is dropped."""

_RESETS: Final = frozenset(
    {
        TMFunction.LOGICAL_UNIT_RESET,
        TMFunction.TARGET_WARM_RESET,
        TMFunction.TARGET_COLD_RESET,
    }
)
TARGET_RESETS: Final = _RESETS - {TMFunction.LOGICAL_UNIT_RESET}
"""The functions that reset all units of a target name."""


def respond(
    connection: Connection,
    request: headers.TaskManagementRequest,
    response: TMResponse,
    information: int = 0,
) -> None:
    """Answer a function.

    Args:
        connection: where it came.
        request: the function.
        response: what it came to.
        information: Additional Response Information (RFC 7144 section 6.4).
    """
    connection.respond(
        headers.TaskManagementResponse(
            response=response,
            additional_response_information=information,
            initiator_task_tag=request.initiator_task_tag,
        )
    )


def abort(command: Command) -> None:
    """End a task without a response; discard data that still arrives for it."""
    command.session.drain(command.itt)
    command.abandon()


class MultiTaskAbort:
    """A function that ends many tasks, while it waits for commands and data."""

    def __init__(
        self,
        connection: Connection,
        session: Session,
        node: Node,
        request: headers.TaskManagementRequest,
        now: float,
    ) -> None:
        self.connection = connection
        self.session = session
        self.rules = session.rules
        self.request = request
        self.node = node
        self.lun = (
            None if request.function in TARGET_RESETS else decode_lun(request.lun)
        )
        self.deadline = now + _PATIENCE
        self._awaiting_data: list[Command] = []
        self._is_acting = False

    def progress(self) -> None:
        """Act once nothing has to be waited for."""
        session = self.session
        rules = self.rules.functions
        has_gap = session.window.missing_before(self.request.cmd_sn) > 0
        if self._is_acting or rules.must_wait(has_gap, self._has_foreign_gap):
            return
        # Check all tasks only after the last of those that awaited data has got it.
        while self._awaiting_data and not self._awaiting_data[-1].awaits_data_out:
            self._awaiting_data.pop()
        if self._awaiting_data:
            return
        own = [] if self._leaves_tasks() else self._own_tasks()
        is_fast = session.parameters.task_reporting == "FastAbort"
        if rules.waits_for_data(is_fast):
            self._awaiting_data = [one for one in own if one.awaits_data_out]
            for command in self._awaiting_data:
                command.is_aborting = True
            if self._awaiting_data:
                return
        self._is_acting = True
        self._act(own)

    def expire(self) -> None:
        """Drop the connection whose initiator does not send its data."""
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
        """Tell whether another session waits for a command that has not arrived."""
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
            device.logical_unit_reset(decode_lun(self.request.lun))
        elif function in TARGET_RESETS:
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
        """Notify FastAbort connections of tasks that end (section 4.2.3.4 d)."""
        notified: dict[tuple[Connection, int], None] = {}
        notifies = self.rules.functions.notifies
        own_reporting = self.session.parameters.task_reporting
        for command in (*own, *foreign):
            connection = command.connection
            if (
                connection is not None
                and connection is not self.connection
                and notifies(connection.parameters.task_reporting, own_reporting)
            ):
                notified[connection, command.request.lun] = None
        for connection, lun_field in notified:
            events.send(connection, AsyncEvent.TASK_TERMINATION, lun=lun_field)

    def _answer(self) -> Connection | None:
        self.session.aborts.pop(self.request.initiator_task_tag, None)
        connection = self.connection
        if connection.is_closing:
            return None
        respond(connection, self.request, TMResponse.FUNCTION_COMPLETE)
        rules, function = self.rules.functions, self.request.function
        if function in rules.ends_sessions:
            for session in self.node.sessions():
                session.close()
        rules.after_function(connection, function)
        return connection
