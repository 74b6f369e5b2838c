# SPDX-License-Identifier: GPL-2.0-only
"""START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3 sections 5.25 and 5.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense
from reftarget.faults.media import MediaBend
from reftarget.faults.upkeep import UpkeepBend
from reftarget.scsi.check_condition import (
    CheckCondition,
    illegal_request,
    invalid_field_in_cdb,
)
from reftarget.scsi.commands import Access, Command
from reftarget.scsi.task import GOOD, Outcome, Task

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit

# START_VALID, ACTIVE, IDLE, STANDBY, LU_CONTROL, FORCE_IDLE_0, FORCE_STANDBY_0
# (SBC-3 table 102): whatever a disk without a motor does for them, it does.
_POWER_CONDITIONS = frozenset({0x0, 0x1, 0x2, 0x3, 0x7, 0xA, 0xB})


def _is_removable(unit: LogicalUnit) -> bool:
    return unit.config.removable


def _start_stop_unit(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.start_stop_unit.parse(task.cdb)
    power_condition = fields["power_condition"]
    bends = unit.device.bends
    is_known = power_condition in _POWER_CONDITIONS or bends(
        UpkeepBend.ANY_POWER_CONDITION
    )
    if not is_known or bends(MediaBend.START_IS_AN_ERROR):
        raise invalid_field_in_cdb(4, 7)
    sanitizing = unit.not_ready(unit.device.now) if unit.sanitize_until else None
    if sanitizing is not None:
        raise CheckCondition(sanitizing)
    if power_condition and not bends(UpkeepBend.POWER_EJECTS):
        return GOOD  # START and LOEJ do not count then (SBC-3 section 5.25)
    start, loej = bool(fields["start"]), bool(fields["loej"])
    if bends(UpkeepBend.STOP_EJECTS) and unit.config.removable:
        loej = loej or not start
    if loej and not unit.config.removable:
        raise invalid_field_in_cdb(4, 1)
    if not start and not fields["no_flush"] and not unit.config.read_only:
        unit.backing.flush()
    if loej:
        _move_medium(unit, task, load=start)
    unit.is_started = start or loej
    return GOOD


def _move_medium(unit: LogicalUnit, task: Task, *, load: bool) -> None:
    bends = unit.device.bends
    if unit.prevented and not bends(
        UpkeepBend.IGNORES_PREVENTION
    ):  # moving it in is moving it, too
        raise illegal_request(AdditionalSense.MEDIUM_REMOVAL_PREVENTED)
    if load and not unit.is_loaded and not bends(UpkeepBend.CHANGE_IS_UNTOLD):
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
    elif unit.device.bends(UpkeepBend.ANYBODY_ALLOWS):
        unit.prevented.clear()
    else:
        unit.prevented.discard(task.nexus)
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
