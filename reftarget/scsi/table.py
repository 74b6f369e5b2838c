# SPDX-License-Identifier: GPL-2.0-only
"""Every command of the device server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from reftarget.scsi import (
    access,
    buffers,
    capacity,
    extended_copy,
    inquiry,
    logs,
    media,
    mode,
    operations,
    primary,
    provisioning,
    reads,
    sanitize,
    writes,
)
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.task import DataOutNeeded, Outcome, Task
    from reftarget.scsi.unit import LogicalUnit


def _persistent_reserve_in(unit: LogicalUnit, task: Task) -> Outcome:
    return unit.reservations.handle_in(task)


def _persistent_reserve_out(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    return unit.reservations.handle_out(task)


def _reserve_6(unit: LogicalUnit, task: Task) -> Outcome:
    return unit.reservations.reserve_6(task)


def _release_6(unit: LogicalUnit, task: Task) -> Outcome:
    return unit.reservations.release_6(task)


def _reserve_10(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    return unit.reservations.reserve_10(task)


def _release_10(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    return unit.reservations.release_10(task)


_HANDLERS = {
    cdb.reserve_6.opcode: _reserve_6,
    cdb.release_6.opcode: _release_6,
    cdb.reserve_10.opcode: _reserve_10,
    cdb.release_10.opcode: _release_10,
    cdb.persistent_reserve_in_read_keys.opcode: _persistent_reserve_in,
    cdb.persistent_reserve_out_register.opcode: _persistent_reserve_out,
}

_RESERVATIONS = tuple(
    Command(
        layout,
        _HANDLERS[layout.opcode],
        Access.RESERVATION,
        needs_medium=False,
    )
    for layout in cdb.LAYOUTS.values()
    if layout.opcode in _HANDLERS
)

COMMANDS: tuple[Command, ...] = (
    *primary.COMMANDS,
    *inquiry.COMMANDS,
    *mode.COMMANDS,
    *logs.COMMANDS,
    *operations.COMMANDS,
    *access.COMMANDS,
    *capacity.COMMANDS,
    *reads.COMMANDS,
    *writes.COMMANDS,
    *provisioning.COMMANDS,
    *media.COMMANDS,
    *sanitize.COMMANDS,
    *buffers.COMMANDS,
    *extended_copy.COMMANDS,
    *_RESERVATIONS,
)
