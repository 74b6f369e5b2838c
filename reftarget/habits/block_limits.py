# SPDX-License-Identifier: GPL-2.0-only
"""The habits of disks about the page of block limits, and about describing themselves.

What SBC-3 and SBC-4 leave open in the Block Limits VPD page, and what INQUIRY data and
REPORT LUNS may hold besides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reftarget.habits.row import Habit
from reftarget.scsi.check_condition import CheckCondition, invalid_field_in_cdb
from reftarget.scsi.rules import BlockRules, IdentityRules, ProvisioningRules
from reftarget.scsi.rules.blocks import atomic_objection
from reftarget.scsi.rules.identity import listed_pages, version_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iscsi.scsi.vpd import BlockLimits

_GRAIN: Final = 8
"""Blocks: the grain of a disk that writes or unmaps no smaller parts at once."""
_VENDOR_PAGE: Final = 0xC0
_SPC_5: Final = b"\7"
_SBC_4: Final = 0x0600
_VENDOR_BYTES: Final = slice(36, 56)
"""Where standard INQUIRY data holds what is its vendor's."""


def _aligned(fields: Mapping[str, int]) -> CheckCondition | None:
    if fields["lba"] % _GRAIN:
        return invalid_field_in_cdb(2)
    if fields["blocks"] % _GRAIN:
        return invalid_field_in_cdb(12)
    return atomic_objection(fields)


def _without_boundary(fields: Mapping[str, int]) -> CheckCondition | None:
    if fields["atomic_boundary"]:
        return invalid_field_in_cdb(10)
    return atomic_objection(fields)


def _with_alignment(page: BlockLimits) -> BlockLimits:
    return replace(
        page, atomic_alignment=_GRAIN, atomic_transfer_length_granularity=_GRAIN
    )


def _with_no_boundary(page: BlockLimits) -> BlockLimits:
    return replace(
        page,
        maximum_atomic_transfer_length_with_atomic_boundary=0,
        maximum_atomic_boundary_size=0,
    )


def _without_atomic_limits(page: BlockLimits) -> BlockLimits:
    return replace(
        page, maximum_atomic_transfer_length=0, atomic_transfer_length_granularity=0
    )


def _with_coarse_unmaps(page: BlockLimits) -> BlockLimits:
    return replace(
        page,
        optimal_unmap_granularity=_GRAIN,
        ugavalid=1,
        unmap_granularity_alignment=_GRAIN // 2,
    )


def _without_optimal_granularity(page: BlockLimits) -> BlockLimits:
    return replace(page, optimal_transfer_length_granularity=0)


def _with_vendor_page(codes: Iterable[int]) -> bytes:
    return listed_pages((*codes, _VENDOR_PAGE))


def _vendor_page(code: int) -> bytes | None:
    return b"a page of the vendor" if code == _VENDOR_PAGE else None


def _with_vendor_bytes(data: bytes) -> bytes:
    filled = b"vendor".ljust(_VENDOR_BYTES.stop - _VENDOR_BYTES.start, b"-")
    return data[: _VENDOR_BYTES.start] + filled + data[_VENDOR_BYTES.stop :]


BLOCK_LIMITS: Final = (
    Habit(
        name="zero-blocks-are-refused-without-notice",
        clause="SBC-3 6.6.4",
        says="Gives WSNZ 0, and refuses a WRITE SAME of zero blocks all the same.",
        rules=ProvisioningRules(same_fills_the_rest=False),
    ),
    Habit(
        name="atomic-writes-are-aligned",
        clause="SBC-4 5.48",
        says="Writes eight blocks at once, or a multiple, from such a block on.",
        rules=(
            IdentityRules(block_limits=_with_alignment),
            BlockRules(atomic_objection=_aligned),
        ),
    ),
    Habit(
        name="no-atomic-boundary",
        clause="SBC-4 5.48",
        says="Takes no ATOMIC BOUNDARY, and gives 0 for its limits.",
        rules=(
            IdentityRules(block_limits=_with_no_boundary),
            BlockRules(atomic_objection=_without_boundary),
        ),
        is_poor=True,
    ),
    Habit(
        name="atomic-limits-are-not-reported",
        clause="SBC-4 5.48",
        says="Gives 0 for the length and the granularity of atomic writes.",
        rules=IdentityRules(block_limits=_without_atomic_limits),
        is_poor=True,
    ),
    Habit(
        name="coarse-unmap-granularity",
        clause="SBC-3 6.6.4",
        says="Prefers to unmap eight blocks at a time, from the fourth one on.",
        rules=IdentityRules(block_limits=_with_coarse_unmaps),
    ),
    Habit(
        name="optimal-granularity-is-not-reported",
        clause="SBC-3 6.6.4",
        says="Gives OPTIMAL TRANSFER LENGTH GRANULARITY 0.",
        rules=IdentityRules(block_limits=_without_optimal_granularity),
    ),
    Habit(
        name="page-of-its-vendor",
        clause="SPC-4 7.8",
        says="Lists and returns VPD page C0h, which is its vendor's.",
        rules=IdentityRules(listed_pages=_with_vendor_page, unknown_page=_vendor_page),
    ),
    Habit(
        name="inquiry-has-bytes-of-its-vendor",
        clause="SPC-4 6.6.2",
        says="Fills bytes 36 to 55 of its INQUIRY data.",
        rules=IdentityRules(inquiry_data=_with_vendor_bytes),
    ),
    Habit(
        name="claims-spc-5",
        clause="SPC-4 6.6.2",
        says="Gives VERSION 07h, SPC-5.",
        rules=IdentityRules(inquiry_data=lambda data: data[:2] + _SPC_5 + data[3:]),
    ),
    Habit(
        name="names-further-standards",
        clause="SPC-4 6.6.2",
        says="Names SBC-4 in a further version descriptor.",
        rules=IdentityRules(
            version_descriptors=lambda level: (*version_descriptors(level), _SBC_4)
        ),
    ),
    Habit(
        name="units-are-listed-backwards",
        clause="SPC-4 6.33",
        says="Lists its units in descending order.",
        rules=IdentityRules(listed_luns=lambda luns, _select: luns[::-1]),
    ),
    Habit(
        name="serial-number-has-blanks",
        clause="SPC-4 7.8",
        says="Has a serial number that begins with blanks.",
        unit={"serial": "    BLANK-7"},
    ),
)
"""What a disk may say otherwise of its limits, and of itself."""
