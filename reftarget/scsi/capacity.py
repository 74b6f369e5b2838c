# SPDX-License-Identifier: GPL-2.0-only
"""READ CAPACITY and READ DEFECT DATA: the medium's size and its flaws (SBC-3)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity10, Capacity16
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.task import Outcome, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit

_PLIST_VALID, _GLIST_VALID = 0x10, 0x08


def _read_capacity_10(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.read_capacity_10.parse(task.cdb)
    if fields["lba"] and not fields["pmi"]:
        raise invalid_field_in_cdb(2, 7)
    last = unit.rules.provisioning.last_block(unit.blocks)
    data = Capacity10(last, unit.block_size).build()
    return Outcome(SCSIStatus.GOOD, data)


def _read_capacity_16(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.read_capacity_16.parse(task.cdb)
    if fields["lba"] and not fields["pmi"]:
        raise invalid_field_in_cdb(2, 7)
    is_thin = unit.mapped is not None
    rules = unit.rules.provisioning
    data = Capacity16(
        unit.blocks - 1,
        unit.block_size,
        prot_en=rules.prot_en,
        physical_block_exponent=unit.config.blocks_per_physical_block.bit_length() - 1,
        lbpme=is_thin,
        lbprz=is_thin and rules.reads_zeros,
    ).build()
    return Outcome(
        SCSIStatus.GOOD, rules.cut_capacity(data, fields["allocation_length"])
    )


def _read_defect_data_10(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.read_defect_data_10.parse(task.cdb)
    rules = unit.rules.provisioning
    header = struct.pack(">xBH", _defect_flags(fields), rules.defect_list_length)
    return Outcome(
        SCSIStatus.GOOD, rules.cut_defects(header, fields["allocation_length"])
    )


def _read_defect_data_12(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.read_defect_data_12.parse(task.cdb)
    rules = unit.rules.provisioning
    header = struct.pack(">xBHI", _defect_flags(fields), 0, rules.defect_list_length)
    return Outcome(
        SCSIStatus.GOOD, rules.cut_defects(header, fields["allocation_length"])
    )


def _defect_flags(fields: dict[str, int]) -> int:
    """Return the header's second byte: empty lists in the format asked for."""
    flags = fields["defect_list_format"]
    if fields["req_plist"]:
        flags |= _PLIST_VALID
    if fields["req_glist"]:
        flags |= _GLIST_VALID
    return flags


COMMANDS = (
    Command(cdb.read_capacity_10, _read_capacity_10, Access.FREE),
    Command(cdb.read_capacity_16, _read_capacity_16, Access.FREE),
    Command(cdb.read_defect_data_10, _read_defect_data_10, Access.READ),
    Command(cdb.read_defect_data_12, _read_defect_data_12, Access.READ),
)
