# SPDX-License-Identifier: GPL-2.0-only
"""Variants of the target: rows that replace rules, or twist or corrupt PDUs.

A row is data. Several can be on at once, as long as they replace different rules.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from reftarget.ruleset import RuleSet, replaced_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reftarget.rules import Rules
    from reftarget.twist import Corruption, Twist, Wording

_R = TypeVar("_R", bound=RuleSet)


class VariantError(Exception):
    """Variants cannot be enabled; the message says why in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One behaviour of the target, and the rules that it replaces."""

    name: str
    says: str
    """A sentence about the behaviour."""
    rules: RuleSet | tuple[RuleSet, ...] = ()
    """The replaced rules: rule sets in which only those are set."""
    twist: Twist | None = None
    """Its changes of PDUs before they are sent."""
    wording: Wording | None = None
    """Its changes of texts before they are split into PDUs."""
    corrupt: Corruption | None = None
    """Its changes of the bytes of PDUs."""

    def __post_init__(self) -> None:
        """Refuse a rule set that replaces no rule: the row would do nothing."""
        for rules in self.rule_sets:
            if not replaced_by(rules):
                what = type(rules).__name__
                raise ValueError(f"{self.name}: replaces no rule of {what}")

    @property
    def rule_sets(self) -> tuple[RuleSet, ...]:
        """The rules that it replaces, by area."""
        return self.rules if isinstance(self.rules, tuple) else (self.rules,)


_V = TypeVar("_V", bound=Variant)


def by_name(rows: Iterable[_V]) -> dict[str, _V]:
    """Return rows by their names, in order.

    Raises:
        ValueError: two rows have the same name.
    """
    named: dict[str, _V] = {}
    for row in rows:
        if row.name in named:
            raise ValueError(f"two rows are named {row.name!r}")
        named[row.name] = row
    return named


def apply_variants(rules: Rules, variants: Iterable[Variant]) -> Rules:
    """Return the rules with those of the variants in their place.

    Raises:
        VariantError: two variants replace the same rule.
    """
    variants = list(variants)
    owners: dict[tuple[type[RuleSet], str], str] = {}
    replaced: dict[type[RuleSet], dict[str, Any]] = {}
    for variant in variants:
        for rule_set in variant.rule_sets:
            kind = type(rule_set)
            for rule, value in replaced_by(rule_set).items():
                owner = owners.setdefault((kind, rule), variant.name)
                if owner != variant.name:
                    raise VariantError(
                        f"{owner} and {variant.name} replace the same rule"
                        f" ({kind.__name__}.{rule}): switch on only one of them"
                    )
                replaced.setdefault(kind, {})[rule] = value
    laid = _with(rules, replaced)
    twists = tuple(one.twist for one in variants if one.twist is not None)
    corruptions = tuple(one.corrupt for one in variants if one.corrupt is not None)
    wordings = tuple(one.wording for one in variants if one.wording is not None)
    return replace(
        laid,
        twists=(*laid.twists, *twists),
        corruptions=(*laid.corruptions, *corruptions),
        wordings=(*laid.wordings, *wordings),
    )


def _with(rules: _R, replaced: Mapping[type[RuleSet], Mapping[str, Any]]) -> _R:
    """Return a rule set, and those in it, with the replaced rules of each."""
    nested = {
        field.name: _with(value, replaced)
        for field in fields(rules)
        if isinstance(value := getattr(rules, field.name), RuleSet)
    }
    return replace(rules, **nested, **replaced.get(type(rules), {}))
