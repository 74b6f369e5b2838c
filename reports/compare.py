# SPDX-License-Identifier: GPL-2.0-only
"""Several runs side by side: a matrix of requirements and targets, and regressions."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from reports.model import Run
from reports.standing import Row, Standing, rows
from reports.statement import PAGES
from spec import load

_CODES = {standing: number for number, standing in enumerate(Standing)}
_GOT_WORSE = frozenset({Standing.BROKEN, Standing.WARNED})


@dataclass(frozen=True, slots=True)
class Regression:
    """A requirement that held in one run and does not in a later one."""

    requirement: str
    before: str
    """The name of the run in which it held."""
    after: str
    standing: Standing
    details: tuple[str, ...]
    """Each check that shows it, and what the target did."""


def named(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run; what would be the same is numbered."""
    counts = Counter(run.name for run in runs)
    seen: Counter[str] = Counter()
    names = []
    for run in runs:
        seen[run.name] += 1
        number = f" #{seen[run.name]}" if counts[run.name] > 1 else ""
        names.append(run.name + number)
    return names


def regressions(runs: Sequence[Run]) -> list[Regression]:
    """Return what each run broke that the one before it of the same kind kept."""
    catalogue = load()
    last: dict[str, tuple[str, dict[str, Row]]] = {}
    found = []
    for run, name in zip(runs, named(runs), strict=True):
        table = {row.requirement.id: row for row in rows(run.checks, catalogue)}
        if run.kind in last:
            before, old = last[run.kind]
            found += [
                Regression(
                    identity,
                    before,
                    name,
                    row.standing,
                    tuple(f"{check.check}: {check.detail}" for check in row.amiss),
                )
                for identity, row in table.items()
                if row.standing in _GOT_WORSE
                and identity in old
                and old[identity].standing is Standing.HOLDS
            ]
        last[run.kind] = name, table
    return found


def as_data(runs: Sequence[Run]) -> dict[str, Any]:
    """Return what the page needs: columns, rows, evidence by number."""
    catalogue = load()
    tables = [
        {row.requirement.id: row for row in rows(run.checks, catalogue)} for run in runs
    ]
    worse = {(one.requirement, one.after) for one in regressions(runs)}
    names = named(runs)
    lines = []
    for identity in catalogue:
        found = [table.get(identity) for table in tables]
        if not any(found):
            continue
        entry = catalogue[identity]
        lines.append(
            {
                "id": identity,
                "level": entry.level,
                "area": entry.area,
                "document": entry.document,
                "section": entry.section,
                "text": entry.text,
                "url": entry.url,
                "cells": [_cell(row) for row in found],
                "regressed": [
                    number
                    for number, name in enumerate(names)
                    if (identity, name) in worse
                ],
            }
        )
    return {
        "standings": [str(standing) for standing in Standing],
        "runs": [
            {
                "name": name,
                "started": run.started,
                "toolkit": run.toolkit,
                "facts": dict(run.environment),
            }
            for name, run in zip(names, runs, strict=True)
        ],
        "rows": lines,
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
                "detail": check.detail,
                "transcript": check.transcript,
            }
            for check in row.amiss or row.checks[:20]
        ],
    }


def page(data: dict[str, Any]) -> str:
    """Return the page; it needs no network and no other file."""
    # A script element ends at the first </, wherever that stands.
    embedded = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return Template((PAGES / "compare.html").read_text(encoding="utf-8")).substitute(
        style=(PAGES / "style.css").read_text(encoding="utf-8"),
        own_style=(PAGES / "compare.css").read_text(encoding="utf-8"),
        script=(PAGES / "compare.js").read_text(encoding="utf-8"),
        data=embedded,
    )


def write(runs: Sequence[Run], path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(as_data(runs)), encoding="utf-8")


def lines(found: Sequence[Regression]) -> list[str]:
    """Return the regressions for a terminal."""
    catalogue = load()
    printed = []
    for one in found:
        entry = catalogue[one.requirement]
        printed.append(
            f"{one.requirement}  {entry.level}, {entry.document} section "
            f"{entry.section}: held in {one.before}, {one.standing} in {one.after}"
        )
        printed += [f"    {detail}" for detail in one.details]
    return printed
