# SPDX-License-Identifier: GPL-2.0-only
"""LOG SENSE: a disk without errors to report (SPC-4 section 6.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.log import ALL_SUBPAGES, LogPage, Page, Parameter
from iscsi.scsi.reservation_conflicts import Access
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.task import Outcome, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from reftarget.scsi.unit import LogicalUnit

_TEMPERATURE = 25
_CUMULATIVE_VALUES = 0b01

_PARAMETERS = {
    LogPage.TEMPERATURE: (
        Parameter(0x0000, bytes([0, _TEMPERATURE])),
        Parameter(0x0001, bytes([0, 0xFF])),
    ),
    LogPage.INFORMATIONAL_EXCEPTIONS: (
        Parameter(0x0000, bytes([0, 0, _TEMPERATURE, 0])),
    ),
}
"""What each page holds; the reference temperature FFh is none."""

_CODES = (LogPage.SUPPORTED_LOG_PAGES, *_PARAMETERS)


def _body(code: int, subpage: int, first: int) -> bytes:
    if code == LogPage.SUPPORTED_LOG_PAGES:
        if subpage == ALL_SUBPAGES:
            pairs = [(0, 0), (0, ALL_SUBPAGES), *((page, 0) for page in _CODES[1:])]
            return b"".join(map(bytes, pairs))
        return bytes(_CODES)
    parameters = _PARAMETERS[LogPage(code)]
    if first > max(parameter.code for parameter in parameters):
        raise invalid_field_in_cdb(5, 7)
    return b"".join(entry.build() for entry in parameters if entry.code >= first)


def _log_sense(_unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.log_sense.parse(task.cdb)
    code, subpage = fields["page_code"], fields["subpage_code"]
    if fields["page_control"] != _CUMULATIVE_VALUES and code in _PARAMETERS:
        # The log pages have neither thresholds nor defaults.
        raise invalid_field_in_cdb(2, 7)
    if code not in _CODES:
        raise invalid_field_in_cdb(2, 5)
    is_index = code == LogPage.SUPPORTED_LOG_PAGES
    if subpage and not (is_index and subpage == ALL_SUBPAGES):
        raise invalid_field_in_cdb(3, 7)
    body = _body(code, subpage, fields["parameter_pointer"])
    page = Page(code, body, subpage, spf=bool(subpage))
    return truncated(page.build(), fields["allocation_length"])


COMMANDS = (
    Command(
        cdb.log_sense,
        _log_sense,
        Access.FREE,
        unsupported=("ppc", "sp"),
        needs_medium=False,
    ),
)
