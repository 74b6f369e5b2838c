# SPDX-License-Identifier: GPL-2.0-only
"""The lines that a terminal shows at the end of a run: table and findings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from reports.again import commands
from reports.combinations import provoking
from reports.findings import Finding
from reports.gone import Gone, gone, sentence
from reports.model import Check, Outcome, Run
from reports.printable import one_line
from reports.severity import Severity
from spec import Requirement

_ALL, _OTHERS = "all checks", "the other areas"
_NOT_EXERCISED = frozenset(
    {Outcome.NOT_APPLICABLE, Outcome.NOT_JUDGED, Outcome.TROUBLE, Outcome.NOT_RUN}
)
_QUIET = frozenset({Outcome.PASSED, Outcome.NOT_APPLICABLE})
_ALWAYS = (Outcome.PASSED, Outcome.BROKEN)

_LOOKS: Mapping[Severity, Mapping[str, bool]] = {
    Severity.SHOULD: {"yellow": True, "bold": True},
}
_RED = {"red": True, "bold": True}
_BOLD, _SOFT, _PLAIN = {"bold": True}, {"light": True}, dict[str, bool]()

_LEAST_WIDTH = 40
_MOST_REASONS = 5
_MOST_GONE = 8
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and its style on a terminal with colours."""

    text: str
    looks: Mapping[str, bool]


def table(checks: Sequence[Check]) -> list[Line]:
    """Return the counts of each outcome, with a line for each area with problems.

    Areas in which every check passed or does not apply share a line.
    """
    total = Counter(check.outcome for check in checks)
    columns = [one for one in Outcome if total[one] or one in _ALWAYS]
    by_area: dict[str, Counter[Outcome]] = {}
    for check in sorted(checks, key=lambda one: one.area):
        by_area.setdefault(check.area, Counter())[check.outcome] += 1
    rows = {area: row for area, row in by_area.items() if not set(row) <= _QUIET}
    quiet = [row for area, row in by_area.items() if area not in rows]
    if rows and quiet:
        rows[_OTHERS] = sum(quiet, Counter())
    rows[_ALL] = total
    # We colour the lines ourselves: pytest's reporter would use its own colours.
    width = max(map(len, rows))
    head = f"{'':{width}}" + "".join(f"  {column}" for column in columns)
    lines = [Line(head, _SOFT)]
    lines += [
        Line(
            f"{area:{width}}"
            + "".join(f"  {row[column] or '-':>{len(column)}}" for column in columns),
            _BOLD if area == _ALL else _PLAIN,
        )
        for area, row in rows.items()
    ]
    exercised = {
        name
        for check in checks
        if check.outcome not in _NOT_EXERCISED
        for name in check.requirements
    }
    lines.append(Line(f"requirements exercised: {len(exercised)}", _PLAIN))
    return lines


def head(run: Run, findings: Sequence[Finding]) -> list[Line]:
    """Return the totals of all findings, in a few lines."""
    new = [one for one in findings if not one.is_known]
    known = [one for one in findings if one.is_known]
    stale = gone(run)
    lines = []
    if not run.is_complete:
        why = one_line(run.why_incomplete) or "it ended before its last check"
        lines.append(Line(f"INCOMPLETE: {why}", _RED))
    if new:
        checks = sum(len(one.checks) for one in new)
        text = f"{count(len(new), 'finding')} in {count(checks, 'check')}"
        lines.append(Line(text, _BOLD))
    elif not stale:
        is_seen = any(check.outcome not in _NOT_EXERCISED for check in run.checks)
        lines.append(Line("no findings" if is_seen else "nothing was tested", _BOLD))
    if stale:
        checks = sum(len(one.checks) for one in stale)
        lines.append(Line(f"{gone_in_words(stale)}, in {count(checks, 'check')}", _RED))
    if known:
        checks = sum(len(one.checks) for one in known)
        text = f"{count(len(known), 'known deviation')} as listed"
        lines.append(Line(f"{text}, in {count(checks, 'check')}", _PLAIN))
    return lines


