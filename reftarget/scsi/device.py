# SPDX-License-Identifier: GPL-2.0-only
"""The device server: every logical unit behind one target name (SAM-5, SPC-4)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iscsi.constants import TaskAttribute
from iscsi.scsi.layout import service_action_of
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.backing import BackingError, BackingReadError, OutOfSpaceError
from reftarget.scsi import access, changes, elsewhere
from reftarget.scsi.check_condition import (
    CheckCondition,
    condition,
    illegal_request,
    invalid_field_in_cdb,
)
from reftarget.scsi.reservations import ReservationManager
from reftarget.scsi.rules import SCSI_RULES, AdmissionRules, SCSIRules
from reftarget.scsi.table import COMMANDS
from reftarget.scsi.task import GOOD, DataOutNeeded, Nexus, Outcome, Steps, Task
from reftarget.scsi.unit import LogicalUnit
from reftarget.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from reftarget.scsi.config import LogicalUnitConfig
    from reftarget.scsi.unit import Command


def _nothing_to_abort(_lun: int, _nexus: Nexus) -> None:
    """Stand in for the iSCSI layer where there is none."""


class DeviceServer:
    """All logical units behind one target name.

    Time is an argument; nothing here waits. A reset or a lost nexus reaches the units
    through the methods after start(); aborting tasks is the iSCSI layer's part.
    """

    def __init__(
        self,
        target_name: str,
        configs: Iterable[LogicalUnitConfig],
        *,
        portal_group_tags: Sequence[int] = (1,),
        state_directory: Path | None = None,
        abort_tasks: Callable[[int, Nexus], None] = _nothing_to_abort,
        rules: SCSIRules = SCSI_RULES,
        turns: Turns | None = None,
    ) -> None:
        """Open every logical unit.

        Args:
            target_name: the iSCSI name, from which identifiers are derived.
            configs: the logical units.
            portal_group_tags: the target ports there are, each by its portal group.
            state_directory: where reservations are kept for APTPL; without one the
                units do not offer it.
            abort_tasks: called with a LUN and a nexus for PREEMPT AND ABORT.
            rules: the decisions that it makes.
            turns: where work goes that is too long for one turn; by default it is
                all done at once.

        Raises:
            BackingMismatchError: a backing file has another size.
            OSError: one cannot be opened or made.
            ValueError: a LUN is configured twice.
        """
        self.target_name = target_name
        self.portal_group_tags = portal_group_tags
        self.state_directory = state_directory
        self.abort_tasks = abort_tasks
        self.rules = rules
        self.turns = Turns() if turns is None else turns
        self.now = 0.0
        self.units: dict[int, LogicalUnit] = {}
        for config in configs:
            if config.lun in self.units:
                raise ValueError(f"LUN {config.lun} is configured twice")
            self.units[config.lun] = self._unit(config)
        self._present = set(self.units)
        self._listed = sorted(self._present)

    def _unit(self, config: LogicalUnitConfig) -> LogicalUnit:
        unit = LogicalUnit(config, self, reservations=ReservationManager.of_unit)
        for command in COMMANDS:
            is_absent = command.layout.name in config.absent
            if is_absent or not command.is_offered(unit):
                continue
            filtered = _shown(command, self.rules.admission)
            if command.service_action is None:
                unit.commands[command.opcode] = filtered
            else:
                unit.actions[command.opcode, command.service_action] = filtered
        return unit

    def start(self, task: Task, now: float) -> Outcome | DataOutNeeded | Steps:
        """Check a command and execute it, or say what data it needs first.

        A long command has not begun yet: the caller runs its steps.
        """
        self.now = now
        unit = self.units.get(task.lun)
        if unit is None:
            return elsewhere.start(self, task)
        try:
            answer = _admit(unit, task).handler(unit, task)
        except CheckCondition as refusal:
            return check_condition(unit, refusal.sense)
        except _AnsweredError as refusal:
            return refusal.outcome
        except BackingError as failure:
            return check_condition(unit, _backing_sense(failure))
        if isinstance(answer, DataOutNeeded):
            answer.finish = partial(_finish, unit, answer.finish)
            return answer
        return answer if isinstance(answer, Outcome) else _in_steps(unit, answer)

    def establish_attention(
        self, lun: int, nexus: Nexus, additional: AdditionalSense
    ) -> None:
        """Queue a unit attention, such as that of tasks cleared by another nexus."""
        unit = self.units.get(lun)
        if unit is not None:
            unit.establish_attention(nexus, additional)

    def nexus_lost(self, nexus: Nexus) -> None:
        """Tell every unit that a session ended."""
        for unit in self.units.values():
            unit.nexus_lost(nexus)

    def logical_unit_reset(self, lun: int) -> bool:
        """Reset one unit; return False if there is none."""
        unit = self.units.get(lun)
        if unit is None:
            return False
        unit.reset(AdditionalSense.BUS_DEVICE_RESET_FUNCTION_OCCURRED)
        return True

    def target_reset(self, *, is_cold: bool = False) -> None:
        """Reset every unit, for a warm or a cold reset of the target."""
        additional = (
            AdditionalSense.POWER_ON_OCCURRED
            if is_cold
            else AdditionalSense.BUS_DEVICE_RESET_FUNCTION_OCCURRED
        )
        for unit in self.units.values():
            unit.reset(additional)

    def add_unit(self, config: LogicalUnitConfig) -> None:
        """Serve one unit more, and notify every nexus.

        Raises:
            ValueError: there is one of this LUN already.
            BackingError, OSError: as for a new device server.
        """
        rules = self.rules.changes
        if config.lun in self._present:
            raise ValueError(f"there is a logical unit {config.lun} already")
        unit = self._unit(config)
        changes.report_inventory_change(self.units.values(), rules)
        if rules.serves_new_units:
            self.units[config.lun] = unit
        self._present.add(config.lun)
        if rules.lists_changes:
            self._listed = sorted(self._present)

    def remove_unit(self, lun: int) -> None:
        """Stop serving a unit, and notify every nexus of the others.

        Its tasks are completed: they began while it was there.

        Raises:
            ValueError: there is no such unit.
        """
        rules = self.rules.changes
        if lun not in self._present:
            raise ValueError(f"there is no logical unit {lun}")
        others = [unit for unit in self.units.values() if unit.config.lun != lun]
        if rules.removes:
            self.units.pop(lun, None)
        self._present.discard(lun)
        changes.report_inventory_change(others, rules)
        if rules.lists_changes:
            self._listed = sorted(self._present)

    def close(self) -> None:
        """Close every unit's backing."""
        for unit in self.units.values():
            unit.backing.close()

    @property
    def luns(self) -> list[int]:
        """The logical unit numbers, in order."""
        return self._listed


