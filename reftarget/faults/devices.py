# SPDX-License-Identifier: GPL-2.0-only
"""The faults of a disk's less common commands: flags, limits, modes, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.scsi import cdb
from iscsi.scsi.luns import REPORT_LUNS_WELL_KNOWN, SelectReport
from iscsi.scsi.mode import ModePage
from iscsi.scsi.provisioning import ProvisioningStatus
from iscsi.scsi.sense import AdditionalSense
from reftarget.faults.row import Fault
from reftarget.scsi import limits
from reftarget.scsi.check_condition import (
    CheckCondition,
    illegal_request,
    invalid_field_in_cdb,
)
from reftarget.scsi.rules import (
    AdmissionRules,
    BlockRules,
    IdentityRules,
    MediumRules,
    ModeRules,
    ProvisioningRules,
)
from reftarget.scsi.rules import medium as right

if TYPE_CHECKING:
    from iscsi.scsi.layout import Layout
    from reftarget.scsi.task import Task

_FLAGLESS: Final = frozenset(
    {
        cdb.read_10,
        cdb.read_12,
        cdb.read_16,
        cdb.write_10,
        cdb.write_12,
        cdb.write_16,
    }
)
_UNMAP_HEADER: Final = 8
_UNMAP_DESCRIPTOR: Final = 16
_UNLIMITED: Final = 1 << 64


def _refuses_flags(layout: Layout, task: Task) -> CheckCondition | None:
    if layout in _FLAGLESS:
        return None
    fields = layout.structure.parse(task.cdb)
    is_set = fields.get("dpo") or fields.get("fua")
    return invalid_field_in_cdb(1, 4) if is_set else None


def _refuses_long_capacity(layout: Layout, _task: Task) -> CheckCondition | None:
    if layout is not cdb.read_capacity_16:
        return None
    return illegal_request(AdditionalSense.INVALID_COMMAND_OPERATION_CODE)


def _filled_up(data: right.Data) -> bytes:
    """Return an UNMAP list in which the last descriptor is whole."""
    padded = bytes(data) + bytes((_UNMAP_HEADER - len(data)) % _UNMAP_DESCRIPTOR)
    return (len(padded) - _UNMAP_HEADER).to_bytes(4, "big") + padded[4:]


def _well_known_alone(luns: list[int], select: SelectReport) -> list[int]:
    return [REPORT_LUNS_WELL_KNOWN] if select is SelectReport.ALL else luns


def _caching_for_control(code: int) -> int:
    return ModePage.CACHING if code == ModePage.CONTROL else code


DEVICES: Final = (
    Fault(
        name="dpo-is-refused-by-others",
        breaks=("SBC3-6.5.1-01",),
        says="Refuses DPO and FUA of commands other than READ and WRITE.",
        rules=AdmissionRules(objection=_refuses_flags),
    ),
    Fault(
        name="other-writes-of-nothing-are-an-error",
        breaks=("SBC3-5.5-02",),
        says="Refuses ORWRITE and COMPARE AND WRITE of no blocks.",
        rules=BlockRules(can_combine_nothing=False),
    ),
    Fault(
        name="pre-fetch-fails",
        breaks=("SBC3-5.7-01",),
        says="Refuses PRE-FETCH.",
        rules=BlockRules(can_pre_fetch=False),
    ),
    Fault(
        name="verify-of-one-block-compares-the-first",
        breaks=("SBC3-5.29-04",),
        says="Compares one block alone by VERIFY with BYTCHK 11b.",
        rules=BlockRules(verify_compares_all=False),
    ),
    Fault(
        name="write-and-verify-refuses-bytchk",
        breaks=("SBC3-5.38-01",),
        says="Refuses WRITE AND VERIFY with BYTCHK 01b.",
        rules=BlockRules(write_and_verify_bytchks=frozenset({0b00})),
    ),
    Fault(
        name="inquiry-has-an-older-format",
        breaks=("SPC4-6.6.2-01",),
        says="Gives RESPONSE DATA FORMAT 1.",
        rules=IdentityRules(response_data_format=1),
    ),
    Fault(
        name="no-version-descriptors",
        breaks=("SPC4-6.6.2-02",),
        says="Leaves out the version descriptors.",
        rules=IdentityRules(version_descriptors=lambda _protocol_level: ()),
    ),
    Fault(
        name="read-capacity-16-is-missing",
        breaks=("SBC3-5.1-01",),
        says="Does not know READ CAPACITY (16).",
        rules=AdmissionRules(objection=_refuses_long_capacity),
    ),
    Fault(
        name="optimal-length-is-beyond-the-maximum",
        breaks=("SBC3-6.6.4-01",),
        says="Reports an optimal transfer length beyond the maximum.",
        rules=IdentityRules(optimal_transfer_length=lambda maximum: maximum + 1),
    ),
    Fault(
        name="unmap-is-not-reported",
        breaks=("SBC3-6.6.4-02",),
        says="Reports LBPU 0 although it supports UNMAP.",
        rules=IdentityRules(shows_lbpu=False),
    ),
    Fault(
        name="lbprz-is-reported-by-one-page-only",
        breaks=("SBC3-6.6.5-01",),
        says="Gives LBPRZ 0 in VPD page B2h and 1 in READ CAPACITY (16).",
        rules=IdentityRules(shows_lbprz=False),
    ),
    Fault(
        name="protection-is-enabled-without-support",
        breaks=("SBC3-5.16-02",),
        says="Gives PROT_EN 1 and PROTECT 0.",
        rules=ProvisioningRules(prot_en=True),
    ),
    Fault(
        name="timeouts-come-unasked",
        breaks=("SPC4-6.35-03",),
        says="Returns command timeouts descriptors whatever RCTD is.",
        rules=IdentityRules(has_timeouts=lambda _rctd: True),
    ),
    Fault(
        name="service-actions-are-not-reported",
        breaks=("SPC4-6.35-04", "SPC4-6.35-01"),
        says="Lists every command without its service action.",
        rules=IdentityRules(shows_service_actions=False),
    ),
    Fault(
        name="mode-sense-returns-another-page",
        breaks=("SPC4-6.11-04",),
        says="Returns the caching page for the control page.",
        rules=ModeRules(page_code=_caching_for_control),
    ),
    Fault(
        name="saved-mode-values-are-an-invalid-field",
        breaks=("SPC4-6.11-05",),
        says="Refuses saved values with INVALID FIELD IN CDB.",
        rules=ModeRules(saved_objection=lambda: invalid_field_in_cdb(2, 7)),
    ),
    Fault(
        name="mode-values-outlive-a-reset",
        breaks=("SPC4-6.11-08",),
        says="Keeps what MODE SELECT has changed over a reset.",
        rules=ModeRules(forgets_at_reset=False),
    ),
    Fault(
        name="mode-changes-are-not-reported",
        breaks=("SPC4-6.9-01",),
        says="Establishes no unit attention for changed mode parameters.",
        rules=ModeRules(reports_mode_change=False),
    ),
    Fault(
        name="unchangeable-mode-values-are-passed-over",
        breaks=("SPC4-6.9-02",),
        says="Ignores values that cannot be changed, and returns GOOD.",
        rules=ModeRules(refuses_unchangeable=False),
    ),
    Fault(
        name="empty-mode-list-is-an-error",
        breaks=("SPC4-6.9-03",),
        says="Refuses MODE SELECT without a parameter list.",
        rules=ModeRules(can_select_nothing=False),
    ),
    Fault(
        name="cut-mode-list-is-taken",
        breaks=("SPC4-6.9-04",),
        says="Answers MODE SELECT of a list that is cut with GOOD.",
        rules=ModeRules(refuses_cut_list=False),
    ),
    Fault(
        name="d-sense-is-ignored",
        breaks=("SPC4-7.5.8-01",),
        says="Returns sense data in fixed format whatever D_SENSE is.",
        rules=AdmissionRules(has_descriptors=lambda _d_sense: False),
    ),
    Fault(
        name="swp-is-ignored",
        breaks=("SPC4-7.5.8-02",),
        says="Writes though SWP is 1.",
        rules=MediumRules(
            protection=lambda is_read_only, _swp: right.protection(is_read_only, False)
        ),
    ),
    Fault(
        name="write-same-without-number-does-nothing",
        breaks=("SBC3-5.44-03",),
        says="Writes nothing by WRITE SAME with NUMBER OF LOGICAL BLOCKS 0.",
        rules=ProvisioningRules(same_blocks=lambda number, _rest: number),
    ),
    Fault(
        name="anchor-is-ignored",
        breaks=("SBC3-5.44-04",),
        says="Ignores ANCHOR in WRITE SAME.",
        rules=ProvisioningRules(same_refuses_anchor=False),
    ),
    Fault(
        name="ndob-writes-ones",
        breaks=("SBC3-5.44-05",),
        says="Writes ones where NDOB is 1.",
        rules=ProvisioningRules(ndob_byte=b"\xff"),
    ),
    Fault(
        name="write-same-limit-is-not-kept",
        breaks=("SBC3-5.44-06",),
        says="Takes more blocks than MAXIMUM WRITE SAME LENGTH.",
        rules=ProvisioningRules(same_limit=_UNLIMITED),
    ),
    Fault(
        name="write-same-refuses-unmap",
        breaks=("SBC3-6.6.5-02",),
        says="Refuses UNMAP in WRITE SAME though LBPWS and LBPWS10 are 1.",
        rules=ProvisioningRules(same_can_unmap=False),
    ),
    Fault(
        name="unmap-limits-are-not-kept",
        breaks=("SBC3-5.28-04",),
        says="Accepts more UNMAP descriptors than it reports.",
        rules=ProvisioningRules(unmap_descriptors=_UNLIMITED),
    ),
    Fault(
        name="block-limits-claim-more-than-is-taken",
        breaks=("SBC3-6.6.4-05",),
        says="Tells of one more block for WRITE SAME and one more UNMAP descriptor.",
        rules=IdentityRules(
            write_same_blocks=limits.WRITE_SAME_BLOCKS + 1,
            unmap_descriptors=limits.UNMAP_DESCRIPTORS + 1,
        ),
    ),
    Fault(
        name="short-unmap-list-is-taken",
        breaks=("SBC3-5.28-05",),
        says="Answers an UNMAP list shorter than its header with GOOD.",
        rules=ProvisioningRules(
            is_unmap_of_nothing=lambda length: length < _UNMAP_HEADER
        ),
    ),
    Fault(
        name="cut-unmap-descriptor-counts",
        breaks=("SBC3-5.28-06",),
        says="Unmaps what a descriptor cut short names.",
        rules=ProvisioningRules(unmap_list=_filled_up),
    ),
    Fault(
        name="unmap-of-no-blocks-is-an-error",
        breaks=("SBC3-5.28-07",),
        says="Refuses UNMAP descriptors of no blocks.",
        rules=ProvisioningRules(can_unmap_nothing=False),
    ),
    Fault(
        name="unmap-ignores-anchor",
        breaks=("SBC3-5.28-08",),
        says="Ignores ANCHOR in UNMAP.",
        rules=ProvisioningRules(unmap_refuses_anchor=False),
    ),
    Fault(
        name="list-of-all-units-has-well-known-ones-alone",
        breaks=("SPC4-6.33-04",),
        says="Lists well known logical units alone with SELECT REPORT 02h.",
        rules=IdentityRules(listed_luns=_well_known_alone),
    ),
    Fault(
        name="request-sense-ignores-desc",
        breaks=("SPC4-6.39-02",),
        says="Returns fixed format whatever DESC is.",
        rules=IdentityRules(applies_desc=False),
    ),
    Fault(
        name="written-blocks-are-reported-as-unmapped",
        breaks=("SBC3-5.4-02",),
        says="Tells of mapped blocks as deallocated.",
        rules=ProvisioningRules(
            shown_status=lambda _is_mapped: ProvisioningStatus.DEALLOCATED
        ),
    ),
)
