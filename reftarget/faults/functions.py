# SPDX-License-Identifier: GPL-2.0-only
"""The faults of task management functions."""

from __future__ import annotations

from typing import Final

from iscsi.constants import TMFunction
from reftarget.faults.row import Fault
from reftarget.rules import (
    FunctionRules,
    functions,
)
from reftarget.rules.functions import Responding


def _renumber_after_unit_reset(connection: Responding, function: int) -> None:
    if function == TMFunction.LOGICAL_UNIT_RESET:
        connection.stat_sn = 1


FUNCTIONS: Final = (
    Fault(
        name="abort-task-of-tmf-completes",
        breaks=("RFC7143-11.5.1-13", "RFC7143-11.5.1-12"),
        says="Answers ABORT TASK of a task management function with Function complete.",
        rules=FunctionRules(can_abort_function=True),
    ),
    Fault(
        name="abort-task-misses-immediate-commands",
        breaks=("RFC7143-11.6.1-i01",),
        says="Reports that the task of an immediate command does not exist.",
        rules=FunctionRules(finds_immediate=False),
    ),
    Fault(
        name="abort-task-leaves-the-gap",
        breaks=("RFC7143-7.11-03",),
        says="Does not count an aborted command that never came as received.",
        rules=FunctionRules(fills_gap=False),
    ),
    Fault(
        name="lun-reset-leaves-tasks",
        breaks=("RFC7143-11.5.1-14", "RFC7143-4.2.3.3-01", "RFC7143-4.2.3.3-11"),
        says="Does not end the tasks of a logical unit that is reset.",
        rules=FunctionRules(reset_ends_tasks=False),
    ),
    Fault(
        name="anybody-may-reset-the-target",
        breaks=("RFC7143-11.5.1-16",),
        says="Resets the target for initiators that are not authorized.",
        rules=FunctionRules(may_reset=lambda _is_authorized: True),
    ),
    Fault(
        name="tmf-waits-for-gaps-of-third-parties",
        breaks=("RFC7143-4.2.3.3-10", "RFC7143-4.2.3.4-09"),
        says="Waits for commands that have not come on other sessions.",
        rules=FunctionRules(
            must_wait=lambda has_gap, others_have_gaps: has_gap or others_have_gaps()
        ),
    ),
    Fault(
        name="tmf-does-not-wait-for-data",
        breaks=("RFC7143-4.2.3.3-07",),
        says="Ends tasks whose data is under way.",
        rules=FunctionRules(waits_for_data=lambda _is_fast: False),
    ),
    Fault(
        name="old-session-notifies-no-third-party",
        breaks=("RFC7143-4.2.3.5-01",),
        says="Does not notify FastAbort sessions of tasks that an older session ends.",
        rules=FunctionRules(
            notifies=lambda reporting, own: (
                functions.notifies(reporting, own) and own != "RFC3720"
            )
        ),
    ),
    Fault(
        name="abort-task-ends-nothing",
        breaks=("RFC7143-11.5.1-04",),
        says="Answers ABORT TASK and lets the task continue.",
        rules=FunctionRules(aborts_task=False),
    ),
    Fault(
        name="cold-reset-drops-nobody",
        breaks=("RFC7143-11.5.1-17", "RFC7143-E.2-i01"),
        says="Leaves connections open at TARGET COLD RESET.",
        rules=FunctionRules(ends_sessions=frozenset()),
    ),
    Fault(
        name="warm-reset-drops-connections",
        breaks=("RFC7143-E.1-i06",),
        says="Ends all sessions at TARGET WARM RESET.",
        rules=FunctionRules(
            ends_sessions=frozenset(
                {TMFunction.TARGET_COLD_RESET, TMFunction.TARGET_WARM_RESET}
            )
        ),
    ),
    Fault(
        name="unit-reset-renumbers",
        breaks=(
            "RFC7143-E.1-i05",
            "RFC7143-4.2.2.2-i01",
        ),
        says="Restarts StatSN at LOGICAL UNIT RESET.",
        also="resets bring about what other checks look at",
        rules=FunctionRules(after_function=_renumber_after_unit_reset),
    ),
    Fault(
        name="tmf-reaches-later-commands",
        breaks=("RFC7143-11.5.1-i01",),
        says="Ends commands that come after the function, too.",
        rules=FunctionRules(reaches_later=lambda _is_reset: True),
    ),
    Fault(
        name="late-data-is-rejected",
        breaks=("RFC7143-10.7-02", "RFC7143-4.2.3.4-11"),
        says="Rejects data for tasks that a function has ended.",
        rules=FunctionRules(forgives_late_data=False),
    ),
    Fault(
        name="old-sessions-are-notified",
        breaks=("RFC7143-4.2.3.5-03", "RFC7143-11.9.1-08"),
        says="Sends AsyncEvent 5 to sessions without FastAbort, too.",
        rules=FunctionRules(notifies=lambda _reporting, _own: True),
    ),
    Fault(
        name="tmf-does-not-wait-for-gaps",
        breaks=("RFC7143-4.2.3.3-09", "RFC7143-4.2.3.4-08"),
        says="Answers a function though commands before it are missing.",
        rules=FunctionRules(must_wait=lambda _has_gap, _others_have_gaps: False),
    ),
    Fault(
        name="nexus-reset-ends-nothing",
        breaks=(
            "RFC7144-6.3-10",
            "RFC7144-6.3-11",
            "RFC7144-6.3-12",
            "RFC7144-6.3-13",
            "RFC7144-6.5-01",
            "RFC7144-6.3-04",
        ),
        says="Answers I_T NEXUS RESET and ends nothing.",
        rules=FunctionRules(nexus_reset_ends=False),
    ),
    Fault(
        name="reassigned-task-goes-on-first",
        breaks=("RFC7143-7.2.2-09", "RFC7143-11.5.1-19", "RFC7143-11.6-01"),
        says="Continues a task before it answers TASK REASSIGN.",
        rules=FunctionRules(answers_reassignment_first=False),
    ),
)