def _shown(command: Command, rules: AdmissionRules) -> Command:
    """Return a command whose parameter data goes by the rules.

    Where they leave it alone it is the command itself, so that nothing is asked later.
    """
    if rules.parameter_data is AdmissionRules().parameter_data:
        return command

    def handle(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded | Steps:
        answer = command.handler(unit, task)
        if isinstance(answer, Outcome) and isinstance(answer.data_in, bytes):
            data = rules.parameter_data(task.cdb, answer.data_in)
            return answer._replace(data_in=data)
        return answer

    return replace(command, handler=handle)


class _AnsweredError(Exception):
    """The command has its answer before it is executed."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.status)
        self.outcome = outcome


def _admit(unit: LogicalUnit, task: Task) -> Command:
    """Return the command if nothing but the command itself can refuse it now."""
    cdb = task.cdb
    command = unit.commands.get(cdb[0]) or _find_action(unit, task)
    rules = unit.rules.admission
    objection = rules.objection(command.layout, task)
    if objection is not None:
        raise objection
    # RESERVATION CONFLICT comes before a unit attention (SAM-5 section 5.3.3).
    if unit.reservations.is_reserved and rules.applies_reservations(cdb[0]):
        conflict = unit.reservations.check(task, command)
        if conflict is not None:
            raise _AnsweredError(conflict)
    reports = rules.reports_attentions(cdb[0], command.clears_attention)
    if reports and unit.attentions.pending(task.nexus):
        raise _attention(unit, task)
    if not unit.port_groups.is_open:
        _admit_to_port(unit, task, command)
    is_odd = int.from_bytes(cdb[: command.length], "big") & command.forbidden
    if is_odd and rules.refuses_reserved_fields:
        raise _forbidden(command, cdb)
    is_stray = task.attribute == TaskAttribute.ACA and not task.in_allegiance
    if is_stray and rules.aca_attribute_needs_aca:
        raise illegal_request(AdditionalSense.INVALID_MESSAGE_ERROR)
    if command.needs_medium and not unit.is_always_ready:
        not_ready = unit.not_ready(unit.device.now)
        if not_ready is not None:
            raise CheckCondition(not_ready)
    return command


def _admit_to_port(unit: LogicalUnit, task: Task, command: Command) -> None:
    """Refuse what the access state of the target port does not serve."""
    answer = access.refusal(unit, task, command)
    if isinstance(answer, Outcome):
        raise _AnsweredError(answer)
    if answer is not None:
        raise CheckCondition(answer)


def _find_action(unit: LogicalUnit, task: Task) -> Command:
    """Return the command whose opcode alone does not say which it is."""
    cdb = task.cdb
    command = unit.actions.get((cdb[0], service_action_of(cdb)))
    if command is None:
        raise _unknown(unit, task)
    if len(cdb) < command.length:
        # Only a CDB of variable length can be too short: an AHS should hold the rest.
        raise invalid_field_in_cdb(7)
    return command


def _attention(unit: LogicalUnit, task: Task) -> CheckCondition:
    additional = unit.attentions.pending(task.nexus).pop(0)
    return condition(SenseKey.UNIT_ATTENTION, additional)


def _unknown(unit: LogicalUnit, task: Task) -> CheckCondition | _AnsweredError:
    if unit.attentions.pending(task.nexus):
        return _attention(unit, task)
    has_opcode = any(opcode == task.cdb[0] for opcode, _ in unit.actions)
    objection = unit.rules.admission.unknown_command(task.cdb[0], has_opcode)
    if objection is None:
        return _AnsweredError(GOOD)
    return CheckCondition(objection)


def check_condition(unit: LogicalUnit, sense: Sense) -> Outcome:
    """Return CHECK CONDITION with sense data in the format that D_SENSE asks for."""
    rules = unit.rules.admission
    if not rules.points_at_fields and sense.field_pointer is not None:
        sense = replace(sense, field_pointer=None)
    data = sense.build(descriptor=rules.has_descriptors(unit.modes.d_sense))
    return Outcome(SCSIStatus.CHECK_CONDITION, sense=rules.sense_data(data))


def _finish(
    unit: LogicalUnit,
    finish: Callable[[bytes | memoryview], Outcome | Steps],
    data: bytes | memoryview,
) -> Outcome | Steps:
    try:
        execution = finish(data)
    except CheckCondition as refusal:
        return check_condition(unit, refusal.sense)
    except BackingError as failure:
        return check_condition(unit, _backing_sense(failure))
    if isinstance(execution, Outcome):
        return execution
    return _in_steps(unit, execution)


def _in_steps(unit: LogicalUnit, steps: Steps) -> Steps:
    """Run a command in steps; an error in a step ends it with sense data."""
    try:
        return (yield from steps)
    except CheckCondition as refusal:
        return check_condition(unit, refusal.sense)
    except BackingError as failure:
        return check_condition(unit, _backing_sense(failure))


def _forbidden(command: Command, cdb: bytes) -> CheckCondition:
    reserved_bits = int.from_bytes(cdb[: command.length], "big") & command.forbidden
    byte, bit = divmod(8 * command.length - reserved_bits.bit_length(), 8)
    return invalid_field_in_cdb(byte, 7 - bit)


def _backing_sense(failure: BackingError) -> Sense:
    if isinstance(failure, OutOfSpaceError):
        # The lack of room is permanent (SBC-3 section 4.7.3.6).
        return Sense.of(
            SenseKey.DATA_PROTECT,
            AdditionalSense.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
        )
    if isinstance(failure, BackingReadError):
        return Sense.of(SenseKey.MEDIUM_ERROR, AdditionalSense.UNRECOVERED_READ_ERROR)
    return Sense.of(SenseKey.MEDIUM_ERROR, AdditionalSense.WRITE_ERROR)
