# SPDX-License-Identifier: GPL-2.0-only
"""SANITIZE (SBC-3 section 5.24)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from reftarget.backing import BackingError
from reftarget.scsi import limits
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Steps, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reftarget.scsi.unit import LogicalUnit

log = logging.getLogger("reftarget")


def _erase(unit: LogicalUnit, task: Task) -> Outcome | Steps:
    """Erase by deallocating every block: none of the old data can be read."""
    rules = unit.rules.medium
    length = int.from_bytes(task.cdb[7:9], "big")
    if length and rules.erase_refuses_list:
        raise invalid_field_in_cdb(7, 7)
    if rules.erase_respects_protection:
        unit.check_writable()
    steps = unit.unmap_run(0, unit.blocks if rules.erases else 0)
    return _begin(unit, steps, limits.UNMAP_STEP, immed=bool(task.cdb[1] & 0x80))


@dataclass(frozen=True, slots=True)
class _Operation:
    """A sanitize operation as work of the target, which no command's end stops."""

    unit: LogicalUnit

    def step(self) -> bool:
        """Do the next step; return False once there is none."""
        try:
            return self.unit.sanitizing.step()
        except BackingError as error:
            log.warning("LUN %d: sanitize failed: %s", self.unit.config.lun, error)
            return False


def _begin(
    unit: LogicalUnit, steps: Iterator[None], size: int, *, immed: bool
) -> Outcome | Steps:
    """Begin an operation whose steps process so many bytes each."""
    # An immediate operation takes at least the configured time, so that initiators can
    # be tested with a unit that is busy sanitizing.
    seconds = unit.config.sanitize_seconds if immed else 0.0
    until = unit.device.now + seconds if seconds else 0.0
    unit.sanitizing.start(steps, -(-unit.config.size // size), until)
    if immed:
        unit.device.turns.begin(_Operation(unit))
        return GOOD
    unit.device.turns.add(_Operation(unit))
    return _wait(unit)


def _wait(unit: LogicalUnit) -> Steps:
    while unit.sanitizing.step():
        yield
    return GOOD


def _overwrite(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.sanitize_overwrite.parse(task.cdb)
    length = fields["parameter_list_length"]
    rules = unit.rules.medium
    if not rules.is_overwrite_length(length, unit.block_size):
        raise invalid_field_in_cdb(7, 7)
    unit.check_writable()

    def overwrite(data: bytes | memoryview) -> Outcome | Steps:
        pattern = rules.overwrite_pattern(data, length)
        repeated = (pattern * (unit.block_size // len(pattern) + 1))[: unit.block_size]
        steps = unit.fill(0, unit.blocks, repeated)
        return _begin(unit, steps, limits.STEP, immed=bool(fields["immed"]))

    return DataOutNeeded(length, overwrite)


def _exit_failure_mode(unit: LogicalUnit, _task: Task) -> Outcome:
    if not unit.rules.medium.can_exit_failure_mode:
        raise invalid_field_in_cdb(1, 4)
    return GOOD  # sanitize operations never fail, so there is no failure mode to leave


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
