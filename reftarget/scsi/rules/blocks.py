# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of commands that read and write blocks (SBC-3; WRITE ATOMIC: SBC-4)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reftarget.ruleset import RuleSet
from reftarget.scsi import limits
from reftarget.scsi.check_condition import CheckCondition, invalid_field_in_cdb

Data = bytes | memoryview
Reader = Callable[[], Data]


def is_equal(stored: Data, data: Data) -> bool:
    """Whether the medium holds what was sent to be compared (section 5.29)."""
    return stored == data


def miscompare_information(offset: int) -> int | None:
    """Return INFORMATION of a miscompare: where the difference begins (5.2, 5.29)."""
    return offset


def comparand(read: Reader) -> Reader:
    """Return how COMPARE AND WRITE reads the medium: when its data is here (5.2).

    Args:
        read: returns what the medium holds now.
    """
    return read


def atomic_objection(fields: Mapping[str, int]) -> CheckCondition | None:
    """Return what is wrong with the fields of WRITE ATOMIC (SBC-4 section 5.48)."""
    if fields["wrprotect"]:
        return invalid_field_in_cdb(1, 7)
    if fields["blocks"] > limits.ATOMIC_BLOCKS:
        return invalid_field_in_cdb(12)
    if fields["atomic_boundary"] > limits.ATOMIC_BLOCKS:
        return invalid_field_in_cdb(10)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRules(RuleSet):
    """The decisions of commands that read and write blocks."""

    # READ
    blocks_of_zero: int = 0
    """How many blocks TRANSFER LENGTH 0 reads (section 5.11)."""
    read_6_blocks_of_zero: int = 256
    """How many blocks READ (6) reads with TRANSFER LENGTH 0 (section 5.10)."""
    takes_fua: bool = True
    """READ takes DPO and FUA, as DPOFUA says (section 5.11)."""
    # VERIFY and other commands that compare
    verify_bytchks: frozenset[int] = frozenset({0b00, 0b01, 0b11})
    """The values of BYTCHK that VERIFY takes (section 5.29)."""
    verify_compares_all: bool = True
    """BYTCHK 11b compares the one block with each of the medium (section 5.29)."""
    write_and_verify_bytchks: frozenset[int] = frozenset({0b00, 0b01})
    """The values of BYTCHK that WRITE AND VERIFY takes (section 5.38)."""
    miscompare_information: Callable[[int], int | None] = miscompare_information
    is_equal: Callable[[Data, Data], bool] = is_equal
    # cache
    can_pre_fetch: bool = True
    """PRE-FETCH is GOOD (section 5.7)."""
    can_synchronize_cache: bool = True
    """SYNCHRONIZE CACHE is GOOD (section 5.26)."""
    # WRITE
    can_write_nothing: bool = True
    """A write of no blocks is GOOD (section 5.34)."""
    # WRITE ATOMIC
    atomic_objection: Callable[[Mapping[str, int]], CheckCondition | None] = (
        atomic_objection
    )
    atomic_checks_range: bool = True
    """WRITE ATOMIC beyond the end is refused (SBC-4 section 5.48)."""
    atomic_writes: bool = True
    """WRITE ATOMIC writes (SBC-4 section 5.48)."""
    # ORWRITE and COMPARE AND WRITE
    can_combine_nothing: bool = True
    """ORWRITE and COMPARE AND WRITE of no blocks are GOOD (sections 5.5 and 5.2)."""
    combined: Callable[[int, int], int] = operator.or_
    """What ORWRITE stores, of the medium's bits and those sent (section 5.5)."""
    compare_and_write_blocks: int = limits.COMPARE_AND_WRITE_BLOCKS
    """How many blocks COMPARE AND WRITE compares at most (section 5.2)."""
    compare_and_write_needs_all: bool = True
    """COMPARE AND WRITE of a part of its data is refused (section 5.2)."""
    comparand: Callable[[Reader], Reader] = comparand
