# SPDX-License-Identifier: GPL-2.0-only
"""Allure's categories: each result has a label that says what its check came to.

Allure 3 sorts by that label. Allure 2 knows no labels there, so that it sorts by status
alone.
"""

import re
from collections.abc import Mapping
from typing import Any

from reports.findings import clauses_of
from reports.model import Check, Outcome
from reports.severity import Severity, severity
from spec import Requirement

LABEL = "verdict"
"""The name of the label."""

_AMISS = frozenset({Outcome.BROKEN, Outcome.WARNED})
_OTHERS = (
    Outcome.DEVIATES,
    Outcome.NOT_JUDGED,
    Outcome.TROUBLE,
    Outcome.NOT_APPLICABLE,
)


def verdict(check: Check, catalogue: Mapping[str, Requirement]) -> str:
    """Return the value of a check's label."""
    if check.outcome in _AMISS:
        return str(severity(check, catalogue.get(clauses_of(check)[0])))
    return str(check.outcome)


def by_label() -> list[dict[str, Any]]:
    """Return the categories of Allure 3, the worst first."""
    return [
        {
            "name": _title(value),
            # Allure takes the text as a regular expression.
            "matchers": {"labels": {LABEL: f"^{re.escape(value)}$"}},
        }
        for value in (*map(str, Severity), *map(str, _OTHERS))
    ]


def by_status() -> list[dict[str, Any]]:
    """Return the categories of Allure 2."""
    return [
        {"name": "Broken requirements", "matchedStatuses": ["failed"]},
        {"name": "Trouble of the toolkit or its lab", "matchedStatuses": ["broken"]},
        {
            "name": "Warnings, known deviations, and what is not judged",
            "matchedStatuses": ["skipped"],
        },
    ]


def _title(value: str) -> str:
    return value[:1].upper() + value[1:]
