# SPDX-License-Identifier: GPL-2.0-only
"""The habits of tasks, task management and ACA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.constants import TMFunction
from iscsi.scsi.layout import control_of
from iscsi.scsi.sense import AdditionalSense
from reftarget.habits.row import Habit
from reftarget.rules import AllegianceRules, FunctionRules, TaskRules
from reftarget.scsi.check_condition import CheckCondition, illegal_request
from reftarget.scsi.rules import AdmissionRules, IdentityRules, ModeRules

if TYPE_CHECKING:
    from iscsi.scsi.layout import Layout
    from reftarget.scsi.task import Task

_NACA: Final = 0x04

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
# A target with ACA has a function that ends it (SAM-5 5.10.5).
_ON_SEVERAL: Final = _ALL - {
    TMFunction.ABORT_TASK,
    TMFunction.CLEAR_ACA,
    TMFunction.TASK_REASSIGN,
}

_SINGLE: Final = (
    TMFunction.ABORT_TASK,
    TMFunction.ABORT_TASK_SET,
    TMFunction.CLEAR_TASK_SET,
    TMFunction.LOGICAL_UNIT_RESET,
    TMFunction.TARGET_WARM_RESET,
    TMFunction.TARGET_COLD_RESET,
    TMFunction.QUERY_TASK,
    TMFunction.QUERY_TASK_SET,
    TMFunction.I_T_NEXUS_RESET,
    TMFunction.QUERY_ASYNCHRONOUS_EVENT,
)


def _without(function: TMFunction) -> Habit:
    """Return the habit of doing without one function."""
    words = function.name.replace("_", " ")
    return Habit(
        name=f"no-{words.lower().replace(' ', '-')}",
        clause="RFC 7143 11.6.1",
        says=f"Does not support {words}.",
        absent_functions=frozenset({function}),
        absent=_REPORT,
        lacks=(
            frozenset({"reset-authorization"})
            if function in {TMFunction.TARGET_WARM_RESET, TMFunction.TARGET_COLD_RESET}
            else frozenset()
        ),
        is_poor=True,
    )


def _objection_to_naca(_layout: Layout, task: Task) -> CheckCondition | None:
    """Refuse the NACA bit, which is in the last byte of a CDB or its second."""
    control = control_of(task.cdb)
    if not control & _NACA:
        return None
    return illegal_request(AdditionalSense.INVALID_FIELD_IN_CDB)


_SHOULD_OFFER_ACA: Final = frozenset({"RFC7143-10.2-02"})
_NO_ACA: Final = (
    IdentityRules(normaca=False),
    AllegianceRules(is_offered=False),
    AdmissionRules(objection=_objection_to_naca),
)

TASKS: Final = (
    Habit(
        name="task-set-of-32",
        clause="SAM-5 5.3.1",
        says="Ends a command beside 32 others of its session with TASK SET FULL.",
        rules=TaskRules(is_full=lambda in_progress, _most: in_progress > 32),
    ),
    Habit(
        name="resets-are-not-authorized",
        clause="RFC 7143 11.5.1",
        says="Authorizes no initiator to reset the target.",
        rules=FunctionRules(may_reset=lambda _is_authorized: False),
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    Habit(
        name="no-target-resets",
        clause="RFC 7143 11.6.1",
        says="Supports neither TARGET WARM RESET nor TARGET COLD RESET.",
        absent_functions=frozenset(
            {TMFunction.TARGET_WARM_RESET, TMFunction.TARGET_COLD_RESET}
        ),
        absent=_REPORT,
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    *map(_without, _SINGLE),
    Habit(
        name="absent-functions-are-rejected",
        clause="RFC 7143 11.17.1",
        says="Rejects CLEAR TASK SET and TARGET WARM RESET, which it does not support.",
        rules=FunctionRules(rejects_absent=True),
        absent_functions=frozenset(
            {TMFunction.CLEAR_TASK_SET, TMFunction.TARGET_WARM_RESET}
        ),
        keys={"iSCSIProtocolLevel": "1"},
        absent=_REPORT,
        is_poor=True,
    ),
    Habit(
        name="no-aca",
        clause="SPC-4 6.6.2",
        says="Gives NORMACA 0, refuses the NACA bit and has no CLEAR ACA.",
        rules=_NO_ACA,
        may_warn=_SHOULD_OFFER_ACA,
        absent_functions=frozenset({TMFunction.CLEAR_ACA}),
        absent=_REPORT,
        is_poor=True,
    ),
    Habit(
        name="no-function-but-abort-task",
        clause="RFC 7143 11.6.1",
        says="Supports no function on several tasks.",
        absent_functions=_ON_SEVERAL,
        absent=_REPORT,
        lacks=frozenset({"reset-authorization"}),
        is_poor=True,
    ),
    Habit(
        name="no-task-management",
        clause="RFC 7143 11.17.1",
        says="Rejects all task management, and so has neither ACA nor recovery of"
        " connections.",
        rules=(FunctionRules(rejects_absent=True), *_NO_ACA),
        may_warn=_SHOULD_OFFER_ACA,
        absent_functions=_ALL,
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
        # A unit without a control mode page has one task set.
        apart_from=("no-modes", "no-mode-control", "no-optional-commands"),
    ),
)
"""What a target may do about tasks."""
