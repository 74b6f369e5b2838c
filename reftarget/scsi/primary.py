# SPDX-License-Identifier: GPL-2.0-only
"""What every kind of device answers (SPC-4): readiness, sense, LUNs, self-test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.luns import REPORT_LUNS_WELL_KNOWN, SelectReport, build_report
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from reftarget.scsi.check_condition import condition, invalid_field_in_cdb
from reftarget.scsi.task import GOOD, Outcome, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import Device, LogicalUnit

_REPORT_LUNS_MINIMUM = 16


def _test_unit_ready(unit: LogicalUnit, _task: Task) -> Outcome:
    if not unit.rules.identity.shows_readiness:
        raise condition(
            SenseKey.NOT_READY,
            AdditionalSense.LOGICAL_UNIT_NOT_READY_CAUSE_NOT_REPORTABLE,
        )
    return GOOD  # the device server has already checked the readiness


def _request_sense(unit: LogicalUnit, task: Task) -> Outcome:
    """Return and clear a pending unit attention, or say how the unit is."""
    fields = cdb.request_sense.parse(task.cdb)
    rules = unit.rules.identity
    if pending := unit.attentions.pending(task.nexus):
        sense = Sense.of(SenseKey.UNIT_ATTENTION, pending[0])
        if rules.sense_clears_attention:
            pending.pop(0)
    else:
        sense = unit.not_ready(unit.device.now) or rules.nothing_to_report
    data = sense.build(descriptor=bool(fields["desc"]) and rules.applies_desc)
    return truncated(data, fields["allocation_length"])


def luns_data(device: Device, task: Task) -> Outcome:
    """Return REPORT LUNS data for the nexus: every unit is open to every nexus."""
    fields = cdb.report_luns.parse(task.cdb)
    lists = {
        SelectReport.ADDRESSED: device.luns,
        SelectReport.WELL_KNOWN: [REPORT_LUNS_WELL_KNOWN],
        SelectReport.ALL: [*device.luns, REPORT_LUNS_WELL_KNOWN],
    }
    rules, room = device.rules.identity, fields["allocation_length"]
    select = rules.select_report(fields["select_report"])
    if select is None:
        raise invalid_field_in_cdb(2, 7)
    if room < _REPORT_LUNS_MINIMUM:
        raise invalid_field_in_cdb(6, 7)
    data = build_report(rules.listed_luns(lists[select], select))
    length = rules.lun_list_length(len(data) - 8, room - 8)
    return truncated(length.to_bytes(4, "big") + data[4:], room)


def _report_luns(unit: LogicalUnit, task: Task) -> Outcome:
    outcome = luns_data(unit.device, task)
    # The answer clears this unit attention on all units, as LUICLR of VPD page 86h
    # states (SPC-4 section 7.8.7).
    rules = unit.rules.changes
    units = unit.device.units.values() if rules.report_clears_everywhere else [unit]
    for one in units if rules.report_clears else ():
        one.attentions.withdraw(
            task.nexus, AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED
        )
    return outcome


def _send_diagnostic(_unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.send_diagnostic.parse(task.cdb)
    if not fields["selftest"]:
        raise invalid_field_in_cdb(1, 2)  # the default self-test is the only one
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
