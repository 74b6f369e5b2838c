# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about a unit's description of itself (SPC-4; disks: SBC-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from iscsi.scsi.inquiry import VersionDescriptor
from iscsi.scsi.luns import SelectReport
from iscsi.scsi.sense import Sense, SenseKey
from iscsi.scsi.vpd import BlockLimits
from reftarget.ruleset import RuleSet
from reftarget.scsi import limits
from reftarget.scsi.rules.lengths import Length, length_of_all

_NO_SENSE: Final = Sense(SenseKey.NO_SENSE)


def version_descriptors(protocol_level: int) -> tuple[int, ...]:
    """Return the version descriptors (section 6.6.2; RFC 7144 section 4.2).

    Args:
        protocol_level: iSCSIProtocolLevel of the session.
    """
    return (
        VersionDescriptor.SAM_5,
        VersionDescriptor.ISCSI + protocol_level,
        VersionDescriptor.SPC_4,
        VersionDescriptor.SBC_3,
    )


def unknown_page(_code: int) -> bytes | None:
    """Return the body of an undefined VPD page; None: it is refused."""
    return None


def listed_pages(codes: Iterable[int]) -> bytes:
    """Return the list of VPD pages, in ascending order (section 7.8)."""
    return bytes(sorted(codes))


def page_length(length: int) -> int:
    """Return PAGE LENGTH of a VPD page (section 7.8)."""
    return length


def device_name(target_name: str) -> str:
    """Return the SCSI device name: that of the node (RFC 7143 section 4.4.2)."""
    return target_name


def port_name(target_name: str, portal_group_tag: int) -> str:
    """Return the name of a target port (RFC 7143 section 4.4.2)."""
    return f"{target_name},t,0x{portal_group_tag:04x}"


def optimal_transfer_length(maximum: int) -> int:
    """Return OPTIMAL TRANSFER LENGTH, in blocks (SBC-3 section 6.6.4)."""
    return maximum


def block_limits(page: BlockLimits) -> BlockLimits:
    """Return the block limits page as it is shown: as it is (SBC-3 section 6.6.4)."""
    return page


def inquiry_data(data: bytes) -> bytes:
    """Return standard INQUIRY data as it is shown: as it is (section 6.6.2).

    ADDITIONAL LENGTH is made of its length.
    """
    return data


def select_report(value: int) -> SelectReport | None:
    """Return SELECT REPORT; None: it is refused as reserved (section 6.33)."""
    try:
        return SelectReport(value)
    except ValueError:
        return None


def listed_luns(luns: list[int], _select: SelectReport) -> list[int]:
    """Return what REPORT LUNS lists: all that there are (section 6.33)."""
    return luns


def has_timeouts(rctd: bool) -> bool:
    """Whether command timeouts descriptors are returned: as RCTD says (6.35)."""
    return rctd


def requested_action(action: int) -> int:
    """Return REQUESTED SERVICE ACTION: all 16 bits of it (section 6.35)."""
    return action


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules(RuleSet):
    """The decisions about a unit's description of itself."""

    # standard INQUIRY data
    response_data_format: int = 2
    """RESPONSE DATA FORMAT (section 6.6.2)."""
    normaca: bool = True
    """NORMACA: the NACA bit is offered (section 6.6.2)."""
    multip: bool = True
    """MULTIP: there are several target ports (section 6.6.2)."""
    version_descriptors: Callable[[int], tuple[int, ...]] = version_descriptors
    inquiry_data: Callable[[bytes], bytes] = inquiry_data
    inquiry_length: Length = length_of_all
    """ADDITIONAL LENGTH (section 6.6.1)."""
    page_code_needs_evpd: bool = True
    """PAGE CODE is refused without EVPD (section 6.6.1)."""
    # vital product data
    unknown_page: Callable[[int], bytes | None] = unknown_page
    listed_pages: Callable[[Iterable[int]], bytes] = listed_pages
    page_length: Callable[[int], int] = page_length
    designates_unit: bool = True
    """The device identification page designates the logical unit (section 7.8)."""
    unit_designators: int = 2
    """How many of its designators are shown: NAA, then T10 vendor ID (section 7.8)."""
    device_name: Callable[[str], str] = device_name
    port_name: Callable[[str, int], str] = port_name
    optimal_transfer_length: Callable[[int], int] = optimal_transfer_length
    block_limits: Callable[[BlockLimits], BlockLimits] = block_limits
    rotation_rate: int = 1
    """MEDIUM ROTATION RATE: 1, nothing rotates (SBC-3 section 6.6.3)."""
    form_factor: int = 0
    """NOMINAL FORM FACTOR: not reported (SBC-3 section 6.6.3)."""
    reports_erasure: bool = True
    """WABEREQ and WACEREQ say what is read after an erase (SBC-3 section 6.6.3)."""
    write_same_blocks: int = limits.WRITE_SAME_BLOCKS
    """MAXIMUM WRITE SAME LENGTH (SBC-3 section 6.6.4)."""
    unmap_descriptors: int = limits.UNMAP_DESCRIPTORS
    """MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT (SBC-3 section 6.6.4)."""
    compare_and_write_blocks: int = limits.COMPARE_AND_WRITE_BLOCKS
    """MAXIMUM COMPARE AND WRITE LENGTH (SBC-3 section 6.6.4)."""
    shows_lbpu: bool = True
    """LBPU says whether there is UNMAP (SBC-3 section 6.6.4)."""
    shows_lbprz: bool = True
    """LBPRZ says whether deallocated blocks read as zeros (SBC-3 section 6.6.5)."""
    # REPORT LUNS
    select_report: Callable[[int], SelectReport | None] = select_report
    listed_luns: Callable[[list[int], SelectReport], list[int]] = listed_luns
    lun_list_length: Length = length_of_all
    """LUN LIST LENGTH (section 6.33)."""
    # REQUEST SENSE and TEST UNIT READY
    nothing_to_report: Sense = _NO_SENSE
    """What REQUEST SENSE returns where nothing is to be reported (section 6.39)."""
    sense_clears_attention: bool = True
    """REQUEST SENSE clears the unit attention that it returns (SAM-5 section 5.14)."""
    applies_desc: bool = True
    """REQUEST SENSE returns descriptor format where DESC is 1 (section 6.39)."""
    shows_readiness: bool = True
    """TEST UNIT READY of a unit that is ready is GOOD (section 6.47)."""
    # REPORT SUPPORTED OPERATION CODES
    has_timeouts: Callable[[bool], bool] = has_timeouts
    shows_service_actions: bool = True
    """The list of all commands has their service actions (section 6.35)."""
    refuses_reserved_options: bool = True
    """A reserved REPORTING OPTIONS is refused (section 6.35)."""
    distinguishes_command_classes: bool = True
    """Commands with service actions and without are asked for as such (6.35)."""
    requested_action: Callable[[int], int] = requested_action
    reports_one: bool = True
    """A command that is asked for alone is reported as supported (section 6.35)."""
