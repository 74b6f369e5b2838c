# SPDX-License-Identifier: GPL-2.0-only
"""The faults of commands to the medium."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

from reftarget.faults.row import Fault
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.rules import (
    AdmissionRules,
    BlockRules,
    MediumRules,
    ProvisioningRules,
)

if TYPE_CHECKING:
    from reftarget.scsi.rules.medium import Blocks, Data


def _stored_one_block_off(
    lba: int, data: Data, block_size: int, blocks: int
) -> tuple[int, Data]:
    return min(lba + 1, blocks - len(data) // block_size), data


def _filled_with_ones(medium: Blocks, lba: int, blocks: int) -> None:
    medium.write(lba, b"\xff" * (blocks * medium.block_size))


def _stored_within_4_gib(
    lba: int, data: Data, block_size: int, _blocks: int
) -> tuple[int, Data]:
    return lba % (_WRAP // block_size), data


def _stored_within_32_bits(
    lba: int, data: Data, _block_size: int, _blocks: int
) -> tuple[int, Data]:
    return lba % (1 << 32), data


def _cleared_4_gib_below(medium: Blocks, lba: int, blocks: int) -> None:
    below = lba - _WRAP // medium.block_size
    if below >= 0:
        medium.write(below, bytes(blocks * medium.block_size))


def _cut_one_short(data: bytes, allocation_length: int) -> bytes:
    return data[: max(allocation_length - 1, 0)]


_WRAP = 1 << 32
"""Where a count of bytes in 32 bits wraps."""

MEDIA: Final = (
    Fault(
        name="end-of-medium-is-an-invalid-field",
        breaks=("SBC3-4.5-01", "SBC3-5.28-02"),
        says="Refuses blocks beyond the end with INVALID FIELD IN CDB.",
        rules=MediumRules(beyond_end=lambda: invalid_field_in_cdb(2)),
    ),
    Fault(
        name="last-block-is-out-of-range",
        breaks=("SBC3-4.5-02",),
        says="Takes the last block for one beyond the end.",
        also="whole ranges end with the last block",
        rules=MediumRules(end=lambda blocks: blocks - 1),
    ),
    Fault(
        name="no-blocks-are-anywhere",
        breaks=("SBC3-4.5-03",),
        says="Takes any LBA where no blocks are named.",
        rules=MediumRules(checks_range_of_nothing=False),
    ),
    Fault(
        name="write-is-one-block-off",
        breaks=("SBC3-5.34-01", "SBC3-5.11-01"),
        says="Writes one block behind where it should.",
        also="data is checked wherever it is written",
        rules=MediumRules(stored=_stored_one_block_off),
    ),
    Fault(
        name="writes-wrap-at-4-gib",
        breaks=("SBC3-5.34-01", "SBC3-5.11-01"),
        says="Counts the bytes before a block that is written in 32 bits.",
        also="what is unmapped there was written elsewhere",
        rules=MediumRules(stored=_stored_within_4_gib),
    ),
    Fault(
        name="blocks-are-counted-in-32-bits",
        breaks=("SBC3-5.34-01", "SBC3-5.11-01"),
        says="Uses the lower 32 bits of the address of a block that is written.",
        also="what is verified or unmapped there was written elsewhere",
        rules=MediumRules(stored=_stored_within_32_bits),
    ),
    Fault(
        name="unmap-wraps-at-4-gib",
        breaks=("SBC3-5.28-03",),
        says="Writes zeros 4 GiB below the blocks that it unmaps, too.",
        rules=MediumRules(after_unmap=_cleared_4_gib_below),
    ),
    Fault(
        name="no-blocks-are-one",
        breaks=("SBC3-5.11-02",),
        says="Reads a block where TRANSFER LENGTH is 0.",
        rules=BlockRules(blocks_of_zero=1),
    ),
    Fault(
        name="read-6-without-length-reads-nothing",
        breaks=("SBC3-5.10-01",),
        says="Reads nothing by READ (6) with TRANSFER LENGTH 0.",
        rules=BlockRules(read_6_blocks_of_zero=0),
    ),
    Fault(
        name="protection-is-ignored",
        breaks=("SBC3-5.11-03", "SBC3-5.34-03", "SBC3-4.22-01"),
        says="Takes RDPROTECT and WRPROTECT without protection information.",
        rules=AdmissionRules(refuses_reserved_fields=False),
    ),
    Fault(
        name="fua-is-refused",
        breaks=("SBC3-5.11-04",),
        says="Refuses DPO and FUA although it reports DPOFUA.",
        rules=BlockRules(takes_fua=False),
    ),
    Fault(
        name="writing-nothing-is-an-error",
        breaks=("SBC3-5.34-02", "SBC4-5.48-03"),
        says="Refuses to write no blocks.",
        rules=BlockRules(can_write_nothing=False),
    ),
    Fault(
        name="compare-always-differs",
        breaks=("SBC3-5.29-01", "SBC3-5.2-01"),
        says="Reports a difference in each comparison.",
        also="each command that compares fails",
        rules=BlockRules(is_equal=lambda _stored, _data: False),
    ),
    Fault(
        name="compare-finds-no-difference",
        breaks=("SBC3-5.29-02", "SBC3-5.2-02"),
        says="Reports no difference in any comparison.",
        rules=BlockRules(is_equal=lambda _stored, _data: True),
    ),
    Fault(
        name="verify-needs-bytchk",
        breaks=("SBC3-5.29-03",),
        says="Refuses VERIFY with BYTCHK 00b.",
        also="VERIFY is sent without data wherever blocks are named",
        rules=BlockRules(verify_bytchks=frozenset({0b01, 0b11})),
    ),
    Fault(
        name="orwrite-clears-bits",
        breaks=("SBC3-5.5-01",),
        says="Stores the exclusive OR instead of the OR.",
        rules=BlockRules(combined=operator.xor),
    ),
    Fault(
        name="write-same-writes-one-block",
        breaks=("SBC3-5.44-01",),
        says="Writes the block of WRITE SAME once.",
        rules=ProvisioningRules(filled=lambda _blocks, _unmap: 1),
    ),
    Fault(
        name="write-same-unmaps-nothing",
        breaks=("SBC3-5.44-02",),
        says="Answers WRITE SAME with UNMAP with GOOD and does nothing.",
        rules=ProvisioningRules(filled=lambda blocks, unmap: 0 if unmap else blocks),
    ),
    Fault(
        name="empty-unmap-list-is-an-error",
        breaks=("SBC3-5.28-01",),
        says="Refuses UNMAP without a parameter list.",
        rules=ProvisioningRules(is_unmap_of_nothing=lambda _length: False),
    ),
    Fault(
        name="unmapped-blocks-are-ones",
        breaks=("SBC3-5.28-03",),
        says="Returns ones for unmapped blocks although it reports LBPRZ.",
        also="WRITE SAME unmaps blocks as well",
        rules=MediumRules(after_unmap=_filled_with_ones),
    ),
    Fault(
        name="lba-status-begins-later",
        breaks=("SBC3-5.4-01", "SBC3-5.4-02"),
        says="Begins GET LBA STATUS one block behind the one asked for.",
        rules=ProvisioningRules(first_status=lambda lba: lba + 1),
    ),
    Fault(
        name="capacity-10-is-one-more",
        breaks=("SBC3-5.15-01",),
        says="Reports one block too many by READ CAPACITY (10).",
        also="checks at the last block know it from there",
        rules=ProvisioningRules(last_block=lambda blocks: blocks),
    ),
    Fault(
        name="capacity-10-wraps",
        breaks=("SBC3-5.15-01",),
        says="Reports the lower 32 bits of the last block by READ CAPACITY (10).",
        rules=ProvisioningRules(last_block=lambda blocks: (blocks - 1) % (1 << 32)),
    ),
    Fault(
        name="capacity-16-is-cut-short",
        breaks=("SBC3-5.16-01",),
        says="Returns one byte less than the allocation length allows.",
        rules=ProvisioningRules(cut_capacity=_cut_one_short),
    ),
    Fault(
        name="synchronize-cache-fails",
        breaks=("SBC3-5.26-01",),
        says="Refuses SYNCHRONIZE CACHE.",
        also="it names blocks as other commands do",
        rules=BlockRules(can_synchronize_cache=False),
    ),
    Fault(
        name="start-fails",
        breaks=("SBC3-5.25-01",),
        says="Refuses START STOP UNIT.",
        also="what a check stops or ejects is started again",
        rules=MediumRules(power_conditions=frozenset()),
    ),
    Fault(
        name="write-protection-is-not-kept",
        breaks=("SBC3-4.2-01",),
        says="Writes to a unit that is write-protected.",
        also="a unit that SWP protects is written as well",
        rules=MediumRules(protection=lambda _is_read_only, _swp: None),
    ),
    Fault(
        name="miscompare-reports-no-offset",
        breaks=("SBC3-5.2-05",),
        says="Leaves INFORMATION out of the sense data of a miscompare.",
        rules=BlockRules(miscompare_information=lambda _offset: None),
    ),
    Fault(
        name="miscompare-reports-the-next-byte",
        breaks=("SBC3-5.2-05",),
        says="Counts the bytes up to a difference from 1.",
        rules=BlockRules(miscompare_information=lambda offset: offset + 1),
    ),
)
