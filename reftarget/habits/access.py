# SPDX-License-Identifier: GPL-2.0-only
"""The habits of access states: which there are, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.scsi import port_groups as right
from iscsi.scsi.port_groups import ACTIVE, REFUSALS, AccessState, StatusCode
from iscsi.scsi.sense import Sense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.habits.row import Habit
from reftarget.scsi.check_condition import parameter_list_length_error
from reftarget.scsi.rules import AccessRules
from reftarget.scsi.task import Outcome

if TYPE_CHECKING:
    from iscsi.scsi.layout import Layout


def _standby_serves_all(state: int, layout: Layout) -> bool:
    return state == AccessState.STANDBY or right.is_served(state, layout)


def _busy_amid_transitions(state: AccessState) -> Sense | Outcome:
    if state is AccessState.TRANSITIONING:
        return Outcome(SCSIStatus.BUSY)
    return Sense.of(SenseKey.NOT_READY, REFUSALS[state])


def _second_is_slower(group: int) -> AccessState:
    return AccessState.NON_OPTIMIZED if group > 1 else AccessState.OPTIMIZED


ACCESS: Final = (
    Habit(
        name="report-header-is-never-extended",
        clause="SPC-4 6.37",
        says="Refuses PARAMETER DATA FORMAT 001b.",
        rules=AccessRules(has_extended_header=False),
        is_poor=True,
    ),
    Habit(
        name="state-changes-have-no-status",
        clause="SPC-4 6.37",
        says="Gives STATUS CODE 00h after every change of state.",
        rules=AccessRules(
            explicit_status=StatusCode.NONE, implicit_status=StatusCode.NONE
        ),
    ),
    Habit(
        name="active-states-alone",
        clause="SPC-4 6.37",
        says="Supports no state but both active ones, and those of its own.",
        rules=AccessRules(settable=ACTIVE),
        is_poor=True,
    ),
    Habit(
        name="states-are-set-one-by-one",
        clause="SPC-4 6.45",
        says="Sets the states of a list up to the descriptor that it refuses.",
        rules=AccessRules(checks_all_first=False),
    ),
    Habit(
        name="cut-list-of-states-has-its-own-error",
        clause="SPC-4 6.45",
        says="Ends a list of states that is cut with PARAMETER LIST LENGTH ERROR.",
        rules=AccessRules(cut_list=parameter_list_length_error),
    ),
    Habit(
        name="standby-serves-all",
        clause="SPC-4 5.15.2.4",
        says="Serves every command in standby.",
        rules=AccessRules(is_served=_standby_serves_all),
    ),
    Habit(
        name="transitions-are-busy",
        clause="SPC-4 5.15.2.5",
        says="Ends commands that it does not serve during a transition with BUSY.",
        rules=AccessRules(refusal=_busy_amid_transitions),
    ),
    Habit(
        name="second-group-is-not-optimized",
        clause="SPC-4 5.15.2.4",
        says="Has its second target port group in the state active/non-optimized.",
        rules=AccessRules(first_state=_second_is_slower),
    ),
)
"""What a unit with several ways may do otherwise."""
