# SPDX-License-Identifier: GPL-2.0-only
"""The faults of commands to the medium.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class MediaBend(StrEnum):
    """The decisions about blocks that can be overridden."""

    END_IS_ANOTHER_ERROR = "end-of-medium-is-an-invalid-field"
    END_COMES_EARLY = "last-block-is-out-of-range"
    NOTHING_IS_NOWHERE = "no-blocks-are-anywhere"
    WRITES_ELSEWHERE = "write-is-one-block-off"
    NOTHING_IS_ONE = "no-blocks-are-one"
    READ_6_OF_NOTHING = "read-6-without-length-reads-nothing"
    IGNORES_PROTECTION = "protection-is-ignored"
    REFUSES_FUA = "fua-is-refused"
    NOTHING_IS_AN_ERROR = "writing-nothing-is-an-error"
    NEVER_EQUAL = "compare-always-differs"
    ALWAYS_EQUAL = "compare-finds-no-difference"
    VERIFY_NEEDS_BYTCHK = "verify-needs-bytchk"
    ORWRITE_IS_XOR = "orwrite-clears-bits"
    SAME_IS_ONE = "write-same-writes-one-block"
    SAME_UNMAPS_NOTHING = "write-same-unmaps-nothing"
    EMPTY_LIST_IS_AN_ERROR = "empty-unmap-list-is-an-error"
    UNMAPS_TO_ONES = "unmapped-blocks-are-ones"
    STATUS_BEGINS_LATER = "lba-status-begins-later"
    CAPACITY_IS_ONE_MORE = "capacity-10-is-one-more"
    CAPACITY_IS_CUT = "capacity-16-is-cut-short"
    CACHE_IS_AN_ERROR = "synchronize-cache-fails"
    START_IS_AN_ERROR = "start-fails"
    WRITES_PROTECTED = "write-protection-is-not-kept"


MEDIA: Final[dict[MediaBend, tuple[str, str]]] = {
    MediaBend.END_IS_ANOTHER_ERROR: (
        "SBC3-4.5-01",
        "Refuses blocks beyond the end with INVALID FIELD IN CDB.",
    ),
    MediaBend.END_COMES_EARLY: (
        "SBC3-4.5-02",
        "Takes the last block for one beyond the end.",
    ),
    MediaBend.NOTHING_IS_NOWHERE: (
        "SBC3-4.5-03",
        "Takes any LBA where no blocks are named.",
    ),
    MediaBend.WRITES_ELSEWHERE: (
        "SBC3-5.34-01",
        "Writes one block behind where it should.",
    ),
    MediaBend.NOTHING_IS_ONE: (
        "SBC3-5.11-02",
        "Reads a block where TRANSFER LENGTH is 0.",
    ),
    MediaBend.READ_6_OF_NOTHING: (
        "SBC3-5.10-01",
        "Reads nothing by READ (6) with TRANSFER LENGTH 0.",
    ),
    MediaBend.IGNORES_PROTECTION: (
        "SBC3-5.11-03",
        "Takes RDPROTECT and WRPROTECT without protection information.",
    ),
    MediaBend.REFUSES_FUA: (
        "SBC3-5.11-04",
        "Refuses DPO and FUA though it says DPOFUA.",
    ),
    MediaBend.NOTHING_IS_AN_ERROR: (
        "SBC3-5.34-02",
        "Refuses to write no blocks.",
    ),
    MediaBend.NEVER_EQUAL: (
        "SBC3-5.29-01",
        "Finds a difference wherever it compares.",
    ),
    MediaBend.ALWAYS_EQUAL: (
        "SBC3-5.29-02",
        "Finds no difference wherever it compares.",
    ),
    MediaBend.VERIFY_NEEDS_BYTCHK: (
        "SBC3-5.29-03",
        "Refuses VERIFY with BYTCHK 00b.",
    ),
    MediaBend.ORWRITE_IS_XOR: (
        "SBC3-5.5-01",
        "Stores the exclusive OR instead of the OR.",
    ),
    MediaBend.SAME_IS_ONE: (
        "SBC3-5.44-01",
        "Writes the block of WRITE SAME once.",
    ),
    MediaBend.SAME_UNMAPS_NOTHING: (
        "SBC3-5.44-02",
        "Answers WRITE SAME with UNMAP with GOOD and does nothing.",
    ),
    MediaBend.EMPTY_LIST_IS_AN_ERROR: (
        "SBC3-5.28-01",
        "Refuses UNMAP without a parameter list.",
    ),
    MediaBend.UNMAPS_TO_ONES: (
        "SBC3-5.28-03",
        "Returns ones for unmapped blocks though it says LBPRZ.",
    ),
    MediaBend.STATUS_BEGINS_LATER: (
        "SBC3-5.4-01",
        "Begins GET LBA STATUS one block behind the one asked for.",
    ),
    MediaBend.CAPACITY_IS_ONE_MORE: (
        "SBC3-5.15-01",
        "Tells one block too many by READ CAPACITY (10).",
    ),
    MediaBend.CAPACITY_IS_CUT: (
        "SBC3-5.16-01",
        "Returns one byte less than the allocation length allows.",
    ),
    MediaBend.CACHE_IS_AN_ERROR: (
        "SBC3-5.26-01",
        "Refuses SYNCHRONIZE CACHE.",
    ),
    MediaBend.START_IS_AN_ERROR: (
        "SBC3-5.25-01",
        "Refuses START STOP UNIT.",
    ),
    MediaBend.WRITES_PROTECTED: (
        "SBC3-4.2-01",
        "Writes to a unit that is write-protected.",
    ),
}
