# SPDX-License-Identifier: GPL-2.0-only
"""MODE SENSE and MODE SELECT (SPC-4 sections 6.9 to 6.12)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.mode import (
    ALL_PAGES,
    ALL_SUBPAGES,
    BlockDescriptor,
    ModePage,
    ModeParameters,
    PageControl,
    parse_6,
    parse_10,
)
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi.check_condition import (
    invalid_field_in_cdb,
    invalid_field_in_parameter_list,
    parameter_list_length_error,
)
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from iscsi.scsi.layout import Layout
    from reftarget.scsi.unit import LogicalUnit


def _mode_sense(
    unit: LogicalUnit, task: Task, *, layout: Layout, is_long: bool
) -> Outcome:
    fields = layout.parse(task.cdb)
    control = PageControl(fields["page_control"])
    rules = unit.rules.modes
    if control is PageControl.SAVED:
        raise rules.saved_objection()
    code, subpage = fields["page_code"], fields["subpage_code"]
    # No page has subpages, so "all subpages" means subpage zero.
    if subpage not in (0, ALL_SUBPAGES):
        raise invalid_field_in_cdb(3, 7)
    code = rules.page_code(code)
    if code != ALL_PAGES and code not in unit.modes.codes:
        raise invalid_field_in_cdb(2, 5)
    chosen = unit.modes.codes if code == ALL_PAGES else (ModePage(code),)
    is_long_lba = bool(fields.get("llbaa"))
    descriptors: tuple[BlockDescriptor, ...] = ()
    if not fields["dbd"] and rules.has_block_descriptor:
        descriptors = (BlockDescriptor(unit.blocks, unit.block_size),)
    parameters = ModeParameters(
        pages=tuple(unit.modes.page(page, control) for page in chosen),
        block_descriptors=descriptors,
        is_write_protected=unit.shows_write_protection,
        dpofua=True,
        is_long_lba=is_long_lba,
    )
    data = parameters.build_10() if is_long else parameters.build_6()
    size = 2 if is_long else 1
    room = fields["allocation_length"]
    length = rules.data_length(len(data) - size, room - size)
    return truncated(length.to_bytes(size, "big") + data[size:], room)


def _mode_select(
    unit: LogicalUnit, task: Task, *, layout: Layout, is_long: bool
) -> Outcome | DataOutNeeded:
    fields = layout.parse(task.cdb)
    if not fields["pf"]:
        raise invalid_field_in_cdb(1, 4)
    length = fields["parameter_list_length"]
    if not length:
        if unit.rules.modes.can_select_nothing:
            return GOOD
        raise parameter_list_length_error()
    return DataOutNeeded(
        length, partial(_select, unit, task, length=length, is_long=is_long)
    )


def _select(
    unit: LogicalUnit,
    task: Task,
    data: bytes | memoryview,
    *,
    length: int,
    is_long: bool,
) -> Outcome:
    rules = unit.rules.modes
    if len(data) < length:
        raise parameter_list_length_error()
    try:
        parameters = parse_10(data) if is_long else parse_6(data)
    except DecodeError as error:
        if rules.refuses_cut_list:
            raise parameter_list_length_error() from error
        return GOOD
    _check_header(unit, parameters, is_long=is_long)
    offset = _pages_offset(parameters, is_long=is_long)
    for page in parameters.pages:
        if rules.refuses_unchangeable:
            unit.modes.check(page, offset)
        offset += len(page.build())
    # All pages are checked before the first one is applied (SPC-4 section 6.9).
    changes = [unit.modes.change(page) for page in parameters.pages]
    if any(changes) and rules.reports_mode_change:
        unit.attentions.establish_for_all(
            AdditionalSense.MODE_PARAMETERS_CHANGED, but=task.nexus
        )
    return GOOD


def _pages_offset(parameters: ModeParameters, *, is_long: bool) -> int:
    header = 8 if is_long else 4
    size = 16 if parameters.is_long_lba else 8
    return header + size * len(parameters.block_descriptors)


def _check_header(
    unit: LogicalUnit, parameters: ModeParameters, *, is_long: bool
) -> None:
    header = 8 if is_long else 4
    if parameters.medium_type:
        raise invalid_field_in_parameter_list(2 if is_long else 1)
    if len(parameters.block_descriptors) > 1:
        raise invalid_field_in_parameter_list(header - 1)
    for descriptor in parameters.block_descriptors:
        # Zero and all ones leave the capacity unchanged (SBC-3 section 6.5.2.2).
        unchanged = (0, unit.blocks, min(unit.blocks, 0xFFFFFFFF), 0xFFFFFFFF)
        if descriptor.blocks not in unchanged:
            raise invalid_field_in_parameter_list(header)
        if descriptor.block_length != unit.block_size:
            raise invalid_field_in_parameter_list(
                header + (12 if parameters.is_long_lba else 5)
            )


COMMANDS = (
    Command(
        cdb.mode_sense_6,
        partial(_mode_sense, layout=cdb.mode_sense_6, is_long=False),
        Access.READ,
        needs_medium=False,
    ),
    Command(
        cdb.mode_sense_10,
        partial(_mode_sense, layout=cdb.mode_sense_10, is_long=True),
        Access.READ,
        needs_medium=False,
    ),
    Command(
        cdb.mode_select_6,
        partial(_mode_select, layout=cdb.mode_select_6, is_long=False),
        Access.WRITE,
        unsupported=("sp", "rtd"),
        needs_medium=False,
    ),
    Command(
        cdb.mode_select_10,
        partial(_mode_select, layout=cdb.mode_select_10, is_long=True),
        Access.WRITE,
        unsupported=("sp", "rtd"),
        needs_medium=False,
    ),
)
