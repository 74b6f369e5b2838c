# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about capacity and provisioning (SBC-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi.scsi.provisioning import ProvisioningStatus
from reftarget.ruleset import RuleSet
from reftarget.scsi import limits
from reftarget.scsi.rules.lengths import Cut, cut

Data = bytes | memoryview


def same_blocks(number: int, remaining: int) -> int:
    """Return how many blocks WRITE SAME writes (section 5.44).

    Zero is all up to the last, as WSNZ is zero.
    """
    return number or remaining


def filled(blocks: int, _unmap: bool) -> int:
    """Return how many blocks of a WRITE SAME are filled: all (section 5.44)."""
    return blocks


def is_unmap_of_nothing(length: int) -> bool:
    """Whether an UNMAP list of a length is GOOD as it is: an empty one (5.28)."""
    return not length


def unmap_list(data: Data) -> Data:
    """Return the UNMAP list that was received (section 5.28)."""
    return data


def first_status(lba: int) -> int:
    """Return where GET LBA STATUS begins: where it is asked to (section 5.4)."""
    return lba


def shown_status(is_mapped: bool) -> ProvisioningStatus:
    """Return what GET LBA STATUS says of blocks (section 5.4)."""
    return ProvisioningStatus.MAPPED if is_mapped else ProvisioningStatus.DEALLOCATED


def last_block(blocks: int) -> int:
    """Return RETURNED LOGICAL BLOCK ADDRESS of READ CAPACITY (10) (section 5.15)."""
    return blocks - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningRules(RuleSet):
    """The decisions about capacity and provisioning."""

    # WRITE SAME
    same_refuses_anchor: bool = True
    """WRITE SAME refuses ANCHOR, as ANC_SUP is 0 (section 5.44)."""
    same_can_unmap: bool = True
    """WRITE SAME takes UNMAP, as LBPWS and LBPWS10 say (section 6.6.5)."""
    same_blocks: Callable[[int, int], int] = same_blocks
    same_limit: int = limits.WRITE_SAME_BLOCKS
    """How many blocks WRITE SAME writes at most (section 5.44)."""
    same_needs_block: bool = True
    """WRITE SAME of a part of a block is refused (section 5.44)."""
    ndob_byte: bytes = b"\0"
    """What WRITE SAME writes where NDOB is 1 (section 5.44)."""
    filled: Callable[[int, bool], int] = filled
    # UNMAP
    unmap_refuses_anchor: bool = True
    """UNMAP refuses ANCHOR, as ANC_SUP is 0 (section 5.28)."""
    is_unmap_of_nothing: Callable[[int], bool] = is_unmap_of_nothing
    unmap_list: Callable[[Data], Data] = unmap_list
    unmap_descriptors: int = limits.UNMAP_DESCRIPTORS
    """How many descriptors UNMAP takes at most (section 5.28)."""
    can_unmap_nothing: bool = True
    """An UNMAP descriptor may name no blocks (section 5.28)."""
    # what the pages state about the medium
    first_status: Callable[[int], int] = first_status
    shown_status: Callable[[bool], ProvisioningStatus] = shown_status
    last_block: Callable[[int], int] = last_block
    reads_zeros: bool = True
    """LBPRZ: deallocated blocks read as zeros (section 6.6.5)."""
    same_fills_the_rest: bool = True
    """WRITE SAME takes zero blocks for all up to the last (section 5.44)."""
    has_wsnz: bool = False
    """WSNZ: WRITE SAME of zero blocks is refused (section 6.6.4)."""
    prot_en: bool = False
    """PROT_EN of READ CAPACITY (16): protection is not offered (section 5.16)."""
    cut_capacity: Cut = cut
    """What is returned of READ CAPACITY (16) (section 5.16)."""
    defect_list_length: int = 0
    """DEFECT LIST LENGTH: there are no defects (section 5.17)."""
    cut_defects: Cut = cut
    """What is returned of READ DEFECT DATA (section 5.17)."""
