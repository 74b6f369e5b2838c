# SPDX-License-Identifier: GPL-2.0-only
"""The habits of tasks, task management and ACA."""

from __future__ import annotations

from typing import Final

from iscsi.constants import TMFunction
from reftarget.habits.row import Habit
from reftarget.rules import FunctionRules, TaskRules
from reftarget.scsi.rules import ModeRules

_REPORT: Final = frozenset({"REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"})
_OF_RFC_7144: Final = frozenset(
    {
        TMFunction.QUERY_TASK,
        TMFunction.QUERY_TASK_SET,
        TMFunction.I_T_NEXUS_RESET,
        TMFunction.QUERY_ASYNCHRONOUS_EVENT,
    }
)
_ALL: Final = frozenset(TMFunction) - _OF_RFC_7144
_BUT_ABORT_TASK: Final = _ALL - {TMFunction.ABORT_TASK, TMFunction.TASK_REASSIGN}


TASKS: Final = (
    Habit(
        name="resets-are-not-authorized",
        clause="RFC 7143 11.5.1",
        says="Authorizes nobody to reset the target.",
        rules=FunctionRules(may_reset=lambda _is_authorized: False),
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    Habit(
        name="no-target-resets",
        clause="RFC 7143 11.6.1",
        says="Supports neither TARGET WARM RESET nor TARGET COLD RESET.",
        rules=FunctionRules(
            absent=frozenset(
                {TMFunction.TARGET_WARM_RESET, TMFunction.TARGET_COLD_RESET}
            )
        ),
        absent=_REPORT,
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    Habit(
        name="no-function-but-abort-task",
        clause="RFC 7143 11.6.1",
        says="Supports no function on several tasks.",
        rules=FunctionRules(absent=_BUT_ABORT_TASK),
        absent=_REPORT,
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    Habit(
        name="no-task-management",
        clause="RFC 7143 11.17.1",
        says="Rejects all task management, and so has no recovery of connections.",
        rules=FunctionRules(absent=_ALL, rejects_absent=True),
        keys={
            "ErrorRecoveryLevel": "1",
            "iSCSIProtocolLevel": "1",
            "TaskReporting": "RFC3720",
        },
        absent=_REPORT,
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    Habit(
        name="task-set-for-each-nexus",
        clause="SPC-4 7.5.8",
        says="Keeps a task set for each nexus: TST is 001b.",
        rules=(TaskRules(set_for_each_nexus=True), ModeRules(task_set_type=1)),
    ),
)
"""What a target may do about tasks."""
