# SPDX-License-Identifier: GPL-2.0-only
"""The faults of EXTENDED COPY and of the status of copies."""

from __future__ import annotations

from typing import Final

from iscsi.scsi.copy_results import CopyManagerStatus, CopyStatus
from iscsi.scsi.extended_copy import HEADER_LENGTH
from reftarget.faults.row import Fault
from reftarget.scsi.copy_results import CopyResult
from reftarget.scsi.rules import CopyRules

_UNLIMITED: Final = 1 << 32


COPIES: Final = (
    Fault(
        name="copy-copies-nothing",
        breaks=("SPC4-6.4-01",),
        says="Answers EXTENDED COPY with GOOD and copies nothing.",
        also="a copy from a missing unit then succeeds, too",
        rules=CopyRules(copies=False),
    ),
    Fault(
        name="long-copy-segments-are-cut",
        breaks=("SPC4-6.4-01",),
        says="Copies the first MiB of a segment and answers GOOD.",
        rules=CopyRules(copied_bytes=lambda length: min(length, 1 << 20)),
    ),
    Fault(
        name="empty-copy-list-is-an-error",
        breaks=("SPC4-6.4-02",),
        says="Refuses EXTENDED COPY without a parameter list.",
        rules=CopyRules(is_copy_of_nothing=lambda _length: False),
    ),
    Fault(
        name="cut-copy-list-is-taken",
        breaks=("SPC4-6.4-03",),
        says="Answers EXTENDED COPY with a list that is cut with GOOD.",
        rules=CopyRules(
            is_copy_of_nothing=lambda length: length < HEADER_LENGTH,
            refuses_cut_list=False,
        ),
    ),
    Fault(
        name="any-number-of-copy-descriptors-is-taken",
        breaks=("SPC4-6.4-04",),
        says="Accepts more descriptors than it reports.",
        rules=CopyRules(maximum_cscds=_UNLIMITED, maximum_segments=_UNLIMITED),
    ),
    Fault(
        name="unknown-copy-descriptors-are-passed-over",
        breaks=("SPC4-6.4-05",),
        says="Ignores descriptors of a type that it does not know.",
        rules=CopyRules(refuses_unknown_types=False),
    ),
    Fault(
        name="unknown-copy-source-is-the-unit-itself",
        breaks=("SPC4-6.4-06",),
        says="Takes any designator that it does not know for its own.",
        rules=CopyRules(unknown_designator_is_self=True),
    ),
    Fault(
        name="copy-stays-in-the-unit-that-was-asked",
        breaks=("SPC4-6.4-08",),
        says="Writes the segments of a copy to the unit that received the command.",
        rules=CopyRules(destination_is_self=True),
    ),
    Fault(
        name="copy-ignores-reservations",
        breaks=("SPC4-6.4-09",),
        says="Copies to a unit on which another nexus holds a reservation.",
        rules=CopyRules(checks_reservations=False),
    ),
    Fault(
        name="bad-copy-segment-is-passed-over",
        breaks=("SPC4-6.4-07", "SPC4-6.4-06"),
        says="Ignores segments that cannot be copied.",
        rules=CopyRules(bad_segment_ends_copy=False),
    ),
    Fault(
        name="copy-limits-claim-more-than-there-is",
        breaks=("SPC4-6.23-01",),
        says="Reports four bytes of operating parameters more than there are.",
        rules=CopyRules(limits_length=lambda length: length + 4),
    ),
    Fault(
        name="completed-copy-is-in-progress",
        breaks=("SPC4-6.24-01",),
        says="Reports a completed copy as in progress.",
        rules=CopyRules(final_status=CopyManagerStatus.IN_PROGRESS),
    ),
    Fault(
        name="unknown-copy-is-completed",
        breaks=("SPC4-6.24-02",),
        says="Reports an unknown copy as completed.",
        rules=CopyRules(
            unknown_copy=CopyResult(CopyStatus(CopyManagerStatus.COMPLETED))
        ),
    ),
)
