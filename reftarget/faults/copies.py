# SPDX-License-Identifier: GPL-2.0-only
"""The faults of EXTENDED COPY and of what is told of copies.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class CopyBend(StrEnum):
    """The decisions of the copy manager that can be overridden."""

    COPIES_NOTHING = "copy-copies-nothing"
    NO_LIST_IS_AN_ERROR = "empty-copy-list-is-an-error"
    CUT_LIST_IS_GOOD = "cut-copy-list-is-taken"
    COUNTS_NOTHING = "any-number-of-copy-descriptors-is-taken"
    PASSES_OVER_TYPES = "unknown-copy-descriptors-are-passed-over"
    NOBODY_IS_ITSELF = "unknown-copy-source-is-the-unit-itself"
    BAD_SEGMENT_IS_GOOD = "bad-copy-segment-is-passed-over"
    LIMITS_ARE_LONGER = "copy-limits-tell-more-than-there-is"
    STATUS_IN_PROGRESS = "completed-copy-is-in-progress"
    UNKNOWN_IS_COMPLETED = "unknown-copy-is-completed"


COPIES: Final[dict[CopyBend, tuple[str, str]]] = {
    CopyBend.COPIES_NOTHING: (
        "SPC4-6.4-01",
        "Answers EXTENDED COPY with GOOD and copies nothing.",
    ),
    CopyBend.NO_LIST_IS_AN_ERROR: (
        "SPC4-6.4-02",
        "Refuses EXTENDED COPY without a parameter list.",
    ),
    CopyBend.CUT_LIST_IS_GOOD: (
        "SPC4-6.4-03",
        "Answers EXTENDED COPY with a list that is cut with GOOD.",
    ),
    CopyBend.COUNTS_NOTHING: (
        "SPC4-6.4-04",
        "Takes more descriptors than it tells.",
    ),
    CopyBend.PASSES_OVER_TYPES: (
        "SPC4-6.4-05",
        "Passes over descriptors of a type that it does not know.",
    ),
    CopyBend.NOBODY_IS_ITSELF: (
        "SPC4-6.4-06",
        "Takes any designator that it does not know for its own.",
    ),
    CopyBend.BAD_SEGMENT_IS_GOOD: (
        "SPC4-6.4-07",
        "Passes over segments that cannot be copied.",
    ),
    CopyBend.LIMITS_ARE_LONGER: (
        "SPC4-6.23-01",
        "Tells of four bytes of operating parameters more than there are.",
    ),
    CopyBend.STATUS_IN_PROGRESS: (
        "SPC4-6.24-01",
        "Tells of a copy that is done that it is in progress.",
    ),
    CopyBend.UNKNOWN_IS_COMPLETED: (
        "SPC4-6.24-02",
        "Tells of a copy that never was that it is completed.",
    ),
}
