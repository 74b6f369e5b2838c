# SPDX-License-Identifier: GPL-2.0-only
"""Allure's categories: each result has a label with the outcome of its check.

Allure 3 sorts by that label. Allure 2 does not support labels there, so it sorts only
by status.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reports.causes import clauses_of
from reports.model import Check, Outcome, Phase
from reports.severity import Severity, severity
from spec import Requirement, load

LABEL, CHECK = "verdict", "check"
"""The names of the label, and of the label that identifies the check."""

_AMISS = frozenset({Outcome.BROKEN, Outcome.WARNED})
_OTHERS = (
    Outcome.GONE,
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


def settle(folder: Path, checks: Iterable[Check]) -> None:
    """Correct the results of checks whose outcome changed after their end.

    Whether a check depends on a feature that the target lacks is known when all checks
    are over; a death that a check caused may show in the next one.

    Args:
        folder: the results.
        checks: the checks of the run.
    """
    late = {
        one.check: one
        for one in checks
        if one.outcome is Outcome.NOT_JUDGED or _died_in_teardown(one)
    }
    catalogue = load() if late else {}
    for path in folder.glob("*-result.json") if late else ():
        result = json.loads(path.read_text(encoding="utf-8"))
        labels = {label["name"]: label for label in result.get("labels", [])}
        check = late.get(labels.get(CHECK, {}).get("value", ""))
        if check is None or LABEL not in labels:
            continue
        labels[LABEL]["value"] = verdict(check, catalogue)
        details = result.setdefault("statusDetails", {})
        if check.ending is not None and _died_in_teardown(check):
            is_new = check.outcome is Outcome.BROKEN
            result["status"] = "failed" if is_new else "skipped"
            details["message"] = f"after the check: {check.ending.reason}"
            details["trace"] = check.ending.report
        else:
            result["status"] = "skipped"
            details["message"] = f"{check.reason} (shown by {check.rests_on})"
        path.write_text(json.dumps(result), encoding="utf-8")


def _died_in_teardown(check: Check) -> bool:
    ending = check.ending
    return check.target_died and ending is not None and ending.phase is Phase.AFTER


def by_label() -> list[dict[str, Any]]:
    """Return the categories of Allure 3, the worst first."""
    return [
        {
            "name": _title(value),
            # Allure interprets the text as a regular expression.
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
