# SPDX-License-Identifier: GPL-2.0-only
"""SANITIZE (SBC-3 section 5.24)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from reftarget.faults.upkeep import UpkeepBend
from reftarget.scsi import limits
from reftarget.scsi.check_condition import (
    invalid_field_in_cdb,
    invalid_field_in_parameter_list,
)
from reftarget.scsi.commands import Access, Command
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Task

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit

_HEADER = 4


def _erase(unit: LogicalUnit, task: Task) -> Outcome:
    """Erase by giving up every block: nothing of what was there can be read."""
    bends = unit.device.bends
    length = int.from_bytes(task.cdb[7:9], "big")
    if length and not bends(UpkeepBend.ERASES_BY_LIST):
        raise invalid_field_in_cdb(7, 7)
    if not bends(UpkeepBend.SANITIZES_PROTECTED):
        unit.check_writable()
    if not bends(UpkeepBend.ERASES_NOTHING):
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
    bends = unit.device.bends
    if length <= _HEADER and bends(UpkeepBend.ANY_LENGTH):
        return GOOD
    # SBC-3 section 5.24.2.2.
    if not _HEADER < length <= _HEADER + unit.block_size:
        raise invalid_field_in_cdb(7, 7)
    unit.check_writable()

    def overwrite(data: bytes | memoryview) -> Outcome:
        pattern_length = int.from_bytes(data[2:4], "big")
        if bends(UpkeepBend.ANY_PATTERN):
            return GOOD
        if len(data) < length or not data[0] & 0x1F:
            raise invalid_field_in_parameter_list(0, 4)
        if not 0 < pattern_length == length - _HEADER:
            raise invalid_field_in_parameter_list(2)
        pattern = bytes(data[_HEADER:])
        if bends(UpkeepBend.OVERWRITES_ZEROS):
            pattern = bytes(len(pattern))
        # INVERT alternates between passes: an even count ends as it began.
        if data[0] & 0x80 and not data[0] & 1:
            pattern = bytes(byte ^ 0xFF for byte in pattern)
        repeated = (pattern * (unit.block_size // pattern_length + 1))[
            : unit.block_size
        ]
        for lba in range(0, unit.blocks, unit.maximum_blocks):
            blocks = min(unit.maximum_blocks, unit.blocks - lba)
            unit.write(lba, repeated * blocks)
        _begin(unit, immed=bool(fields["immed"]))
        return GOOD

    return DataOutNeeded(length, overwrite)


def _exit_failure_mode(unit: LogicalUnit, _task: Task) -> Outcome:
    if unit.device.bends(UpkeepBend.NO_FAILURE_IS_AN_ERROR):
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
