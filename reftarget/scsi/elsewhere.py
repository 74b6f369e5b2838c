# SPDX-License-Identifier: GPL-2.0-only
"""Commands to LUNs where no disk is (SPC-4 sections 4.5.1, 6.6 and 6.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.inquiry import DeviceType, PeripheralQualifier, StandardInquiry
from iscsi.scsi.luns import REPORT_LUNS_WELL_KNOWN
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import CheckCondition
from reftarget.scsi.primary import luns_data
from reftarget.scsi.task import GOOD, Outcome, Task, truncated

if TYPE_CHECKING:
    from reftarget.scsi.unit import Device

_NOT_SUPPORTED = Sense.of(
    SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
)


def start(device: Device, task: Task) -> Outcome:
    """Answer for a LUN that has no disk: mostly, that it has none."""
    opcode = task.cdb[0]
    is_well_known = task.lun == REPORT_LUNS_WELL_KNOWN
    try:
        if opcode == cdb.inquiry.opcode:
            is_there = device.rules.admission.missing_unit_is_connected
            return _inquiry(task, is_well_known=is_well_known or is_there)
        if opcode == cdb.request_sense.opcode:
            return _request_sense(task, is_well_known=is_well_known)
        if opcode == cdb.report_luns.opcode and (is_well_known or task.lun == 0):
            return luns_data(device, task)
    except CheckCondition as refusal:
        return Outcome(SCSIStatus.CHECK_CONDITION, sense=refusal.sense.build())
    is_taken = device.rules.admission.missing_unit_is_ready
    if is_taken or (is_well_known and opcode == cdb.test_unit_ready.opcode):
        return GOOD
    sense = _NOT_SUPPORTED
    if is_well_known:
        sense = Sense.of(
            SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_COMMAND_OPERATION_CODE
        )
    return Outcome(SCSIStatus.CHECK_CONDITION, sense=sense.build())


def _inquiry(task: Task, *, is_well_known: bool) -> Outcome:
    fields = cdb.inquiry.parse(task.cdb)
    qualifier, kind = PeripheralQualifier.NOT_CAPABLE, DeviceType.UNKNOWN
    if is_well_known:
        qualifier = PeripheralQualifier.CONNECTED
        kind = DeviceType.WELL_KNOWN_LOGICAL_UNIT
    if fields["evpd"]:
        # The list of supported pages is the only page of this unit.
        if fields["page_code"]:
            return Outcome(
                SCSIStatus.CHECK_CONDITION,
                sense=Sense.of(
                    SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB
                ).build(),
            )
        data = bytes([qualifier << 5 | kind, 0, 0, 1, 0])
    else:
        data = StandardInquiry(peripheral_qualifier=qualifier, device_type=kind).build()
    return truncated(data, fields["allocation_length"])


def _request_sense(task: Task, *, is_well_known: bool) -> Outcome:
    fields = cdb.request_sense.parse(task.cdb)
    sense = Sense(SenseKey.NO_SENSE) if is_well_known else _NOT_SUPPORTED
    data = sense.build(descriptor=bool(fields["desc"]))
    return truncated(data, fields["allocation_length"])
