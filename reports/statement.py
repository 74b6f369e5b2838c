# SPDX-License-Identifier: GPL-2.0-only
"""The conformance statement of one target: a page that a vendor hands to a customer."""

import html
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from reports.model import Run
from reports.standing import Row, Standing, rows
from spec import load
from spec.catalogue import section_key

PAGES = Path(__file__).with_name("pages")

_FACTS = (
    "target.description",
    "target.version",
    "target.features",
    "kernel",
    "patches",
)
_BADGE_COLOURS = {True: "#2e7d32", False: "#b3261e"}


def write(run: Run, folder: Path) -> list[Path]:
    """Write HTML, Markdown, JSON and a badge; return the files."""
    found = rows(run.checks, load())
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "statement.html": page(run, found),
        "statement.md": markdown(run, found),
        "statement.json": json.dumps(as_data(run, found), indent=1) + "\n",
        "badge.svg": badge(found),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def tally(found: Sequence[Row]) -> Counter[Standing]:
    """Return how many requirements stand how."""
    return Counter(row.standing for row in found)


def by_section(found: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each document and its top-level sections, in order."""
    sections: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        entry = row.requirement
        top = ".".join(entry.section.split(".")[:2])
        sections.setdefault((entry.document, top), []).append(row)
    documents = list(dict.fromkeys(document for document, _ in sections))
    return dict(
        sorted(
            sections.items(),
            key=lambda item: (documents.index(item[0][0]), section_key(item[0][1])),
        )
    )


def exercised(found: Sequence[Row]) -> list[Row]:
    """Return the rows that a check has exercised."""
    counted = (Standing.HOLDS, *(one for one in Standing if one.is_amiss))
    return [row for row in found if row.standing in counted]


def summary(found: Sequence[Row]) -> str:
    """Return the result in a sentence."""
    counted, counts = exercised(found), tally(found)
    holds = counts[Standing.HOLDS]
    amiss = len(counted) - holds
    verb = "is" if amiss == 1 else "are"
    return (
        f"{holds} of {len(counted)} requirements that were exercised hold, {amiss} "
        f"{verb} broken or warned of; {counts[Standing.NOT_APPLICABLE]} do not apply, "
        f"{counts[Standing.NOT_TESTED]} were not tested"
    )


def as_data(run: Run, found: Sequence[Row]) -> dict[str, Any]:
    """Return the statement as plain data."""
    return {
        "target": run.name,
        "environment": dict(run.environment),
        "toolkit": run.toolkit,
        "started": run.started,
        "seconds": run.seconds,
        "requirements": dict(tally(found)),
        "sections": [
            {"document": document, "section": section, **tally(members)}
            for (document, section), members in by_section(found).items()
        ],
        "amiss": [
            {
                "id": row.requirement.id,
                "level": row.requirement.level,
                "standing": row.standing,
                "text": row.requirement.text,
                "url": row.requirement.url,
                "evidence": [
                    {"check": check.check, "target": check.detail}
                    for check in row.amiss
                ],
            }
            for row in found
            if row.standing.is_amiss
        ],
        "chosen": {row.requirement.id: row.choices for row in found if row.choices},
    }


def markdown(run: Run, found: Sequence[Row]) -> str:
    """Return the statement as Markdown."""
    lines = [f"# Conformance statement: {run.name}", "", f"{summary(found)}.", ""]
    lines += [f"- {name}: {value}" for name, value in _facts(run)]
    header = ["document", "section", *Standing]
    lines += ["", _line(header), _line(["---"] * len(header))]
    for (document, section), members in by_section(found).items():
        counts = tally(members)
        cells = [str(counts[one] or "") for one in Standing]
        lines.append(_line([document, section, *cells]))
    amiss = [row for row in found if row.standing.is_amiss]
    lines += ["", "## What is amiss", ""]
    lines += [] if amiss else ["Nothing that was exercised."]
    for row in amiss:
        entry = row.requirement
        lines.append(
            f"- [{entry.id}]({entry.url}) ({entry.level}, {row.standing}): {entry.text}"
        )
        lines += [f"  - `{check.check}`: {check.detail}" for check in row.amiss]
    lines += ["", "## What it chose where several outcomes are allowed", ""]
    for row in found:
        if row.choices:
            lines.append(
                f"- [{row.requirement.id}]({row.requirement.url}): {_chosen(row)}"
            )
    return "\n".join(lines) + "\n"


def _chosen(row: Row) -> str:
    return "; ".join(
        f"{what} ({count} checks)" if count > 1 else what
        for what, count in row.choices.items()
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _facts(run: Run) -> list[tuple[str, str]]:
    known = run.environment
    facts = [(name, known[name]) for name in _FACTS if name in known]
    negotiated = [
        f"{name.removeprefix('negotiated.')}={value}"
        for name, value in known.items()
        if name.startswith("negotiated.")
    ]
    if negotiated:
        facts.append(("negotiated", ", ".join(negotiated)))
    facts.append(("checks", str(len(run.checks))))
    facts.append(("run", f"{run.started}, {run.seconds:g} s, toolkit {run.toolkit}"))
    return facts


def page(run: Run, found: Sequence[Row]) -> str:
    """Return the statement as one HTML page that needs nothing else."""
    escape = html.escape
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in _facts(run)
    )
    head = "".join(f'<th scope="col">{one}</th>' for one in Standing)
    body = "".join(
        f'<tr><td>{escape(document)}</td><th scope="row">{escape(section)}</th>'
        f"{_cells(members)}</tr>"
        for (document, section), members in by_section(found).items()
    )
    amiss = "".join(_amiss(row) for row in found if row.standing.is_amiss)
    return Template((PAGES / "statement.html").read_text(encoding="utf-8")).substitute(
        title=escape(run.name),
        style=(PAGES / "style.css").read_text(encoding="utf-8"),
        summary=escape(summary(found)),
        badge=badge(found),
        facts=facts,
        head=head,
        body=body,
        amiss=amiss or "<p>Nothing that was exercised.</p>",
        chosen="".join(
            f'<tr><td><a href="{escape(row.requirement.url)}">'
            f"{escape(row.requirement.id)}</a></td>"
            f"<td>{escape(row.requirement.text)}</td><td>{escape(_chosen(row))}</td></tr>"
            for row in found
            if row.choices
        ),
    )


def _cells(members: Sequence[Row]) -> str:
    counts = tally(members)
    return "".join(
        f'<td class="number {one.name.lower() if counts[one] else ""}">'
        f"{counts[one] or ''}</td>"
        for one in Standing
    )


def _amiss(row: Row) -> str:
    escape, entry = html.escape, row.requirement
    evidence = "".join(
        f"<li><code>{escape(check.check)}</code><br>{escape(check.detail)}"
        + (
            f"<details><summary>PDUs</summary><pre>{escape(check.transcript)}</pre>"
            "</details>"
            if check.transcript
            else ""
        )
        + "</li>"
        for check in row.amiss
    )
    return (
        f'<article id="{escape(entry.id)}"><h3><span class="tag '
        f'{row.standing.name.lower()}">{row.standing}</span> '
        f'<a href="{escape(entry.url)}">{escape(entry.id)}</a></h3>'
        f"<p><strong>{escape(entry.level)}</strong>, {escape(entry.document)} section "
        f"{escape(entry.section)}: {escape(entry.text)}</p><ul>{evidence}</ul>"
        "</article>"
    )


def badge(found: Sequence[Row]) -> str:
    """Return a badge: how many of the requirements that were exercised hold."""
    counted = exercised(found)
    holds = tally(found)[Standing.HOLDS]
    text = f"{holds} of {len(counted)}"
    colour = _BADGE_COLOURS[bool(counted) and holds == len(counted)]
    start = 84
    width = start + 8 + 7 * len(text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" '
        f'role="img" aria-label="conformance: {text} requirements hold">'
        f'<rect width="{width}" height="20" rx="3" fill="#444"/>'
        f'<rect x="{start}" width="{width - start}" height="20" rx="3" '
        f'fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="7" y="14">conformance</text><text x="{start + 4}" y="14">{text}'
        "</text></g></svg>"
    )
