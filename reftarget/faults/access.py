# SPDX-License-Identifier: GPL-2.0-only
"""The faults of target port groups and their access states."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iscsi.scsi import cdb
from iscsi.scsi import port_groups as right
from iscsi.scsi.port_groups import AccessState, PortGroup, StatusCode
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from reftarget.faults.row import Fault
from reftarget.scsi.check_condition import CheckCondition, illegal_request
from reftarget.scsi.reservation_state import State
from reftarget.scsi.rules import AccessRules, AdmissionRules, ReservationRules
from reftarget.scsi.rules.access import SETTABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iscsi.scsi.layout import Layout
    from reftarget.scsi.task import Task

_STANDBY: Final = AccessState.STANDBY
_UNAVAILABLE: Final = AccessState.UNAVAILABLE


def _without_non_optimized(state: int, layout: Layout) -> bool:
    """Serve only the commands of standby through a port that is not optimized."""
    if state == AccessState.NON_OPTIMIZED:
        state = _STANDBY
    return right.is_served(state, layout)


def _standby_knows_no_reservations(state: int, layout: Layout) -> bool:
    is_theirs = layout.opcode in (0x5E, 0x5F)
    return right.is_served(state, layout) and not (state == _STANDBY and is_theirs)


def _unavailable_cannot_be_left(state: int, layout: Layout) -> bool:
    is_that = state == _UNAVAILABLE and layout is cdb.set_target_port_groups
    return right.is_served(state, layout) and not is_that


def _unavailable_reads(state: int, layout: Layout) -> bool:
    is_read = state == _UNAVAILABLE and layout is cdb.read_10
    return right.is_served(state, layout) or is_read


def _other_refusal(code_of: AdditionalSense, *states: AccessState) -> AccessRules:
    """Return the rules of a target that gives one additional sense code for others."""

    def refusal(state: AccessState) -> Sense:
        code = code_of if state in states else right.REFUSALS[state]
        return Sense.of(SenseKey.NOT_READY, code)

    return AccessRules(refusal=refusal)


def _duplicated_own_group(
    groups: Sequence[PortGroup], _own: int
) -> Sequence[PortGroup]:
    return (*groups, groups[0])


def _unsupported(groups: Sequence[PortGroup], _own: int) -> Sequence[PortGroup]:
    return [replace(one, supported=one.supported - {one.state}) for one in groups]


def _no_ports(groups: Sequence[PortGroup], _own: int) -> Sequence[PortGroup]:
    return [replace(one, ports=()) for one in groups]


def _first_as_all(groups: Sequence[PortGroup], _own: int) -> Sequence[PortGroup]:
    """Report every group in the state of the first one."""
    return [replace(one, state=groups[0].state) for one in groups]


def _only_own_group(groups: Sequence[PortGroup], own: int) -> Sequence[PortGroup]:
    return [one for one in groups if one.group == own]


def _state_of_all(states: Mapping[int, AccessState], _group: int) -> AccessState:
    return max(states.values())


def _stays_unavailable(old: AccessState, new: AccessState) -> AccessState:
    return old if old is _UNAVAILABLE else new


def _stays(old: AccessState, _new: AccessState) -> AccessState:
    return old


def _only_this_port(is_sender: bool, is_other_port: bool, is_explicit: bool) -> bool:
    return not is_other_port and not (is_explicit and is_sender)


def _notify_everybody(
    _is_sender: bool, _is_other_port: bool, _is_explicit: bool
) -> bool:
    return True


def _silent_on_own_change(
    is_sender: bool, _is_other_port: bool, is_explicit: bool
) -> bool:
    return is_explicit and not is_sender


def _silent_on_explicit_change(
    _is_sender: bool, _is_other_port: bool, is_explicit: bool
) -> bool:
    return not is_explicit


def _no_setting(layout: Layout, _task: Task) -> CheckCondition | None:
    if layout is not cdb.set_target_port_groups:
        return None
    return illegal_request(AdditionalSense.INVALID_COMMAND_OPERATION_CODE)


def _ends_with_state(state: State) -> State:
    return replace(state, registrations={}, reservation=None)


ACCESS: Final = (
    Fault(
        name="access-states-are-not-reported",
        breaks=("SPC4-6.37-01",),
        says="Says TPGS=11b, and describes target ports that are not there.",
        rules=AccessRules(described=lambda _groups, _own: ()),
        also="without a group no other check knows of which one to ask",
    ),
    Fault(
        name="report-length-is-cut",
        breaks=("SPC4-6.37-02",),
        says="RETURN DATA LENGTH counts what is returned.",
        rules=AccessRules(
            return_data_length=lambda length, room: max(min(length, room), 0)
        ),
    ),
    Fault(
        name="report-ends-with-a-descriptor",
        breaks=("SPC4-6.37-02",),
        says="Returns target port group descriptors as a whole or not at all.",
        rules=AccessRules(
            cut=lambda data, room: data if len(data) <= room else data[: min(4, room)]
        ),
    ),
    Fault(
        name="group-is-described-twice",
        breaks=("SPC4-6.37-03",),
        says="Describes the first target port group twice.",
        rules=AccessRules(described=_duplicated_own_group),
    ),
    Fault(
        name="group-has-no-ports",
        breaks=("SPC4-6.37-03",),
        says="Describes target port groups without their target ports.",
        rules=AccessRules(described=_no_ports),
        also="the port of VPD page 83h is then in no group",
    ),
    Fault(
        name="state-is-not-supported",
        breaks=("SPC4-6.37-04",),
        says="Says of the state that a group is in that it does not support it.",
        rules=AccessRules(described=_unsupported),
    ),
    Fault(
        name="report-header-stays-short",
        breaks=("SPC4-6.37-05",),
        says="Takes PARAMETER DATA FORMAT 001b and returns the short header.",
        rules=AccessRules(extends_header=False),
    ),
    Fault(
        name="reserved-report-format-is-taken",
        breaks=("SPC4-6.37-06",),
        says="Takes a reserved PARAMETER DATA FORMAT for the short one.",
        rules=AccessRules(is_report_refused=lambda _data_format: False),
    ),
    Fault(
        name="status-code-reports-the-other-cause",
        breaks=("SPC4-6.37-07",),
        says="Tells of an initiator's change of state as of its own, and vice versa.",
        rules=AccessRules(
            explicit_status=StatusCode.IMPLICIT, implicit_status=StatusCode.EXPLICIT
        ),
    ),
    Fault(
        name="preference-is-not-reported",
        breaks=("SPC4-6.37-08",),
        says="Reports PREF=0 for a preferred target port group.",
        rules=AccessRules(reports_preference=False),
    ),
    Fault(
        name="port-reports-only-its-own-group",
        breaks=("SPC4-6.37-09",),
        says="Describes the target port group of the port that is asked, no other.",
        rules=AccessRules(described=_only_own_group),
        also="what is done with the other group is not seen",
    ),
    Fault(
        name="group-of-another-port-is-designated",
        breaks=("SPC4-7.8-05",),
        says="Designates another target port group by VPD page 83h.",
        rules=AccessRules(designated_group=lambda group: group ^ 3),
    ),
    Fault(
        name="state-is-not-set",
        breaks=("SPC4-6.45-01",),
        says="Ends SET TARGET PORT GROUPS with GOOD and changes no state.",
        rules=AccessRules(set_state=_stays),
        also="the state that a check is about is not reached",
    ),
    Fault(
        name="one-state-for-all-groups",
        breaks=("SPC4-6.45-01",),
        says="Reports the state of the first target port group for all of them.",
        rules=AccessRules(described=_first_as_all),
        also="another group than that whose state has changed shows it",
    ),
    Fault(
        name="empty-list-of-states-is-refused",
        breaks=("SPC4-6.45-02",),
        says="Refuses SET TARGET PORT GROUPS with PARAMETER LIST LENGTH 0.",
        rules=AccessRules(empty_list_is_good=False),
        also="where nothing is to change, checks use an empty list",
    ),
    Fault(
        name="cut-list-of-states-is-taken",
        breaks=("SPC4-6.45-03",),
        says="Takes as much of a list of states as is whole.",
        rules=AccessRules(refuses_cut_list=False),
    ),
    Fault(
        name="state-of-no-group-is-taken",
        breaks=("SPC4-6.45-04",),
        says="Passes over a target port group that there is not.",
        rules=AccessRules(refuses_other_groups=False),
    ),
    Fault(
        name="reserved-state-is-taken",
        breaks=("SPC4-6.45-05",),
        says="Ends SET TARGET PORT GROUPS for a reserved state with GOOD.",
        rules=AccessRules(refuses_other_states=False),
    ),
    Fault(
        name="transition-is-set",
        breaks=("SPC4-6.45-05",),
        says="Lets an initiator leave a group between two states.",
        rules=AccessRules(settable=SETTABLE | {AccessState.TRANSITIONING}),
    ),
    Fault(
        name="states-cannot-be-set",
        breaks=("SPC4-6.45-06",),
        says="Says TPGS=11b, and does not know SET TARGET PORT GROUPS.",
        rules=AdmissionRules(objection=_no_setting),
    ),
    Fault(
        name="non-optimized-serves-no-medium",
        breaks=("SPC4-5.15.2.4-01",),
        says="Serves no medium through a port that is not optimized.",
        rules=AccessRules(
            is_served=_without_non_optimized,
            refusal=lambda _state: Sense.of(
                SenseKey.NOT_READY, right.REFUSALS[_STANDBY]
            ),
        ),
        also="unit attentions are asked for by TEST UNIT READY",
    ),
    Fault(
        name="standby-knows-no-reservations",
        breaks=("SPC4-5.15.2.4-02",),
        says="Refuses PERSISTENT RESERVE IN and OUT in standby.",
        rules=AccessRules(is_served=_standby_knows_no_reservations),
    ),
    Fault(
        name="standby-is-reported-as-unavailable",
        breaks=("SPC4-5.15.2.4-03",),
        says="Refuses commands in standby as in the state unavailable.",
        rules=_other_refusal(right.REFUSALS[_UNAVAILABLE], _STANDBY),
    ),
    Fault(
        name="unavailable-cannot-be-left",
        breaks=("SPC4-5.15.2.4-04",),
        says="Refuses SET TARGET PORT GROUPS in the state unavailable.",
        rules=AccessRules(is_served=_unavailable_cannot_be_left),
        also="a port that is alone stays unavailable",
    ),
    Fault(
        name="unavailable-is-reported-as-standby",
        breaks=("SPC4-5.15.2.4-05",),
        says="Refuses commands in the state unavailable as in standby.",
        rules=_other_refusal(right.REFUSALS[_STANDBY], _UNAVAILABLE),
    ),
    Fault(
        name="unavailable-port-reads",
        breaks=("SPC4-5.15.2.4-05",),
        says="Serves READ (10) in the state unavailable.",
        rules=AccessRules(is_served=_unavailable_reads),
    ),
    Fault(
        name="state-is-that-of-all-ports",
        breaks=("SPC4-5.15.2.4-06",),
        says="Refuses commands through all ports once one of them is out of service.",
        rules=AccessRules(state_for=_state_of_all),
    ),
    Fault(
        name="transition-is-reported-as-standby",
        breaks=("SPC4-5.15.2.5-01",),
        says="Refuses commands amid a transition as in standby.",
        rules=_other_refusal(right.REFUSALS[_STANDBY], AccessState.TRANSITIONING),
    ),
    Fault(
        name="port-never-serves-again",
        breaks=("SPC4-5.15.2.5-02",),
        says="Goes on to refuse commands once a port has been unavailable.",
        rules=AccessRules(applied=_stays_unavailable),
        also="the session that changes the states is refused, too",
    ),
    Fault(
        name="own-change-of-state-is-not-reported",
        breaks=("SPC4-5.15.2.5-03",),
        says="Notifies no nexus of a state that it has changed itself.",
        rules=AccessRules(is_notified=_silent_on_own_change),
    ),
    Fault(
        name="set-state-is-not-reported",
        breaks=("SPC4-5.15.2.5-04",),
        says="Notifies no nexus of a state that an initiator has changed.",
        rules=AccessRules(is_notified=_silent_on_explicit_change),
    ),
    Fault(
        name="other-ports-are-not-notified-of-a-state",
        breaks=("SPC4-5.15.2.5-03", "SPC4-5.15.2.5-04"),
        says="Tells of a changed state only the nexuses of the port that it is of.",
        rules=AccessRules(is_notified=_only_this_port),
    ),
    Fault(
        name="sender-is-notified-of-the-state",
        breaks=("SPC4-5.15.2.5-05",),
        says="Also notifies the nexus that has changed a state.",
        rules=AccessRules(is_notified=_notify_everybody),
    ),
    Fault(
        name="failed-change-of-state-is-not-reported",
        breaks=("SPC4-5.15.2.5-06",),
        says="Notifies no nexus of a failed change of state of its own.",
        rules=AccessRules(reports_failed_change=False),
    ),
    Fault(
        name="states-end-reservations",
        breaks=("SPC4-5.12.1-06",),
        says="Forgets registrations and reservations when an access state changes.",
        rules=ReservationRules(after_access_change=_ends_with_state),
    ),
)
