# SPDX-License-Identifier: GPL-2.0-only
"""READ and what only looks at the medium (SBC-3 chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi import limits
from reftarget.scsi.check_condition import (
    CheckCondition,
    illegal_request,
    invalid_field_in_cdb,
)
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.scsi.layout import Layout
    from reftarget.scsi.task import Steps
    from reftarget.scsi.unit import Handler, LogicalUnit

_DPO_AND_FUA = 0x18
_FUA = 0x08
_BYTCHK_NONE, _BYTCHK_SAME = 0b00, 0b11


def _read(layout: Layout) -> Handler:
    extent = layout.structure.reader("lba", "blocks")
    length_byte = layout.structure.fields["blocks"].byte

    def read(unit: LogicalUnit, task: Task) -> Outcome:
        lba, blocks = extent(task.cdb)
        rules = unit.rules.blocks
        if not blocks:
            blocks = rules.blocks_of_zero
        if task.cdb[1] & _DPO_AND_FUA and not rules.takes_fua:
            raise invalid_field_in_cdb(1, 4)
        if lba + blocks > unit.end or blocks > unit.maximum_blocks:
            unit.check_transfer(lba, blocks, length_byte=length_byte)
        if task.cdb[1] & _FUA:
            # Newer data in the cache is written to the medium first (SBC-3, FUA of
            # READ).
            unit.backing.flush()
        size = unit.block_size
        return Outcome(SCSIStatus.GOOD, unit.backing.read(lba * size, blocks * size))

    return read


def _read_6(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.read_6.parse(task.cdb)
    blocks = fields["blocks"] or unit.rules.blocks.read_6_blocks_of_zero
    unit.check_range(fields["lba"], blocks)
    return Outcome(SCSIStatus.GOOD, unit.read(fields["lba"], blocks))


def _verify(layout: Layout) -> Handler:
    def verify(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
        fields = layout.parse(task.cdb)
        lba, blocks, bytchk = fields["lba"], fields["blocks"], fields["bytchk"]
        unit.check_range(lba, blocks)
        rules = unit.rules.blocks
        if bytchk not in rules.verify_bytchks:
            raise invalid_field_in_cdb(1, 2)
        if bytchk == _BYTCHK_NONE or not blocks:
            return GOOD  # all data in the backing can be read
        unit.check_transfer(
            lba, blocks, length_byte=layout.structure.fields["blocks"].byte
        )
        sent = 1 if bytchk == _BYTCHK_SAME else blocks

        def compare(data: bytes | memoryview) -> Outcome | Steps:
            require_complete_blocks(unit, data)
            if bytchk == _BYTCHK_SAME and rules.verify_compares_all:
                return _compare_with_all(unit, lba, blocks, bytes(data))
            require_equal(unit, unit.read(lba, len(data) // unit.block_size), data)
            return GOOD

        return DataOutNeeded(sent * unit.block_size, compare)

    return verify


def _compare_with_all(unit: LogicalUnit, lba: int, blocks: int, block: bytes) -> Steps:
    """Compare one block with each of a run, in steps; the range was checked."""
    most = max(1, limits.STEP // unit.block_size)
    for start in range(0, blocks, most):
        count = min(most, blocks - start)
        stored = unit.read(lba + start, count)
        require_equal(unit, stored, block * count, before=start * unit.block_size)
        yield
    return GOOD


def require_complete_blocks(unit: LogicalUnit, data: bytes | memoryview) -> None:
    """Refuse Data-Out that ends within a block."""
    if len(data) % unit.block_size:
        raise illegal_request(AdditionalSense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT)


def require_equal(
    unit: LogicalUnit,
    stored: bytes | memoryview,
    data: bytes | memoryview,
    *,
    before: int = 0,
) -> None:
    """Refuse with MISCOMPARE if the medium holds other bytes; say where they start.

    Args:
        unit: the logical unit.
        stored: what the medium holds.
        data: what it is compared with.
        before: the bytes of the command that were compared earlier.

    Raises:
        CheckCondition: they differ.
    """
    if unit.rules.blocks.is_equal(stored, data):
        return
    offset = before + first_difference(stored, data)
    raise CheckCondition(
        Sense.of(
            SenseKey.MISCOMPARE,
            AdditionalSense.MISCOMPARE_DURING_VERIFY_OPERATION,
            information=unit.rules.blocks.miscompare_information(offset),
        )
    )


def first_difference(left: bytes | memoryview, right: bytes | memoryview) -> int:
    """Return the offset of the first byte that differs, 0 where none does.

    It is found by halves: a peer chooses how many bytes lie before it.
    """
    low, high = 0, min(len(left), len(right))
    left, right = memoryview(left), memoryview(right)
    while high - low > 1:
        middle = (low + high) // 2
        if bytes(left[low:middle]) == bytes(right[low:middle]):
            low = middle
        else:
            high = middle
    return low if left[low:high] != right[low:high] else 0


def _pre_fetch(layout: Layout) -> Handler:
    def pre_fetch(unit: LogicalUnit, task: Task) -> Outcome:
        fields = layout.parse(task.cdb)
        unit.check_range(fields["lba"], fields["blocks"])
        if not unit.rules.blocks.can_pre_fetch:
            raise invalid_field_in_cdb(1, 1)
        # The target has no cache that could hold all blocks (SBC-3 section 5.12).
        return GOOD

    return pre_fetch


def _synchronize_cache(layout: Layout) -> Handler:
    def synchronize_cache(unit: LogicalUnit, task: Task) -> Outcome:
        fields = layout.parse(task.cdb)
        unit.check_range(fields["lba"], fields["blocks"])
        if not unit.rules.blocks.can_synchronize_cache:
            raise invalid_field_in_cdb(1, 1)
        unit.backing.flush()
        return GOOD

    return synchronize_cache


def _row(make: Callable[[Layout], Handler], layout: Layout, *no: str) -> Command:
    return Command(layout, make(layout), Access.READ, unsupported=no)


COMMANDS = (
    Command(cdb.read_6, _read_6, Access.READ),
    *(
        _row(_read, layout, "rdprotect")
        for layout in (cdb.read_10, cdb.read_12, cdb.read_16)
    ),
    *(
        _row(_verify, layout, "vrprotect")
        for layout in (cdb.verify_10, cdb.verify_12, cdb.verify_16)
    ),
    *(_row(_pre_fetch, layout) for layout in (cdb.pre_fetch_10, cdb.pre_fetch_16)),
    *(
        Command(layout, _synchronize_cache(layout), Access.WRITE)
        for layout in (cdb.synchronize_cache_10, cdb.synchronize_cache_16)
    ),
)
