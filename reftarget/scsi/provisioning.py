# SPDX-License-Identifier: GPL-2.0-only
"""WRITE SAME, UNMAP and GET LBA STATUS (SBC-3 section 4.7)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.provisioning import (
    Extent,
    LBAStatus,
    build_lba_status,
    parse_unmap,
)
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi import limits
from reftarget.scsi.check_condition import (
    illegal_request,
    invalid_field_in_cdb,
    invalid_field_in_parameter_list,
    parameter_list_length_error,
)
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Steps, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iscsi.scsi.layout import Layout
    from reftarget.scsi.unit import Handler, LogicalUnit

_UNMAP_HEADER, _DESCRIPTOR = 8, 16
_RUN_LIMIT = 0xFFFFFFFF


def _is_thin(unit: LogicalUnit) -> bool:
    return unit.mapped is not None


def _unmaps_by_write_same_10(unit: LogicalUnit) -> bool:
    return _is_thin(unit) and unit.config.lbpws10


def _write_same(layout: Layout, can_unmap: Callable[[LogicalUnit], bool]) -> Handler:
    length_byte = layout.structure.fields["blocks"].byte

    def write_same(unit: LogicalUnit, task: Task) -> DataOutNeeded | Steps:
        fields = layout.parse(task.cdb)
        lba, unmap = fields["lba"], bool(fields["unmap"])
        rules = unit.rules.provisioning
        if fields["anchor"] and rules.same_refuses_anchor:
            raise invalid_field_in_cdb(1, 4)
        if unmap and not (can_unmap(unit) and rules.same_can_unmap):
            raise invalid_field_in_cdb(1, 3)
        unit.check_range(lba, fields["blocks"])
        takes_none = rules.same_fills_the_rest and not rules.has_wsnz
        if not (fields["blocks"] or takes_none):
            raise invalid_field_in_cdb(length_byte)
        blocks = rules.same_blocks(fields["blocks"], unit.blocks - lba)
        too_many = blocks > rules.same_limit
        if too_many and not unmap:
            raise invalid_field_in_cdb(length_byte)
        unit.check_writable()
        if fields.get("ndob"):
            block = rules.ndob_byte * unit.block_size
            return _fill(unit, lba, blocks, block, unmap=unmap)
        if task.expected_data_out != unit.block_size and rules.same_needs_block:
            # The data must be the one block that is repeated.
            raise illegal_request(
                AdditionalSense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT
            )

        def repeat(data: bytes | memoryview) -> Steps:
            if too_many and any(data):
                raise invalid_field_in_cdb(length_byte)
            block = bytes(data).ljust(unit.block_size, b"\0")
            return _fill(unit, lba, blocks, block, unmap=unmap)

        return DataOutNeeded(unit.block_size, repeat)

    return write_same


def _fill(
    unit: LogicalUnit, lba: int, blocks: int, block: bytes, *, unmap: bool
) -> Steps:
    """Write one block to all of a run, or unmap them if that reads the same.

    Unmapped blocks read as zeros, so that others must be written, UNMAP or not
    (SBC-3 section 4.7.3.4.4).
    """
    blocks = unit.rules.provisioning.filled(blocks, unmap)
    if unmap and not any(block):
        yield from unit.unmap_run(lba, blocks)
    else:
        yield from unit.fill(lba, blocks, block)
    return GOOD


def _unmap(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.unmap.parse(task.cdb)
    length = fields["parameter_list_length"]
    rules = unit.rules.provisioning
    if fields["anchor"] and rules.unmap_refuses_anchor:
        raise invalid_field_in_cdb(1, 0)
    unit.check_writable()
    if rules.is_unmap_of_nothing(length):
        return GOOD
    if length < _UNMAP_HEADER:
        raise parameter_list_length_error()

    def unmap(data: bytes | memoryview) -> Steps:
        # The whole list is checked before the first block changes.
        extents = _extents(unit, data)
        for extent in extents:
            unit.check_range(extent.lba, extent.blocks)
        return _unmap_all(unit, extents)

    return DataOutNeeded(length, unmap)


def _unmap_all(unit: LogicalUnit, extents: list[Extent]) -> Steps:
    for extent in extents:
        yield from unit.unmap_run(extent.lba, extent.blocks)
    return GOOD


def _extents(unit: LogicalUnit, data: bytes | memoryview) -> list[Extent]:
    """Return what an UNMAP list names, if it keeps to the limits."""
    rules = unit.rules.provisioning
    try:
        extents = parse_unmap(rules.unmap_list(data))
    except DecodeError as error:
        raise parameter_list_length_error() from error
    if len(extents) > rules.unmap_descriptors:
        raise invalid_field_in_parameter_list(2)
    names_nothing = not all(extent.blocks for extent in extents)
    blocks = sum(extent.blocks for extent in extents)
    if blocks > limits.UNMAP_BLOCKS or (names_nothing and not rules.can_unmap_nothing):
        raise invalid_field_in_parameter_list(_UNMAP_HEADER + 8)
    return extents


def _get_lba_status(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.get_lba_status.parse(task.cdb)
    lba, length = fields["lba"], fields["allocation_length"]
    unit.check_range(lba, 1)
    lba = unit.rules.provisioning.first_status(lba)
    # Build at least one descriptor, and at most as many as fit.
    maximum = max((length - _UNMAP_HEADER) // _DESCRIPTOR, 1)
    data = build_lba_status(islice(_statuses(unit, lba), min(maximum, 1024)))
    return truncated(data, length)


def _statuses(unit: LogicalUnit, lba: int) -> Iterator[LBAStatus]:
    if unit.mapped is None:
        runs: Iterator[tuple[int, int, bool]] = iter([(lba, unit.blocks, True)])
    else:
        runs = unit.mapped.runs(lba, unit.blocks)
    for start, end, is_mapped in runs:
        status = unit.rules.provisioning.shown_status(is_mapped)
        for at in range(start, end, _RUN_LIMIT):
            yield LBAStatus(at, min(end - at, _RUN_LIMIT), status)


COMMANDS = (
    *(
        Command(
            layout,
            _write_same(layout, can_unmap),
            Access.WRITE,
            unsupported=("wrprotect",),
        )
        for layout, can_unmap in (
            (cdb.write_same_10, _unmaps_by_write_same_10),
            (cdb.write_same_16, _is_thin),
        )
    ),
    Command(cdb.unmap, _unmap, Access.WRITE, is_offered=_is_thin),
    Command(cdb.get_lba_status, _get_lba_status, Access.READ, is_offered=_is_thin),
)
