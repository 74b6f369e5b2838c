# SPDX-License-Identifier: GPL-2.0-only
"""Ways of access: the commands of target port groups, and what a state does (SPC-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.port_groups import (
    SET_HEADER,
    SET_LENGTH,
    AccessManagement,
    AccessState,
    ReportFormat,
    build_report,
    parse_states,
)
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense, Sense
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import (
    invalid_field_in_cdb,
    invalid_field_in_parameter_list,
)
from reftarget.scsi.task import GOOD, DataOutNeeded, Nexus, Outcome, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.rules.access import AccessRules
    from reftarget.scsi.unit import LogicalUnit


def management(unit: LogicalUnit) -> AccessManagement:
    """Return TPGS of standard INQUIRY data."""
    absent = unit.config.absent
    return unit.rules.access.management(
        cdb.report_target_port_groups.name not in absent,
        cdb.set_target_port_groups.name not in absent,
    )


def refusal(unit: LogicalUnit, task: Task, command: Command) -> Sense | Outcome | None:
    """Return the answer to a command that the state of its port does not serve."""
    rules = unit.rules.access
    state = unit.port_groups.state_for(task.nexus, rules)
    if rules.is_served(state, command.layout):
        return None
    return rules.refusal(state)


def change_implicitly(unit: LogicalUnit, tag: int, state: AccessState) -> None:
    """Change the state of a group as the target itself does."""
    rules = unit.rules.access
    if unit.port_groups.change(tag, state, rules.implicit_status, rules):
        _notify(unit, tag, None)


def fail_transition(unit: LogicalUnit) -> None:
    """Tell every nexus of a change of the target's own that has failed."""
    if unit.rules.access.reports_failed_change:
        unit.attentions.establish_for_all(
            AdditionalSense.IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED
        )


def _notify(unit: LogicalUnit, tag: int, sender: Nexus | None) -> None:
    """Tell of a change of state whom it concerns."""
    rules = unit.rules.access
    for nexus in unit.attentions:
        is_other_port = nexus.target_portal_group_tag != tag
        if rules.is_notified(nexus == sender, is_other_port, sender is not None):
            unit.establish_attention(
                nexus, AdditionalSense.ASYMMETRIC_ACCESS_STATE_CHANGED
            )
    unit.reservations.access_changed()


def _report(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.report_target_port_groups.parse(task.cdb)
    rules = unit.rules.access
    data_format = fields["parameter_data_format"]
    is_extended = data_format == ReportFormat.EXTENDED
    if rules.is_report_refused(data_format) or (
        is_extended and not rules.has_extended_header
    ):
        raise invalid_field_in_cdb(1, 7)
    has_time = is_extended and rules.extends_header
    data = build_report(
        unit.port_groups.describe(task.nexus, rules),
        transition_time=0 if has_time else None,
    )
    room = fields["allocation_length"]
    length = rules.return_data_length(len(data) - 4, room - 4)
    data = length.to_bytes(4, "big") + data[4:]
    return Outcome(SCSIStatus.GOOD, rules.cut(data, room))


def _set(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    length = cdb.set_target_port_groups.parse(task.cdb)["parameter_list_length"]
    rules = unit.rules.access
    if not length and rules.empty_list_is_good:
        return GOOD
    _check_length(rules, length)

    def change(data: bytes | memoryview) -> Outcome:
        complete_length = len(data) - (len(data) - SET_HEADER) % SET_LENGTH
        try:
            states = parse_states(bytes(data[:complete_length]))
        except DecodeError:
            return GOOD
        if rules.checks_all_first:
            for place, (group, state) in enumerate(states):
                _check(unit, place, group, state)
        for place, (group, state) in enumerate(states):
            _check(unit, place, group, state)
            if state in rules.settable and group in unit.port_groups:
                _change(unit, group, AccessState(state), task.nexus)
        return GOOD

    return DataOutNeeded(length, change)


def _check_length(rules: AccessRules, length: int) -> None:
    """Refuse a list that is cut, or has more descriptors than there can be groups."""
    ends_within = length < SET_HEADER or (length - SET_HEADER) % SET_LENGTH
    if ends_within and (not length or rules.refuses_cut_list):
        raise rules.cut_list()
    if length > SET_HEADER + 0xFFFF * SET_LENGTH:
        raise invalid_field_in_cdb(6, 7)


def _check(unit: LogicalUnit, place: int, group: int, state: int) -> None:
    """Refuse a descriptor of a group or of a state that there is not."""
    rules = unit.rules.access
    offset = SET_HEADER + place * SET_LENGTH
    if state not in rules.settable and rules.refuses_other_states:
        raise invalid_field_in_parameter_list(offset, 3)
    if group not in unit.port_groups and rules.refuses_other_groups:
        raise invalid_field_in_parameter_list(offset + 2, 7)


def _change(unit: LogicalUnit, tag: int, state: AccessState, sender: Nexus) -> None:
    rules = unit.rules.access
    state = rules.set_state(unit.port_groups.state_of(tag), state)
    if unit.port_groups.change(tag, state, rules.explicit_status, rules):
        _notify(unit, tag, sender)


COMMANDS = (
    Command(
        cdb.report_target_port_groups,
        _report,
        Access.FREE,
        needs_medium=False,
    ),
    Command(
        cdb.set_target_port_groups,
        _set,
        Access.WRITE,
        needs_medium=False,
    ),
)