def gone_lines(run: Run, width: int) -> Iterator[Line]:
    """Yield the listed deviations that are gone, and what to do about each."""
    stale = gone(run)
    room = max(width, _LEAST_WIDTH) - _INDENT
    for one in stale[:_MOST_GONE]:
        # A file's name is not shortened, so that it can be copied.
        parts = wrap(
            sentence(one), room - 6, break_long_words=False, break_on_hyphens=False
        )
        for number, part in enumerate(parts):
            yield Line(f"{'':{_INDENT}}{'' if number else 'gone':6}{part}", _PLAIN)
    if len(stale) > _MOST_GONE:
        yield Line(f"{'':{_INDENT}}and {len(stale) - _MOST_GONE} more", _PLAIN)


def gone_in_words(stale: Sequence[Gone]) -> str:
    """Return how many listed deviations are gone."""
    return f"{count(len(stale), 'listed deviation')} did not show"


def finding_lines(
    one: Finding,
    run: Run,
    catalogue: Mapping[str, Requirement],
    width: int,
    results: Path | None = None,
) -> list[Line]:
    """Return the lines of a finding: effect, rule, expected, actual, reproduction."""
    width = max(width, _LEAST_WIDTH)
    looks = _LOOKS.get(one.severity, _RED)
    reach = count(len(one.checks), "check")
    if one.not_judged:
        reach += f", {len(one.not_judged)} more cannot be judged because of it"
    lines = [Line(f"{one.number:3} {one.severity}  ({reach})", looks)]
    entry = catalogue.get(one.clauses[0])
    rule = one.clauses[0] if entry is None else f"{entry.id}: {entry.text}"
    others = len(one.clauses) - 1
    if others:
        rule += f" (and {count(others, 'more clause')})"
    rows = [("clause", rule)]
    rows += [
        ("expected" if number == 0 else "or", text)
        for number, text in enumerate(one.expected[:3])
    ]
    rows.append(("actual", one.actual))
    combination = provoking(one.example.combination)
    if combination:
        rows.append(("needs", combination))
    for label, text in rows:
        room = max(width - _INDENT - 10, 10)
        folded = wrap(one_line(text), room, max_lines=2, placeholder=" …") or [""]
        lines += [
            Line(f"{'':{_INDENT}}{label if number == 0 else '':>8}  {part}", _PLAIN)
            for number, part in enumerate(folded)
        ]
    # The line is not folded, so that it can be copied.
    again = one_line(commands(one.example, run, results)[0])
    lines.append(Line(f"{'':{_INDENT}}{'again':>8}  {again}", _SOFT))
    return lines


def others(checks: Iterable[Check]) -> Iterator[Line]:
    """Yield the results that are not findings: trouble, and known crashes."""
    judged = list(checks)
    troubles = [check for check in judged if check.outcome is Outcome.TROUBLE]
    if troubles:
        text = f"{count(len(troubles), 'check')} could not be carried out:"
        yield Line(text, {"yellow": True, "bold": True})
        by_reason: dict[str, list[Check]] = {}
        for check in troubles:
            by_reason.setdefault(one_line(check.reason, 160), []).append(check)
        for reason, members in list(by_reason.items())[:_MOST_REASONS]:
            yield Line(f"    {count(len(members), 'check')}: {reason}", _PLAIN)
            yield Line(f"        {members[0].check}", _SOFT)
        if len(by_reason) > _MOST_REASONS:
            remaining = len(by_reason) - _MOST_REASONS
            yield Line(f"    and for {count(remaining, 'more reason')}", _PLAIN)
    for crash in sorted({crash for check in judged for crash in check.crashes}):
        affected = [check.check for check in judged if crash in check.crashes]
        yield Line(f"known crash, in {count(len(affected), 'check')}:", _BOLD)
        yield Line(f"    {one_line(crash)}", _PLAIN)
        yield from (Line(f"        {name}", _SOFT) for name in affected[:_MOST_REASONS])


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
