# SPDX-License-Identifier: GPL-2.0-only
"""REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS (SPC-4 6.35, 6.36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.supported_operations import (
    TASK_MANAGEMENT_FUNCTIONS,
    CommandDescriptor,
    OneCommand,
    ReportingOptions,
    Support,
    build_all,
    build_one,
)
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.task import Outcome, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit

_EXTENDED_LENGTH = 16
_OF_ONE_KIND = (ReportingOptions.ONE_OPCODE, ReportingOptions.ONE_SERVICE_ACTION)


def _usage(command: Command) -> bytes:
    """Return CDB USAGE DATA: ones where the device server looks (SPC-4 6.35.3)."""
    structure = command.layout.structure
    named = {"operation_code": command.opcode}
    if command.service_action is not None:
        named["service_action"] = command.service_action
    usage = command.usage & ~structure.mask(*named)
    usage |= int.from_bytes(structure.build(**named), "big")
    return usage.to_bytes(command.length, "big")


def _every_command(unit: LogicalUnit, *, has_timeouts: bool) -> bytes:
    commands = [*unit.commands.values(), *unit.actions.values()]
    rules = unit.rules.identity
    has_timeouts = rules.has_timeouts(has_timeouts)
    commands.sort(key=lambda command: (command.opcode, command.service_action or 0))
    return build_all(
        CommandDescriptor(
            command.opcode,
            command.service_action if rules.shows_service_actions else None,
            command.length,
            has_timeouts,
        )
        for command in commands
    )


def _report_operation_codes(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.report_supported_operation_codes.parse(task.cdb)
    has_timeouts = bool(fields["rctd"])
    option = fields["reporting_options"]
    opcode = fields["requested_operation_code"]
    rules = unit.rules.identity
    action = rules.requested_action(fields["requested_service_action"])
    if option > ReportingOptions.ONE_OF_EITHER and not rules.refuses_reserved_options:
        option = ReportingOptions.ALL
    if option in _OF_ONE_KIND and not rules.distinguishes_command_classes:
        option = ReportingOptions.ONE_OF_EITHER
    if option == ReportingOptions.ALL:
        data = _every_command(unit, has_timeouts=has_timeouts)
        return truncated(data, fields["allocation_length"])
    has_actions = any(code == opcode for code, _ in unit.actions)
    if option == ReportingOptions.ONE_OPCODE and not has_actions:
        command = unit.commands.get(opcode)
    elif option == ReportingOptions.ONE_SERVICE_ACTION and opcode not in unit.commands:
        command = unit.actions.get((opcode, action))
    elif option == ReportingOptions.ONE_OF_EITHER:
        command = unit.actions.get((opcode, action))
        if command is None and not action:
            command = unit.commands.get(opcode)
    else:
        raise invalid_field_in_cdb(2, 2)
    if command is None or not unit.rules.identity.reports_one:
        answer = OneCommand(Support.NOT_SUPPORTED)
    else:
        answer = OneCommand(Support.SUPPORTED, _usage(command), has_timeouts)
    return truncated(build_one(answer), fields["allocation_length"])


def _report_task_management(_unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.report_supported_task_management_functions.parse(task.cdb)
    is_extended = bool(fields["repd"])
    data = TASK_MANAGEMENT_FUNCTIONS.build(
        ats=1,
        atss=1,
        cacas=1,
        ctss=1,
        lurs=1,
        qts=1,
        trs=1,
        qaes=1,
        qtss=1,
        itnrs=1,
        additional_length=_EXTENDED_LENGTH - 4 if is_extended else 0,
    )
    if is_extended:
        data = data.ljust(_EXTENDED_LENGTH, b"\0")
    return truncated(data, fields["allocation_length"])


COMMANDS = (
    Command(
        cdb.report_supported_operation_codes,
        _report_operation_codes,
        Access.READ,
        needs_medium=False,
    ),
    Command(
        cdb.report_supported_task_management_functions,
        _report_task_management,
        Access.READ,
        needs_medium=False,
    ),
)
