# SPDX-License-Identifier: GPL-2.0-only
"""What a habit is: one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reftarget.ruleset import replaced_by
from reftarget.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit(Variant):
    """One legal behaviour: a target may do so, and a check must let it pass."""

    clause: str
    """The clause that permits it, as `RFC 7143 11.13.5`: document and section."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """What the target chooses for text keys."""
    unsent: frozenset[str] = frozenset()
    """The keys that it does not declare."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """The fields of `reftarget.config.Limits` that it changes."""
    absent: frozenset[str] = frozenset()
    """The names of commands that its units do without."""
    absent_functions: frozenset[int] = frozenset()
    """The task management functions that the target does without."""
    absent_types: frozenset[int] = frozenset()
    """The types of persistent reservations that its units do without."""
    absent_pages: frozenset[int] = frozenset()
    """The VPD pages that its units do without."""
    absent_mode_pages: frozenset[int] = frozenset()
    """The mode pages that its units do without."""
    unit: Mapping[str, Any] = field(default_factory=dict)
    """The fields of each `LogicalUnitConfig` that it changes."""
    luns: Mapping[int, int] = field(default_factory=dict)
    """The new numbers of logical units, by their numbers otherwise."""
    lacks: frozenset[str] = frozenset()
    """The features that a provider must no longer claim (`targets.model.FEATURES`)."""
    may_warn: frozenset[str] = frozenset()
    """The SHOULDs that it does not follow: a check may warn of these, not more."""
    is_poor: bool = False
    """It takes a feature away: some checks are then not applicable."""
    is_slow: bool = False
    """Runs with it take much longer than others: it is in few of them."""
    apart_from: tuple[str, ...] = ()
    """Habits that it cannot go together with, though they change other things."""

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        """What it changes: no other habit that changes one of these goes with it."""
        return frozenset(
            {
                *(
                    (type(rules).__name__, name)
                    for rules in self.rule_sets
                    for name in replaced_by(rules)
                ),
                *(("key", name) for name in (*self.keys, *self.unsent)),
                *(("limit", name) for name in self.limits),
                *(("unit", name) for name in self.unit),
                *(("unit", "lun") for _ in self.luns),
            }
        )


def are_compatible(one: Habit, other: Habit) -> bool:
    """Tell whether two habits can be on at once."""
    return (
        one.name != other.name
        and one.claims.isdisjoint(other.claims)
        and other.name not in one.apart_from
        and one.name not in other.apart_from
    )
