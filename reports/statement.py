# SPDX-License-Identifier: GPL-2.0-only
"""The conformance statement of one target: a page that a vendor gives to a customer."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.again import commands
from reports.combinations import provoking
from reports.findings import Finding, findings
from reports.gone import Gone, gone
from reports.markdown import gone_section
from reports.markdown import section as finding_section
from reports.markdown import title as rule_of
from reports.model import Run
from reports.printable import code, one_line, words
from reports.sections import by_section, title
from reports.severity import Severity
from reports.standing import Row, Standing, rows
from reports.templates import render
from reports.terminal import count, gone_in_words
from spec import Requirement, load

_FACTS = (
    "target.description",
    "target.version",
    "target.features",
    "kernel",
    "patches",
)
_BADGE_COLOURS = {True: "#2e7d32", False: "#b3261e"}
_FIRST = 5
"""The maximum number of findings on the first screen."""
_INCOMPLETE = "it ended before its last check"


@dataclass(frozen=True, slots=True)
class Statement:
    """The contents of a statement, independent of its format."""

    run: Run
    rows: Sequence[Row]
    findings: Sequence[Finding]
    catalogue: Mapping[str, Requirement]
    results: Path | None = None
    """The folder of the run's Allure results, if there is one."""

    @property
    def new(self) -> list[Finding]:
        """The findings that are not known deviations."""
        return [one for one in self.findings if not one.is_known]

    @property
    def gone(self) -> tuple[Gone, ...]:
        """The listed deviations that did not show."""
        return gone(self.run)

    @property
    def verdict(self) -> str:
        """A sentence on the target's conformance."""
        counted, counts = exercised(self.rows), tally(self.rows)
        holds = counts[Standing.HOLDS]
        text = f"{holds} of {len(counted)} requirements that were tested hold"
        if self.findings:
            text += f"; {_findings_in_words(self.findings)}"
        if self.gone:
            text += f"; {gone_in_words(self.gone)}"
        return text

    @property
    def why_incomplete(self) -> str:
        """Why the run is incomplete; an empty text if it is complete."""
        if self.run.is_complete:
            return ""
        return one_line(self.run.why_incomplete) or _INCOMPLETE


def state(run: Run, results: Path | None = None) -> Statement:
    """Return the statement of a run."""
    catalogue = load()
    return Statement(
        run, rows(run.checks, catalogue), findings(run, catalogue), catalogue, results
    )


def write(run: Run, folder: Path, results: Path | None = None) -> list[Path]:
    """Write HTML, Markdown, JSON and a badge; return the files."""
    stated = state(run, results)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "statement.html": page(stated),
        "statement.md": markdown(stated),
        "statement.json": json.dumps(as_data(stated), indent=1) + "\n",
        "badge.svg": badge(stated.rows),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def tally(rows: Sequence[Row]) -> Counter[Standing]:
    """Return the number of requirements with each standing."""
    return Counter(row.standing for row in rows)


