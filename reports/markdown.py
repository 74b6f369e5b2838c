# SPDX-License-Identifier: GPL-2.0-only
"""Findings as Markdown: a section for each, ready for an upstream report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.again import commands
from reports.combinations import provoking
from reports.findings import Finding
from reports.gone import gone
from reports.model import Ending, Run
from reports.printable import block, code, one_line, words
from reports.severity import Severity
from reports.terminal import count
from spec import Requirement, load

_SHOWN_CHECKS = 10
_SHOWN_PDUS = 30
_SHOWN_REPORT = 60
_SHOWN_MANNER = 80
"""The maximum length of a death in a heading, in characters."""


def findings_markdown(
    run: Run,
    findings: Sequence[Finding],
    results: Path | None = None,
    catalogue: Mapping[str, Requirement] | None = None,
) -> str:
    """Return the findings of a run.

    Args:
        run: the run.
        findings: its findings.
        results: the folder of its Allure results, if there is one.
        catalogue: the requirements; None for those of `spec`.
    """
    requirements = load() if catalogue is None else catalogue
    new = [one for one in findings if not one.is_known]
    lines = [f"# Findings: {code(run.name)}", ""]
    if not run.is_complete:
        why = words(run.why_incomplete) or "it ended before its last check"
        lines += [f"**This run is incomplete**: {why}", ""]
    checks = sum(len(one.checks) for one in new)
    lines.append(
        f"{count(len(new), 'finding')} in {checks} of {len(run.checks)} checks."
    )
    if len(new) < len(findings):
        known_text = count(len(findings) - len(new), "known deviation")
        lines.append(f"{known_text} of this target follow the findings.")
    lines.append("")
    lines += [f"- {name}: {code(value)}" for name, value in _facts(run)]
    lines += gone_section(run)
    for one in findings:
        lines += ["", *section(one, run, requirements, results)]
    return "\n".join(lines) + "\n"


def gone_section(run: Run) -> list[str]:
    """Return the section of listed deviations that did not show; empty if all did."""
    stale = gone(run)
    if not stale:
        return []
    lines = ["", "## Listed deviations that did not show", ""]
    for one in stale:
        lines.append(
            f"- {code(one.entry.requirement)}: {code(one.entry.what)} (seen in version "
            f"{code(one.entry.version)}, not in {count(len(one.checks), 'check')}): "
            f"{one.advice} {code(one.entry.file)}"
        )
        lines += [f"  - {code(check.check)}" for check in one.checks[:_SHOWN_CHECKS]]
        if len(one.checks) > _SHOWN_CHECKS:
            lines.append(f"  - and {len(one.checks) - _SHOWN_CHECKS} more")
    return lines


def section(
    one: Finding,
    run: Run,
    catalogue: Mapping[str, Requirement],
    results: Path | None = None,
) -> list[str]:
    """Return one finding as a self-contained section."""
    kind = "known deviation" if one.is_known else str(one.severity)
    lines = [f"## {one.number}. {words(title(one, catalogue))}", ""]
    lines += [f"**{kind}**, seen in {count(len(one.checks), 'check')}", ""]
    for name in one.clauses:
        entry = catalogue.get(name)
        lines.append(
            f"- {code(name)}"
            if entry is None
            else f"- [{entry.document} section {entry.section}]({entry.url}), "
            f"{entry.level} ({entry.id}): {entry.text}"
        )
    lines += ["", *_expectation(one)]
    combination = provoking(one.example.combination)
    if combination:
        lines += ["", f"It shows only with this combination: {code(combination)}"]
    ending = one.ending
    if ending is not None and ending.report:
        last = ending.report.splitlines()[:_SHOWN_REPORT]
        lines += ["", "Its report:", "", *block("\n".join(last))]
    if one.example.transcript:
        pdus = one.example.transcript.splitlines()[-_SHOWN_PDUS:]
        lines += [
            "",
            f"PDUs of {code(one.example.check)}:",
            "",
            *block("\n".join(pdus)),
        ]
    lines += ["", "To see it again:", ""]
    lines += block("\n".join(commands(one.example, run, results)))
    lines += ["", "Checks that show it:", ""]
    lines += [f"- {code(check.check)}" for check in one.checks[:_SHOWN_CHECKS]]
    more = len(one.checks) - _SHOWN_CHECKS
    if more > 0:
        lines.append(f"- and {more} more")
    if one.not_judged:
        number = count(len(one.not_judged), "check")
        lines += ["", f"{number} cannot be judged because of it."]
    return lines


def title(one: Finding, catalogue: Mapping[str, Requirement]) -> str:
    """Return a heading: the broken rule, and how the target ended if it did."""
    broken = rule(one, catalogue)
    if one.ending is None:
        return broken
    verb = "hangs" if one.severity is Severity.HANG else "dies"
    return f"The target {verb} ({_ending_in_words(one.ending)}): {broken}"


def _ending_in_words(ending: Ending) -> str:
    """Return how a target ended, as briefly as possible."""
    if ending.functions:
        kind = ending.report_kind or "crash"
        return one_line(f"{kind} in {ending.functions[0]}", _SHOWN_MANNER)
    return one_line(ending.reason, _SHOWN_MANNER)


def rule(one: Finding, catalogue: Mapping[str, Requirement]) -> str:
    """Return the broken rule, without a full stop."""
    entry = catalogue.get(one.clauses[0])
    return one_line(one.clauses[0] if entry is None else entry.text.rstrip("."))


def _expectation(one: Finding) -> list[str]:
    lines = [
        f"{'expected' if number == 0 else 'or'}: {text}"
        for number, text in enumerate(one.expected)
    ]
    return block("\n".join([*lines, f"actual: {one_line(one.actual)}"]))


def _facts(run: Run) -> list[tuple[str, str]]:
    names = ("target", "target.version", "target.description", "target.kernel")
    facts = [(name, run.environment[name]) for name in names if name in run.environment]
    return [
        *facts,
        ("toolkit", run.toolkit),
        ("run", f"{run.started}, {run.seconds:g} s"),
        *([("strength", str(run.strength))] if run.strength > 1 else []),
    ]
