# SPDX-License-Identifier: GPL-2.0-only
"""WRITE in all its forms (SBC-3 chapter 5; WRITE ATOMIC: SBC-4)."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.reads import require_complete_blocks, require_equal
from reftarget.scsi.task import GOOD, DataOutNeeded, Outcome, Steps, Task
from reftarget.scsi.unit import Command, always

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iscsi.scsi.layout import Layout
    from reftarget.scsi.unit import Handler, LogicalUnit

    Data = bytes | memoryview

_PART = 1 << 20
_CACHED = 1 << 14


def _write(layout: Layout) -> Handler:
    extent = layout.structure.reader("lba", "blocks")
    length_byte = layout.structure.fields["blocks"].byte
    fua_field = layout.structure.fields.get("fua")
    fua_mask = 1 << fua_field.bit if fua_field else 0

    def write(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
        lba, blocks = extent(task.cdb)
        if lba + blocks > unit.end or blocks > unit.maximum_blocks:
            unit.check_transfer(lba, blocks, length_byte=length_byte)
        if unit.is_write_protected:
            unit.check_writable()
        fua = bool(task.cdb[1] & fua_mask)
        return _solicit(unit, lba, blocks, fua=fua)

    return write


def _solicit(
    unit: LogicalUnit, lba: int, blocks: int, *, fua: bool = False
) -> Outcome | DataOutNeeded:
    """Request the data of a write, or do nothing if it writes nothing."""
    if not blocks:
        if unit.rules.blocks.can_write_nothing:
            return GOOD
        raise invalid_field_in_cdb(2)

    def store(data: bytes | memoryview) -> Outcome:
        # If the initiator has less data than the CDB asks for, that data is written;
        # the rest is the residual overflow (RFC 7143 section 11.4.5.1).
        if len(data) % unit.block_size:
            require_complete_blocks(unit, data)
        unit.write(lba, data, fua=fua)
        return GOOD

    return DataOutNeeded(blocks * unit.block_size, store)


def _write_6(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.write_6.parse(task.cdb)
    blocks = fields["blocks"] or 256  # SBC-3 section 5.32
    unit.check_range(fields["lba"], blocks)
    unit.check_writable()
    return _solicit(unit, fields["lba"], blocks)


def _write_and_verify(layout: Layout) -> Handler:
    length_byte = layout.structure.fields["blocks"].byte

    def write_and_verify(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
        fields = layout.parse(task.cdb)
        if fields["bytchk"] not in unit.rules.blocks.write_and_verify_bytchks:
            raise invalid_field_in_cdb(1, 2)
        lba, blocks = fields["lba"], fields["blocks"]
        unit.check_transfer(lba, blocks, length_byte=length_byte)
        unit.check_writable()
        # The data to verify must be on the medium, so write it with FUA. The comparison
        # with the backing is the verification, whether or not it was requested.
        answer = _solicit(unit, lba, blocks, fua=True)
        if isinstance(answer, DataOutNeeded):
            store = answer.finish

            def store_and_compare(data: bytes | memoryview) -> Outcome | Steps:
                outcome = store(data)
                require_equal(unit, unit.read(lba, len(data) // unit.block_size), data)
                return outcome

            answer.finish = store_and_compare
        return answer

    return write_and_verify


def _write_atomic_16(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.write_atomic_16.parse(task.cdb)
    lba, blocks = fields["lba"], fields["blocks"]
    rules = unit.rules.blocks
    if lba + blocks > unit.blocks and not rules.atomic_checks_range:
        return GOOD
    unit.check_range(lba, blocks)
    objection = rules.atomic_objection(fields)
    if objection is not None:
        raise objection
    unit.check_writable()
    if not rules.atomic_writes:
        return GOOD
    # One event loop does one write at a time, so every write is atomic for every
    # reader.
    return _solicit(unit, lba, blocks, fua=bool(fields["fua"]))


def _side_by_side(
    unit: LogicalUnit, lba: int, data: Data
) -> Iterator[tuple[int, Data, Data]]:
    """Split the stored and the received data into parts: LBA, stored, received.

    The command is one uninterrupted series of actions (SBC-3 section 5.8), so no step
    of another command runs between the parts.
    """
    maximum = max(1, _PART // unit.block_size)
    size = maximum * unit.block_size
    for start in range(0, len(data), size):
        part = data[start : start + size]
        at = lba + start // unit.block_size
        yield at, unit.read(at, len(part) // unit.block_size), part


def _bitwise(operate: Callable[[int, int], int], left: Data, right: Data) -> bytes:
    """Combine the bits of two buffers of the same length.

    The data is split into integers that fit a cache, which is five times as fast as one
    integer.
    """
    size = _CACHED
    return b"".join(
        operate(
            int.from_bytes(left[start : start + size], "little"),
            int.from_bytes(right[start : start + size], "little"),
        ).to_bytes(min(size, len(left) - start), "little")
        for start in range(0, len(left), size)
    )


def _orwrite(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.orwrite.parse(task.cdb)
    lba, blocks = fields["lba"], fields["blocks"]
    unit.check_transfer(lba, blocks, length_byte=10)
    unit.check_writable()
    rules = unit.rules.blocks
    if not blocks:
        if rules.can_combine_nothing:
            return GOOD
        raise invalid_field_in_cdb(10)

    def combine(data: bytes | memoryview) -> Outcome:
        require_complete_blocks(unit, data)
        for at, stored, part in _side_by_side(unit, lba, data):
            unit.write(at, _bitwise(rules.combined, stored, part))
        if fields["fua"]:
            unit.backing.flush()
        return GOOD

    return DataOutNeeded(blocks * unit.block_size, combine)


def _compare_and_write(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    fields = cdb.compare_and_write.parse(task.cdb)
    lba, blocks = fields["lba"], fields["blocks"]
    unit.check_range(lba, blocks)
    rules = unit.rules.blocks
    if blocks > rules.compare_and_write_blocks:
        raise invalid_field_in_cdb(13)
    unit.check_writable()
    half = blocks * unit.block_size
    if task.expected_data_out != 2 * half and rules.compare_and_write_needs_all:
        # With a part of the data, neither the comparison nor the write is possible. The
        # error points to the number of blocks.
        raise invalid_field_in_cdb(13)
    if not blocks:
        if rules.can_combine_nothing:
            return GOOD
        raise invalid_field_in_cdb(13)
    stored = rules.comparand(lambda: unit.read(lba, blocks))

    def compare_and_write(data: bytes | memoryview) -> Outcome:
        require_equal(unit, stored(), data[:half])
        unit.write(lba, data[half:], fua=bool(fields["fua"]))
        return GOOD

    return DataOutNeeded(2 * half, compare_and_write)


def _has_long_cdbs(unit: LogicalUnit) -> bool:
    return unit.config.long_cdbs


def _xdwriteread(layout: Layout) -> Handler:
    length_byte = layout.structure.fields["blocks"].byte

    def xdwriteread(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
        fields = layout.parse(task.cdb)
        if fields.get("additional_cdb_length", layout.length - 8) != layout.length - 8:
            raise invalid_field_in_cdb(7)
        lba, blocks = fields["lba"], fields["blocks"]
        unit.check_transfer(lba, blocks, length_byte=length_byte)
        unit.check_writable()
        if not blocks:
            return GOOD

        def exchange(data: bytes | memoryview) -> Outcome:
            require_complete_blocks(unit, data)
            result = [
                _bitwise(operator.xor, stored, part)
                for _at, stored, part in _side_by_side(unit, lba, data)
            ]
            if not fields["disable_write"]:
                unit.write(lba, data, fua=bool(fields["fua"]))
            return Outcome(SCSIStatus.GOOD, result)

        return DataOutNeeded(blocks * unit.block_size, exchange)

    return xdwriteread


COMMANDS = (
    Command(cdb.write_6, _write_6, Access.WRITE),
    *(
        Command(layout, _write(layout), Access.WRITE, unsupported=("wrprotect",))
        for layout in (cdb.write_10, cdb.write_12, cdb.write_16)
    ),
    *(
        Command(
            layout, _write_and_verify(layout), Access.WRITE, unsupported=("wrprotect",)
        )
        for layout in (
            cdb.write_and_verify_10,
            cdb.write_and_verify_12,
            cdb.write_and_verify_16,
        )
    ),
    Command(cdb.write_atomic_16, _write_atomic_16, Access.WRITE),
    Command(cdb.orwrite, _orwrite, Access.WRITE, unsupported=("orprotect",)),
    *(
        Command(
            layout,
            _xdwriteread(layout),
            Access.WRITE,
            unsupported=("wrprotect",),
            is_offered=is_offered,
        )
        for layout, is_offered in (
            (cdb.xdwriteread_10, always),
            (cdb.xdwriteread_32, _has_long_cdbs),
        )
    ),
    Command(
        cdb.compare_and_write,
        _compare_and_write,
        Access.WRITE,
        unsupported=("wrprotect",),
    ),
)