def exercised(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that a check has exercised."""
    counted = (Standing.HOLDS, *(one for one in Standing if one.shows_deviation))
    return [row for row in rows if row.standing in counted]


def _findings_in_words(findings: Sequence[Finding]) -> str:
    new = [one for one in findings if not one.is_known]
    known = len(findings) - len(new)
    parts = [count(len(new), "finding")] if new else []
    parts += [count(known, "known deviation")] if known else []
    return " and ".join(parts)


def as_data(stated: Statement) -> dict[str, Any]:
    """Return the statement as plain data."""
    run, rows = stated.run, stated.rows
    return {
        "target": run.name,
        "complete": run.is_complete,
        "environment": dict(run.environment),
        "toolkit": run.toolkit,
        "started": run.started,
        "seconds": run.seconds,
        "requirements": dict(tally(rows)),
        "findings": [
            {
                "number": one.number,
                "severity": one.severity,
                "known": one.is_known,
                "clauses": list(one.clauses),
                "expected": list(one.expected),
                "actual": one.actual,
                "needs": provoking(one.example.combination),
                "checks": [check.check for check in one.checks],
                "not_judged": [check.check for check in one.not_judged],
            }
            for one in stated.findings
        ],
        "gone": [
            {
                "requirement": one.entry.requirement,
                "what": one.entry.what,
                "version": one.entry.version,
                "file": one.entry.file,
                "checks": [check.check for check in one.checks],
            }
            for one in stated.gone
        ],
        "sections": [
            {
                "document": document,
                "section": name,
                "title": title(document, name, members),
                **tally(members),
            }
            for (document, name), members in by_section(rows).items()
        ],
        "deviations": [
            {
                "id": row.requirement.id,
                "level": row.requirement.level,
                "standing": row.standing,
                "text": row.requirement.text,
                "url": row.requirement.url,
                "evidence": [
                    {"check": check.check, "target": check.detail}
                    for check in row.deviating
                ],
            }
            for row in rows
            if row.standing.shows_deviation
        ],
        "chosen": {row.requirement.id: row.choices for row in rows if row.choices},
    }


def markdown(stated: Statement) -> str:
    """Return the statement as Markdown."""
    run = stated.run
    lines = [f"# Conformance statement: {code(run.name)}", "", f"{stated.verdict}.", ""]
    if stated.why_incomplete:
        lines += [f"**This run is incomplete**: {words(stated.why_incomplete)}", ""]
    lines += [f"- {name}: {code(value)}" for name, value in facts(run)]
    if stated.new:
        lines += ["", "## What to mend first", ""]
        lines += [
            f"{one.number}. {one.severity}: {words(rule_of(one, stated.catalogue))} "
            f"({count(len(one.checks), 'check')})"
            for one in stated.new[:_FIRST]
        ]
    lines += gone_section(run)
    for one in stated.findings:
        section = finding_section(one, run, stated.catalogue, stated.results)
        lines += ["", "#" + section[0], *section[1:]]
    columns = _columns(stated.rows)
    header = ["document", "section", "title", *columns]
    lines += ["", "## By section", "", _line(header), _line(["---"] * len(header))]
    for (document, name), members in by_section(stated.rows).items():
        if not exercised(members):
            continue
        counts = tally(members)
        cells = [str(counts[one] or "") for one in columns]
        lines.append(_line([document, name, title(document, name, members), *cells]))
    lines += ["", "## Choices where the standard allows several", ""]
    lines += [
        f"- [{row.requirement.id}]({row.requirement.url}): "
        + "; ".join(f"{code(what)}{much}" for what, much in _chosen(row))
        for row in stated.rows
        if row.choices
    ]
    return "\n".join(lines) + "\n"


def _columns(rows: Sequence[Row]) -> list[Standing]:
    counts = tally(rows)
    return [one for one in Standing if counts[one]]


def _chosen(row: Row) -> list[tuple[str, str]]:
    """Return each choice, with the number of checks if there are several."""
    return [
        (what, f" ({number} checks)" if number > 1 else "")
        for what, number in row.choices.items()
    ]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def facts(run: Run) -> list[tuple[str, str]]:
    """Return the facts of a run and its target as pairs of name and value."""
    environment = run.environment
    pairs = [(name, environment[name]) for name in _FACTS if name in environment]
    negotiated = [
        f"{name.removeprefix('negotiated.')}={value}"
        for name, value in environment.items()
        if name.startswith("negotiated.")
    ]
    if negotiated:
        pairs.append(("negotiated", ", ".join(negotiated)))
    pairs.append(("checks", str(len(run.checks))))
    if run.strength > 1:
        pairs.append(("strength", str(run.strength)))
    pairs.append(("run", f"{run.started}, {run.seconds:g} s, toolkit {run.toolkit}"))
    return pairs


def page(stated: Statement) -> str:
    """Return the statement as one self-contained HTML page."""
    sections = [
        {
            "document": document,
            "name": name,
            "title": title(document, name, members),
            "counts": tally(members),
            "is_tested": bool(exercised(members)),
        }
        for (document, name), members in by_section(stated.rows).items()
    ]
    return render(
        "statement.html.j2",
        target=stated.run.name,
        verdict=stated.verdict,
        why_incomplete=stated.why_incomplete,
        counts=tally(stated.rows),
        by_severity=[
            (severity, number)
            for severity in Severity
            if (number := sum(one.severity is severity for one in stated.new))
        ],
        standings=list(Standing),
        facts=facts(stated.run),
        first=[finding_data(one, stated) for one in stated.new[:_FIRST]],
        more=max(len(stated.new) - _FIRST, 0),
        gone=stated.gone,
        findings=[finding_data(one, stated) for one in stated.new],
        known=[finding_data(one, stated) for one in stated.findings if one.is_known],
        sections=sections,
        deviating=[row for row in stated.rows if row.standing.shows_deviation],
        chosen=[(row.requirement, _chosen(row)) for row in stated.rows if row.choices],
    )


def finding_data(one: Finding, stated: Statement) -> dict[str, Any]:
    """Return the values of a finding for the page."""
    return {
        "number": one.number,
        "rule": rule_of(one, stated.catalogue),
        "severity": one.severity,
        "css": one.severity.name.lower(),
        "clauses": [
            stated.catalogue[name] for name in one.clauses if name in stated.catalogue
        ],
        "expected": one.expected,
        "actual": one.actual,
        "needs": provoking(one.example.combination),
        "checks": [check.check for check in one.checks],
        "not_judged": [check.check for check in one.not_judged],
        "example": one.example.check,
        "deviation": one.example.deviation,
        "transcript": one.example.transcript,
        "report": "" if one.ending is None else one.ending.report,
        "again": commands(one.example, stated.run, stated.results),
    }


def badge(rows: Sequence[Row]) -> str:
    """Return a badge with the share of exercised requirements that are met."""
    counted = exercised(rows)
    holds = tally(rows)[Standing.HOLDS]
    text = f"{holds} of {len(counted)}"
    return render(
        "badge.svg.j2",
        text=text,
        colour=_BADGE_COLOURS[bool(counted) and holds == len(counted)],
        start=84,
        width=84 + 8 + 7 * len(text),
    )
