# SPDX-License-Identifier: GPL-2.0-only
"""The faults of tasks that meet: their order, their data, their logical units.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class TaskBend(StrEnum):
    """The decisions about tasks under way together that can be overridden."""

    REFUSES_ATTRIBUTES = "only-simple-tasks-are-taken"
    ORDERED_RUNS = "ordered-tasks-do-not-wait"
    SIMPLE_PASSES = "simple-tasks-pass-ordered-ones"
    HEAD_WAITS = "head-of-queue-waits"
    RESET_IS_LAST = "reset-is-told-after-older-changes"
    COMPARES_EARLY = "compare-and-write-is-two-commands"
    TAKES_HALF = "compare-and-write-takes-what-comes"
    SAME_TAKES_HALF = "write-same-takes-half-a-block"
    LISTED_IS_ELSEWHERE = "listed-lun-addresses-nothing"
    LEVELS_DO_NOT_COUNT = "further-lun-levels-are-ignored"
    TEARS = "last-block-of-a-write-is-torn"
    ABORT_TEARS = "aborted-write-is-torn"


TASKS: Final[dict[TaskBend, tuple[str, str]]] = {
    TaskBend.REFUSES_ATTRIBUTES: (
        "SAM5-8.5-02",
        "Refuses ORDERED and HEAD OF QUEUE commands.",
    ),
    TaskBend.ORDERED_RUNS: (
        "SAM5-8.7-01",
        "Begins ORDERED tasks at once.",
    ),
    TaskBend.SIMPLE_PASSES: (
        "SAM5-8.7-02",
        "Begins SIMPLE tasks at once, whatever is older.",
    ),
    TaskBend.HEAD_WAITS: (
        "SAM5-8.7-03",
        "Has HEAD OF QUEUE tasks wait for older ones.",
    ),
    TaskBend.RESET_IS_LAST: (
        "SAM5-5.14-04",
        "Reports a reset after what was pending.",
    ),
    TaskBend.COMPARES_EARLY: (
        "SBC3-5.2-04",
        "Compares with what the medium held when COMPARE AND WRITE came.",
    ),
    TaskBend.TAKES_HALF: (
        "SBC3-5.2-03",
        "Answers COMPARE AND WRITE of half its data with GOOD.",
    ),
    TaskBend.SAME_TAKES_HALF: (
        "SBC3-5.44-07",
        "Fills what WRITE SAME lacks of a block with zeros.",
    ),
    TaskBend.LISTED_IS_ELSEWHERE: (
        "SAM5-4.7-03",
        "Lists LUNs in flat space addressing and does not know it in commands.",
    ),
    TaskBend.LEVELS_DO_NOT_COUNT: (
        "SAM5-4.7-04",
        "Takes the first level of a LUN for the whole.",
    ),
    TaskBend.TEARS: (
        "SBC3-5.34-04",
        "Writes half of the last block where there are several.",
    ),
    TaskBend.ABORT_TEARS: (
        "SBC3-5.34-05",
        "Writes what has come of a write that is aborted, and zeros behind it.",
    ),
}
