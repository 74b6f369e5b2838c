# SPDX-License-Identifier: GPL-2.0-only
"""Decisions as a value: what a set of rules is.

The target asks a rule wherever it decides something: `rules.counted(state)`. A rule is
a pure function, or a plain value such as a limit, a set or a bool, and its default is
what the standard says. A rule knows no other rule.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one area; a subclass is a frozen dataclass with a default a field.

    An instance with some fields set says which rules it replaces: a misspelt name and
    a function of another signature are errors of mypy, the name one at import, too.
    """


def replaced_by(rules: RuleSet) -> dict[str, Any]:
    """Return the rules, by name, that are not the defaults of their set."""
    default = type(rules)()
    return {
        field.name: value
        for field in fields(rules)
        if (value := getattr(rules, field.name)) != getattr(default, field.name)
    }
