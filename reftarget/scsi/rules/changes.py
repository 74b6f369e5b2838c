# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about units that change while the target runs (SPC-4, SBC-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reftarget.ruleset import RuleSet


def blocks_after_resize(_old: int, new: int) -> int:
    """Return how many blocks a unit has after its size has changed (SBC-3 5.15)."""
    return new


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRules(RuleSet):
    """The decisions about units that change while the target runs."""

    reports_inventory_change: bool = True
    """A unit that comes or goes is reported to nexuses of the others (SPC-4 6.33)."""
    has_luiclr: bool = True
    """LUICLR: REPORT LUNS clears on all units (SPC-4 section 7.8.7)."""
    report_clears: bool = True
    """REPORT LUNS clears it for its nexus (SPC-4 section 6.33)."""
    report_clears_everywhere: bool = True
    """REPORT LUNS clears that on all units, as LUICLR says (SPC-4 section 7.8.7)."""
    lists_changes: bool = True
    """REPORT LUNS lists the units that there are now (SPC-4 section 6.33)."""
    serves_new_units: bool = True
    """A unit that comes is served (SAM-5 section 4.7)."""
    resets_other_units: bool = False
    """A unit that comes or goes resets the others (SAM-5 section 4.7)."""
    completes_tasks: bool = True
    """The tasks of a unit that goes are completed (SAM-5 section 4.7)."""
    removes: bool = True
    """A unit that is removed is no longer there (SAM-5 section 4.7)."""
    reports_capacity_change: bool = True
    """A new size is reported to every nexus (SBC-3 section 4.8)."""
    shown_blocks: Callable[[int, int], int] = blocks_after_resize
    """What READ CAPACITY tells of it (SBC-3 section 5.15)."""
    served_blocks: Callable[[int, int], int] = blocks_after_resize
    """Which blocks can be reached then (SBC-3 section 4.5)."""
    keeps_data: bool = True
    """Blocks that a unit keeps keep their data (SBC-3 section 4.5)."""
    protects: bool = True
    """Protection that comes later protects (SBC-3 section 4.2)."""
    shows_protection: bool = True
    """WP shows it (SBC-3 section 6.5.1)."""
    reports_protection_change: bool = True
    """It is reported to every nexus (SPC-4 section 6.11)."""
