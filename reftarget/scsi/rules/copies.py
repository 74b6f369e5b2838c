# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of the copy manager (SPC-4 sections 6.4, 6.23 and 6.24)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi.scsi.copy_results import CopyManagerStatus
from reftarget.ruleset import RuleSet
from reftarget.scsi import limits
from reftarget.scsi.copy_results import CopyResult


def copied_bytes(length: int) -> int:
    """Return how many bytes of a segment of this length are copied (section 6.4)."""
    return length


def is_copy_of_nothing(length: int) -> bool:
    """Whether a parameter list of a length is GOOD as it is: an empty one (6.4)."""
    return not length


def limits_length(length: int) -> int:
    """Return AVAILABLE DATA of the operating parameters (section 6.23)."""
    return length


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRules(RuleSet):
    """The decisions of the copy manager."""

    copies: bool = True
    """A segment is copied (section 6.4)."""
    copied_bytes: Callable[[int], int] = copied_bytes
    is_copy_of_nothing: Callable[[int], bool] = is_copy_of_nothing
    refuses_cut_list: bool = True
    """A parameter list that is shorter than it says is refused (section 6.4)."""
    maximum_cscds: int = limits.COPY_CSCDS
    """How many CSCD descriptors are taken (section 6.4)."""
    maximum_segments: int = limits.COPY_SEGMENTS
    """How many segment descriptors are taken (section 6.4)."""
    refuses_unknown_types: bool = True
    """A descriptor of an unknown type is refused (section 6.4)."""
    unknown_designator_is_self: bool = False
    """A designator that no unit has means the unit that was asked (section 6.4)."""
    destination_is_self: bool = False
    """Each segment is written to the unit that was asked (section 6.4)."""
    checks_reservations: bool = True
    """A segment respects the reservations of the units that it names (section 6.4)."""
    bad_segment_ends_copy: bool = True
    """A segment that cannot be copied ends the command (section 6.4)."""
    final_status: CopyManagerStatus = CopyManagerStatus.COMPLETED
    """What RECEIVE COPY STATUS shows of a copy that is done (section 6.24)."""
    unknown_copy: CopyResult | None = None
    """What is shown of a copy that is not known; None: it is refused (6.24)."""
    limits_length: Callable[[int], int] = limits_length
