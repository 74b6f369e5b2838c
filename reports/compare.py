# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of runs: changes, findings, and a matrix of requirements."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.changes import Change, Changes, changes, successions
from reports.findings import Finding
from reports.gone import sentence
from reports.markdown import title as rule_of
from reports.model import Check, Run
from reports.printable import one_line, printable
from reports.standing import Row, Standing
from reports.statement import Statement, state
from reports.templates import embedded, render
from reports.terminal import count

_CODES = {standing: number for number, standing in enumerate(Standing)}
_SHOWN_CHECKS = 20
_LISTED = 40
"""How many checks of a kind of change are listed on a terminal."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs, and what changed between those that are builds of one target."""

    names: Sequence[str]
    statements: Sequence[Statement]
    changes: Sequence[Changes]

    @property
    def has_regressed(self) -> bool:
        """Whether a check has a worse outcome in a later build."""
        return any(one.worse for one in self.changes)


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare runs, the older builds of a target first."""
    names = named(runs)
    return Comparison(
        names,
        [state(run) for run in runs],
        [
            changes(runs[before], runs[after], (names[before], names[after]))
            for before, after in successions(runs)
        ],
    )


def named(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run; equal names are numbered."""
    plain = [one_line(run.name) for run in runs]
    counts = Counter(plain)
    numbers: Counter[str] = Counter()
    names = []
    for run, name in zip(runs, plain, strict=True):
        numbers[name] += 1
        number = f" #{numbers[name]}" if counts[name] > 1 else ""
        names.append(name + number + ("" if run.is_complete else " (incomplete)"))
    return names


def as_data(compared: Comparison) -> dict[str, Any]:
    """Return the data of the page's script: columns, rows, evidence by number."""
    tables = [
        {row.requirement.id: row for row in one.rows} for one in compared.statements
    ]
    worse = _regressed(compared)
    rows = []
    for identity, entry in compared.statements[0].catalogue.items():
        cells = [table.get(identity) for table in tables]
        if not any(cells):
            continue
        rows.append(
            {
                "id": identity,
                "level": entry.level,
                "area": entry.area,
                "document": entry.document,
                "section": entry.section,
                "text": entry.text,
                "url": entry.url,
                "cells": [_cell(row) for row in cells],
                "regressed": [
                    number
                    for number, name in enumerate(compared.names)
                    if (identity, name) in worse
                ],
            }
        )
    return {
        "standings": [str(standing) for standing in Standing],
        "runs": list(compared.names),
        "rows": rows,
    }


def _regressed(compared: Comparison) -> set[tuple[str, str]]:
    """Return the requirements of which a check became worse, with the later run."""
    return {
        (requirement, one.after)
        for one in compared.changes
        for change in one.worse
        for requirement in change.after.broken or change.after.requirements
    }


def _cell(row: Row | None) -> dict[str, Any]:
    if row is None:
        return {"standing": _CODES[Standing.NOT_TESTED], "evidence": []}
    return {
        "standing": _CODES[row.standing],
        "evidence": [
            {
                "check": check.check,
                "title": check.title,
                "verdict": str(check.outcome),
                "detail": printable(check.detail),
                "transcript": printable(check.transcript),
            }
            for check in row.deviating or row.checks[:_SHOWN_CHECKS]
        ],
    }


def page(compared: Comparison) -> str:
    """Return the page; it needs no network and no other file."""
    return render(
        "compare.html.j2",
        names=compared.names,
        statements=compared.statements,
        changes=compared.changes,
        groups=_groups,
        rule=rule_of,
        sentence=sentence,
        findings=_table(compared),
        data=embedded(as_data(compared)),
    )


def _table(compared: Comparison) -> list[dict[str, Any]]:
    """Return each finding once, with the number of its checks in each run."""
    table: list[tuple[Finding, list[Finding | None]]] = []
    width = len(compared.names)
    for column, stated in enumerate(compared.statements):
        for finding in stated.findings:
            row = next(
                (
                    cells
                    for first, cells in table
                    if cells[column] is None and first.is_like(finding)
                ),
                None,
            )
            if row is None:
                row = [None] * width
                table.append((finding, row))
            row[column] = finding
    table.sort(key=lambda item: (item[0].severity.rank, -item[0].reach))
    catalogue = compared.statements[0].catalogue
    return [
        {
            "rule": rule_of(first, catalogue),
            "clauses": first.clauses,
            "severity": first.severity,
            "css": first.severity.name.lower(),
            "actual": first.actual,
            "cells": cells,
        }
        for first, cells in table
    ]


def _groups(one: Changes) -> list[tuple[str, Sequence[Change | Check]]]:
    """Return the changes other than regressions, each kind with its name."""
    kinds: Mapping[str, Sequence[Change | Check]] = {
        "better": one.better,
        "otherwise, neither better nor worse": one.other,
        "new in the later run": one.appeared,
        "gone in the later run": one.vanished,
        "not carried out in one of the runs": one.not_carried_out,
    }
    return [(name, members) for name, members in kinds.items() if members]


def write(compared: Comparison, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(compared), encoding="utf-8")


def lines(compared: Comparison) -> list[str]:
    """Return what changed, for a terminal."""
    printed = [
        f"{name}: {stated.why_incomplete}"
        for name, stated in zip(compared.names, compared.statements, strict=True)
        if stated.why_incomplete
    ]
    printed += [
        f"{name}: listed deviation did not show: {sentence(one)}"
        for name, stated in zip(compared.names, compared.statements, strict=True)
        for one in stated.gone
    ]
    if not compared.changes:
        printed.append("no two of the runs are builds of one target")
    for one in compared.changes:
        printed.append(f"{one.before} -> {one.after}: {_describe_totals(one)}")
        printed += [
            f"  new finding: {one_line(finding.clauses[0])} ({finding.severity}, "
            f"{count(len(finding.checks), 'check')}): {one_line(finding.actual, 120)}"
            for finding in one.new_findings
        ]
        printed += [
            f"  gone finding: {one_line(finding.clauses[0])}"
            for finding in one.gone_findings
        ]
        printed += [f"  worse: {_describe_change(change)}" for change in one.worse]
        for name, members in _groups(one):
            printed += [
                f"  {name}: "
                + (
                    _describe_change(item)
                    if isinstance(item, Change)
                    else _describe_check(item)
                )
                for item in members[:_LISTED]
            ]
            if len(members) > _LISTED:
                printed.append(f"  {name}: and {len(members) - _LISTED} more")
    return printed


def _describe_totals(one: Changes) -> str:
    parts = [f"regressions: {len(one.worse)}"]
    parts += [f"{name}: {len(members)}" for name, members in _groups(one)]
    return ", ".join(parts)


def _describe_change(change: Change) -> str:
    name, detail = one_line(change.after.check), one_line(change.after.detail, 120)
    text = f"{name}: {change.before.outcome} -> {change.after.outcome}"
    return f"{text}: {detail}" if detail else text


def _describe_check(check: Check) -> str:
    return f"{one_line(check.check)}: {check.outcome}"
