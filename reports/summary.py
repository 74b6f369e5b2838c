# SPDX-License-Identifier: GPL-2.0-only
"""The end of a run in the terminal: counts by area, and the clauses that are broken."""

from collections import Counter

import pytest

from reports.model import Check, Outcome
from reports.verdicts import checks_of, reports_of
from spec import load

_COLUMNS = list(Outcome)
_DETAIL_WIDTH = 160


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table and the broken requirements of a conformance run."""
    judged = checks_of(reports_of(terminalreporter))
    if not judged:
        return
    terminalreporter.section("conformance")
    for line in table(judged):
        terminalreporter.line(line)
    for line in [*broken(judged), *crashes(judged)]:
        terminalreporter.line(line)


def table(judged: list[Check]) -> list[str]:
    """Return the counts of each outcome, a line an area, and their sum."""
    areas = sorted({item.area for item in judged})
    width = max(len(area) for area in [*areas, "all checks"])
    lines = [f"{'':{width}}" + "".join(f"  {column}" for column in _COLUMNS)]
    for area in [*areas, "all checks"]:
        counts = Counter(
            item.outcome for item in judged if area in (item.area, "all checks")
        )
        lines.append(
            f"{area:{width}}"
            + "".join(
                f"  {counts[column] or '-':>{len(column)}}" for column in _COLUMNS
            )
        )
    proven = {name for item in judged for name in item.requirements if _is_proven(item)}
    lines.append(f"requirements exercised: {len(proven)}")
    return lines


def _is_proven(item: Check) -> bool:
    return item.outcome not in (Outcome.NOT_APPLICABLE, Outcome.TROUBLE)


def broken(judged: list[Check]) -> list[str]:
    """Return the requirements that are not met, each with its checks."""
    lines: list[str] = []
    for outcome, title in (
        (Outcome.BROKEN, "broken requirements"),
        (Outcome.DEVIATES, "known deviations"),
        (Outcome.WARNED, "warnings (a SHOULD is not followed)"),
        (Outcome.NOT_JUDGED, "checks that rest on what the target lacks"),
        (Outcome.TROUBLE, "checks that could not be carried out"),
    ):
        found = [item for item in judged if item.outcome is outcome]
        if found:
            lines += ["", f"{title}:", *_by_requirement(found)]
    return lines


def crashes(judged: list[Check]) -> list[str]:
    """Return the known crashes that have struck, each with the checks that met it."""
    lines: list[str] = []
    for what in sorted({what for item in judged for what in item.crashes}):
        lines.append(f"  {what}")
        lines += [f"      {item.check}" for item in judged if what in item.crashes]
    return ["", "known crashes:", *lines] if lines else []


def _by_requirement(found: list[Check]) -> list[str]:
    catalogue = load()
    lines: list[str] = []
    names = dict.fromkeys(name for item in found for name in item.requirements)
    for name in sorted(names):
        entry = catalogue[name]
        lines.append(
            f"  {name}  {entry.level}, {entry.document} section {entry.section}: "
            f"{entry.text}"
        )
        for item in found:
            if name in item.requirements:
                dead = " (the target died)" if item.has_killed else ""
                lines.append(f"      {item.check}{dead}: {item.detail[:_DETAIL_WIDTH]}")
    return lines
