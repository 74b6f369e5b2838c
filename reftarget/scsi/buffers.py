# SPDX-License-Identifier: GPL-2.0-only
"""READ BUFFER and WRITE BUFFER with the modes of the echo buffer (SPC-4 6.18, 6.49)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.buffers import BufferMode, EchoDescriptor
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import (
    condition,
    illegal_request,
    invalid_field_in_cdb,
)
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit

_LENGTH_BYTE = 6


def _read(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.read_buffer.parse(task.cdb)
    mode, room = fields["mode"], fields["allocation_length"]
    rules = unit.rules.buffers
    if mode == BufferMode.ECHO_DESCRIPTOR:
        descriptor = EchoDescriptor(rules.shown_capacity, is_kept=rules.shows_ebos)
        return truncated(descriptor.build(), room)
    if mode != BufferMode.ECHO:
        raise invalid_field_in_cdb(1, 4)
    held = unit.echo.read(task.nexus) if rules.is_each_its_own else unit.echo.last
    if rules.reports_overwriting and held is not unit.echo.last:
        raise condition(
            SenseKey.ABORTED_COMMAND, AdditionalSense.ECHO_BUFFER_OVERWRITTEN
        )
    if held is None:
        held = rules.unwritten
    if held is None:
        raise illegal_request(AdditionalSense.COMMAND_SEQUENCE_ERROR)
    return Outcome(SCSIStatus.GOOD, rules.cut(rules.echoed(held), room))


def _write(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.write_buffer.parse(task.cdb)
    if fields["mode"] != BufferMode.ECHO:
        raise invalid_field_in_cdb(1, 4)
    length = fields["parameter_list_length"]
    if length > unit.rules.buffers.maximum:
        raise invalid_field_in_cdb(_LENGTH_BYTE)
    return DataOutNeeded(length, partial(_store, unit, task))


def _store(unit: LogicalUnit, task: Task, data: bytes | memoryview) -> Outcome:
    unit.echo.write(task.nexus, bytes(data))
    return GOOD


COMMANDS = (
    Command(
        cdb.read_buffer,
        _read,
        Access.READ,
        unsupported=("mode_specific",),
        # Both modes of the echo buffer ignore these.
        ignored=("buffer_id", "buffer_offset"),
        needs_medium=False,
    ),
    Command(
        cdb.write_buffer,
        _write,
        Access.WRITE,
        unsupported=("mode_specific",),
        ignored=("buffer_id", "buffer_offset"),
        needs_medium=False,
    ),
)
