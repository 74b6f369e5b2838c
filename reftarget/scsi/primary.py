# SPDX-License-Identifier: GPL-2.0-only
"""What every kind of device answers (SPC-4): readiness, sense, LUNs, self-test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.luns import REPORT_LUNS_WELL_KNOWN, SelectReport, build_report
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from reftarget.faults.devices import DeviceBend
from reftarget.faults.primary import PrimaryBend
from reftarget.faults.tasks import TaskBend
from reftarget.scsi.check_condition import condition, invalid_field_in_cdb
from reftarget.scsi.commands import Access, Command
from reftarget.scsi.task import GOOD, Outcome, Task, truncated

if TYPE_CHECKING:
    from reftarget.scsi.device import DeviceServer
    from reftarget.scsi.unit import LogicalUnit

_REPORT_LUNS_MINIMUM = 16
_FLAT = 0x4000


def _test_unit_ready(unit: LogicalUnit, _task: Task) -> Outcome:
    if unit.device.bends(PrimaryBend.NEVER_READY):
        raise condition(
            SenseKey.NOT_READY,
            AdditionalSense.LOGICAL_UNIT_NOT_READY_CAUSE_NOT_REPORTABLE,
        )
    return GOOD  # the device server has asked already


def _request_sense(unit: LogicalUnit, task: Task) -> Outcome:
    """Return and clear a pending unit attention, or say how the unit is."""
    fields = cdb.request_sense.parse(task.cdb)
    bends = unit.device.bends
    nothing = Sense(SenseKey.NO_SENSE)
    if bends(PrimaryBend.SENSE_OF_NOTHING):
        nothing = Sense(SenseKey.ABORTED_COMMAND)
    if pending := unit.attentions.pending(task.nexus):
        sense = Sense.of(SenseKey.UNIT_ATTENTION, pending[0])
        if not bends(PrimaryBend.SENSE_LEAVES):
            pending.pop(0)
    else:
        sense = unit.not_ready(unit.device.now) or nothing
    data = sense.build(
        descriptor=bool(fields["desc"]) and not bends(DeviceBend.IGNORES_DESC)
    )
    return truncated(data, fields["allocation_length"])


def luns_data(device: DeviceServer, task: Task) -> Outcome:
    """Return REPORT LUNS data for the nexus: every unit is open to every nexus."""
    fields = cdb.report_luns.parse(task.cdb)
    lists = {
        SelectReport.ADDRESSED: device.luns,
        SelectReport.WELL_KNOWN: [REPORT_LUNS_WELL_KNOWN],
        SelectReport.ALL: [*device.luns, REPORT_LUNS_WELL_KNOWN],
    }
    select = fields["select_report"]
    if select not in lists and device.bends(PrimaryBend.RESERVED_IS_ALL):
        select = SelectReport.ADDRESSED
    if select not in lists:
        raise invalid_field_in_cdb(2, 7)
    if fields["allocation_length"] < _REPORT_LUNS_MINIMUM:
        raise invalid_field_in_cdb(6, 7)
    found = lists[SelectReport(select)]
    if device.bends(PrimaryBend.UNITS_LEFT_OUT):
        found = []
    if select == SelectReport.ALL and device.bends(DeviceBend.ALL_IS_KNOWN):
        found = lists[SelectReport.WELL_KNOWN]
    if device.bends(TaskBend.LISTED_IS_ELSEWHERE):
        found = [lun if lun >> 48 else (_FLAT | lun) << 48 for lun in found]
    data = build_report(found)
    if device.bends(PrimaryBend.LIST_TELLS_THE_CUT):
        told = min(len(data), fields["allocation_length"]) - 8
        data = told.to_bytes(4, "big") + data[4:]
    return truncated(data, fields["allocation_length"])


def _report_luns(unit: LogicalUnit, task: Task) -> Outcome:
    outcome = luns_data(unit.device, task)
    # This one unit attention is cleared by the answer itself (SPC-4 section 6.33).
    pending = unit.attentions.pending(task.nexus)
    changed = AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED
    pending[:] = [additional for additional in pending if additional is not changed]
    return outcome


def _send_diagnostic(_unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.send_diagnostic.parse(task.cdb)
    if not fields["selftest"]:
        raise invalid_field_in_cdb(1, 2)  # the default self-test is all there is
    return GOOD


COMMANDS = (
    Command(cdb.test_unit_ready, _test_unit_ready, Access.READY),
    Command(
        cdb.request_sense,
        _request_sense,
        Access.FREE,
        needs_medium=False,
        clears_attention=False,
    ),
    Command(
        cdb.report_luns,
        _report_luns,
        Access.FREE,
        needs_medium=False,
        clears_attention=False,
    ),
    Command(
        cdb.send_diagnostic,
        _send_diagnostic,
        Access.WRITE,
        unsupported=("self_test_code", "parameter_list_length"),
        ignored=("pf", "devoffl", "unitoffl"),
        needs_medium=False,
    ),
)
