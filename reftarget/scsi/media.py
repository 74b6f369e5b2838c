# SPDX-License-Identifier: GPL-2.0-only
"""START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3 sections 5.25 and 5.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi.check_condition import (
    CheckCondition,
    illegal_request,
    invalid_field_in_cdb,
)
from reftarget.scsi.task import GOOD, Outcome, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit


def _is_removable(unit: LogicalUnit) -> bool:
    return unit.config.removable


def _start_stop_unit(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.start_stop_unit.parse(task.cdb)
    power_condition = fields["power_condition"]
    rules = unit.rules.medium
    if power_condition not in rules.power_conditions:
        raise invalid_field_in_cdb(4, 7)
    sanitizing = unit.not_ready(unit.device.now) if unit.sanitizing else None
    if sanitizing is not None:
        raise CheckCondition(sanitizing)
    if not rules.applies_start(power_condition):
        return GOOD
    start = bool(fields["start"])
    loej = rules.moves_medium(start, bool(fields["loej"]), unit.config.removable)
    if loej and not unit.config.removable:
        raise invalid_field_in_cdb(4, 1)
    if not start and not fields["no_flush"] and not unit.config.read_only:
        unit.backing.flush()
    if loej:
        _move_medium(unit, task, load=start)
    unit.is_started = start or loej
    return GOOD


def _move_medium(unit: LogicalUnit, task: Task, *, load: bool) -> None:
    rules = unit.rules.medium
    if unit.prevented and rules.applies_prevention:  # loading moves the medium, too
        raise illegal_request(AdditionalSense.MEDIUM_REMOVAL_PREVENTED)
    if load and not unit.is_loaded and rules.reports_new_medium:
        unit.attentions.establish_for_all(
            AdditionalSense.NOT_READY_TO_READY_CHANGE_MEDIUM_MAY_HAVE_CHANGED,
            but=task.nexus,
        )
    unit.is_loaded = load


def _prevent_allow(unit: LogicalUnit, task: Task) -> Outcome:
    prevent = cdb.prevent_allow_medium_removal.parse(task.cdb)["prevent"]
    if prevent & 0b10:
        raise invalid_field_in_cdb(4, 1)  # obsolete (SBC-3 section 5.13)
    if prevent:
        unit.prevented.add(task.nexus)
    else:
        unit.prevented = unit.rules.medium.allowed(unit.prevented, task.nexus)
    return GOOD


COMMANDS = (
    Command(
        cdb.start_stop_unit,
        _start_stop_unit,
        Access.START_STOP,
        ignored=("immed", "power_condition_modifier"),
        needs_medium=False,
    ),
    Command(
        cdb.prevent_allow_medium_removal,
        _prevent_allow,
        Access.REMOVAL,
        needs_medium=False,
        is_offered=_is_removable,
    ),
)
