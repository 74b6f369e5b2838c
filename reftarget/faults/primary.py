# SPDX-License-Identifier: GPL-2.0-only
"""The faults in how a logical unit describes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.scsi.luns import SelectReport
from iscsi.scsi.mode import ALL_PAGES
from iscsi.scsi.sense import Sense, SenseKey
from reftarget.faults.row import Fault
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.modes import PAGES
from reftarget.scsi.rules import AdmissionRules, IdentityRules, MediumRules, ModeRules
from reftarget.scsi.rules import admission as right

if TYPE_CHECKING:
    from collections.abc import Iterable

from iscsi.scsi import cdb


def _length_of_the_cut(length: int, room: int) -> int:
    return max(min(length, room), 0)


def _descending(codes: Iterable[int]) -> bytes:
    return bytes(sorted(codes, reverse=True))


def _known_or_addressed(value: int) -> SelectReport:
    return SelectReport(value) if value in set(SelectReport) else SelectReport.ADDRESSED


def _reports_by_inquiry(opcode: int, clears_attention: bool) -> bool:
    is_inquiry = opcode == cdb.inquiry.opcode
    return is_inquiry or right.reports_attentions(opcode, clears_attention)


PRIMARY: Final = (
    Fault(
        name="inquiry-claims-more-than-it-has",
        breaks=("SPC4-6.6.1-01",),
        says="Reports four bytes more than standard INQUIRY data has.",
        rules=IdentityRules(inquiry_length=lambda length, _room: length + 4),
    ),
    Fault(
        name="inquiry-length-is-cut",
        breaks=("SPC4-6.6.1-02",),
        says="Reports the length of the returned INQUIRY data, not of all.",
        rules=IdentityRules(inquiry_length=_length_of_the_cut),
    ),
    Fault(
        name="page-code-needs-no-evpd",
        breaks=("SPC4-6.6.1-03",),
        says="Ignores a PAGE CODE without EVPD.",
        rules=IdentityRules(page_code_needs_evpd=False),
    ),
    Fault(
        name="unknown-vpd-page-is-empty",
        breaks=("SPC4-6.6.1-04",),
        says="Returns an empty page for VPD pages that it does not have.",
        rules=IdentityRules(unknown_page=lambda _code: b""),
    ),
    Fault(
        name="vpd-pages-are-unsorted",
        breaks=("SPC4-7.8-01",),
        says="Lists its VPD pages in descending order.",
        rules=IdentityRules(listed_pages=_descending),
    ),
    Fault(
        name="vpd-page-claims-more-than-it-has",
        breaks=("SPC4-7.8-02",),
        says="Reports one byte more than a VPD page has.",
        also="its designators end beyond the data then",
        rules=IdentityRules(page_length=lambda length: length + 1),
    ),
    Fault(
        name="unit-is-not-designated",
        breaks=("SPC4-7.8-03",),
        says="Designates target and port in VPD page 83h, and no unit.",
        rules=IdentityRules(designates_unit=False),
    ),
    Fault(
        name="report-luns-leaves-units-out",
        breaks=("SPC4-6.33-01", "SAM5-4.7-03"),
        says="Lists no logical unit.",
        rules=IdentityRules(listed_luns=lambda _luns, _select: []),
    ),
    Fault(
        name="report-luns-lists-a-unit-twice",
        breaks=("SPC4-6.33-01",),
        says="Lists its last logical unit twice.",
        rules=IdentityRules(listed_luns=lambda luns, _select: [*luns, *luns[-1:]]),
    ),
    Fault(
        name="report-luns-length-is-cut",
        breaks=("SPC4-6.33-02",),
        says="Reports the length of the returned list, not of all.",
        rules=IdentityRules(lun_list_length=_length_of_the_cut),
    ),
    Fault(
        name="reserved-select-report-is-all",
        breaks=("SPC4-6.33-03",),
        says="Takes a reserved SELECT REPORT for 00h.",
        rules=IdentityRules(select_report=_known_or_addressed),
    ),
    Fault(
        name="request-sense-reports-what-is-not",
        breaks=("SPC4-6.39-01",),
        says="Returns ABORTED COMMAND if nothing is pending.",
        rules=IdentityRules(nothing_to_report=Sense(SenseKey.ABORTED_COMMAND)),
    ),
    Fault(
        name="mode-data-claims-more-than-it-has",
        breaks=("SPC4-6.11-01",),
        says="Reports one byte more than mode data has.",
        rules=ModeRules(data_length=lambda length, _room: length + 1),
    ),
    Fault(
        name="mode-data-length-is-cut",
        breaks=("SPC4-6.11-02",),
        says="Reports the length of the returned mode data, not of all.",
        rules=ModeRules(data_length=_length_of_the_cut),
    ),
    Fault(
        name="unknown-mode-page-is-all",
        breaks=("SPC4-6.11-03",),
        says="Returns all mode pages for one that it does not have.",
        rules=ModeRules(page_code=lambda code: code if code in PAGES else ALL_PAGES),
    ),
    Fault(
        name="listed-command-is-not-supported",
        breaks=("SPC4-6.35-01",),
        says="Reports each listed command as not supported when it is queried alone.",
        also="commands are asked for before they are used",
        rules=IdentityRules(reports_one=False),
    ),
    Fault(
        name="unknown-command-is-an-invalid-field",
        breaks=("SPC4-6.35-02",),
        says="Refuses unknown commands with INVALID FIELD IN CDB.",
        rules=AdmissionRules(
            unknown_command=lambda _opcode, _has_opcode: (
                invalid_field_in_cdb(0, 7).sense
            )
        ),
    ),
    Fault(
        name="missing-unit-is-ready",
        breaks=("SAM5-4.7-01", "SAM5-4.7-04"),
        says="Answers commands to missing units with GOOD.",
        rules=AdmissionRules(missing_unit_is_ready=True),
    ),
    Fault(
        name="missing-unit-is-connected",
        breaks=("SAM5-4.7-02", "SAM5-4.7-09"),
        says="Returns PERIPHERAL QUALIFIER 0 for missing units.",
        rules=AdmissionRules(missing_unit_is_connected=True),
    ),
    Fault(
        name="reset-is-not-reported",
        breaks=("SAM5-5.14-01", "SAM5-5.14-04", "RFC7143-11.5.1-14"),
        says="Reports no unit attention of a reset.",
        rules=MediumRules(report_reset=lambda _attentions, _additional: None),
    ),
    Fault(
        name="inquiry-reports-attentions",
        breaks=("SAM5-5.14-02",),
        says="Ends INQUIRY with a pending unit attention.",
        rules=AdmissionRules(reports_attentions=_reports_by_inquiry),
    ),
    Fault(
        name="request-sense-leaves-attentions",
        breaks=("SAM5-5.14-03",),
        says="Returns a unit attention by REQUEST SENSE and keeps it.",
        rules=IdentityRules(sense_clears_attention=False),
    ),
    Fault(
        name="unit-is-never-ready",
        breaks=("SPC4-6.47-01",),
        says="Answers TEST UNIT READY of a ready unit with NOT READY.",
        also="a session is proved alive by TEST UNIT READY",
        rules=IdentityRules(shows_readiness=False),
    ),
    Fault(
        name="reserved-reporting-option-is-taken",
        breaks=("SPC4-6.35-05",),
        says="Reports all commands for a reserved REPORTING OPTIONS.",
        rules=IdentityRules(refuses_reserved_options=False),
    ),
    Fault(
        name="kinds-of-commands-are-not-distinguished",
        breaks=("SPC4-6.35-06",),
        says="Answers for a command whether it is asked by a service action or not.",
        rules=IdentityRules(distinguishes_command_classes=False),
    ),
    Fault(
        name="service-action-is-masked",
        breaks=("SPC4-6.35-07",),
        says="Looks at five bits of REQUESTED SERVICE ACTION.",
        rules=IdentityRules(requested_action=lambda action: action & 0x1F),
    ),
)
