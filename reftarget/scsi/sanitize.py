# SPDX-License-Identifier: GPL-2.0-only
"""SANITIZE (SBC-3 section 5.24)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from reftarget.scsi import limits
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit


def _erase(unit: LogicalUnit, task: Task) -> Outcome:
    """Erase by giving up every block: nothing of what was there can be read."""
    rules = unit.rules.medium
    length = int.from_bytes(task.cdb[7:9], "big")
    if length and rules.erase_refuses_list:
        raise invalid_field_in_cdb(7, 7)
    if rules.erase_heeds_protection:
        unit.check_writable()
    if rules.erases:
        unit.unmap(0, unit.blocks)
    _begin(unit, immed=bool(task.cdb[1] & 0x80))
    return GOOD


def _begin(unit: LogicalUnit, *, immed: bool) -> None:
    # The work is done at once; an immediate one is in progress as long as configured,
    # so that initiators can be tried against a unit that is busy with it.
    if immed and unit.config.sanitize_seconds:
        unit.sanitize_until = unit.device.now + unit.config.sanitize_seconds


def _overwrite(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.sanitize_overwrite.parse(task.cdb)
    length = fields["parameter_list_length"]
    rules = unit.rules.medium
    if not rules.is_overwrite_length(length, unit.block_size):
        raise invalid_field_in_cdb(7, 7)
    unit.check_writable()

    def overwrite(data: bytes | memoryview) -> Outcome:
        pattern = rules.overwrite_pattern(data, length)
        repeated = (pattern * (unit.block_size // len(pattern) + 1))[: unit.block_size]
        for lba in range(0, unit.blocks, unit.maximum_blocks):
            blocks = min(unit.maximum_blocks, unit.blocks - lba)
            unit.write(lba, repeated * blocks)
        _begin(unit, immed=bool(fields["immed"]))
        return GOOD

    return DataOutNeeded(length, overwrite)


def _exit_failure_mode(unit: LogicalUnit, _task: Task) -> Outcome:
    if not unit.rules.medium.can_exit_failure_mode:
        raise invalid_field_in_cdb(1, 4)
    return GOOD  # no sanitize operation fails, so that there is no such mode to leave


def _is_small(unit: LogicalUnit) -> bool:
    return unit.config.size <= limits.OVERWRITE_BYTES


COMMANDS = (
    Command(cdb.sanitize_overwrite, _overwrite, Access.WRITE, is_offered=_is_small),
    *(
        Command(layout, _erase, Access.WRITE)
        for layout in (cdb.sanitize_block_erase, cdb.sanitize_cryptographic_erase)
    ),
    Command(
        cdb.sanitize_exit_failure_mode,
        _exit_failure_mode,
        Access.WRITE,
        unsupported=("parameter_list_length",),
    ),
)
