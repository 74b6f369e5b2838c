# SPDX-License-Identifier: GPL-2.0-only
"""A baseline: the present deviations of a target, as a file of known deviations.

It has one entry for each finding. The next run with the file is green; a new finding,
or a deviation that is gone, makes it red.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from reports.findings import Finding
from reports.markdown import rule
from reports.model import Check, Run
from reports.printable import one_line
from spec import Requirement, load

_WIDTH = 300
"""The maximum length of `what`, in characters."""

_HEAD = """\
# Known deviations of {name}, as a run of {started} found them.
# Written by --write-deviations: look at each entry, and say in `what` and `why` what
# you know of it. docs/reading-a-failure.md has the form.
"""


def baseline(
    run: Run,
    findings: Sequence[Finding],
    catalogue: Mapping[str, Requirement] | None = None,
) -> str:
    """Return the findings of a run as a file for `--deviations`, in TOML.

    Args:
        run: the run.
        findings: its findings, including those that are known deviations already.
        catalogue: the requirements; None for those of `spec`.
    """
    requirements = load() if catalogue is None else catalogue
    entries = [entry for one in findings for entry in _entries(one, run, requirements)]
    head = _HEAD.format(name=one_line(run.name), started=one_line(run.started))
    return head + ("\n" + tomli_w.dumps({"deviation": entries}) if entries else "")


def _entries(
    one: Finding, run: Run, catalogue: Mapping[str, Requirement]
) -> list[dict[str, Any]]:
    """Return the entries of a finding, one for each way in which the target ended."""
    by_end: dict[str, list[str]] = {}
    # Checks that are not judged because of this failure fail again, too.
    for check in (*one.checks, *one.not_judged):
        by_end.setdefault(_end(check), []).append(check.check)
    entry = catalogue.get(one.clauses[0])
    clause = (
        one.clauses[0] if entry is None else f"{entry.document} section {entry.section}"
    )
    common = {
        "requirement": one.clauses[0],
        "what": one_line(one.example.deviation or _what(one), _WIDTH),
        "why": f"{clause}: {rule(one, catalogue)}",
        "version": one_line(run.environment.get("target.version", "")) or "unknown",
    }
    return [
        common | {"checks": checks} | ({"dies": dies} if dies else {})
        for dies, checks in by_end.items()
    ]


def _what(one: Finding) -> str:
    """Return what the target did, and what it had to do."""
    if one.ending is not None:
        return one.actual
    # The actual value may be long, so it is cut; the expected one explains it.
    return f"{one_line(one.actual, _WIDTH // 2)}; expected: {' or '.join(one.expected)}"


def _end(check: Check) -> str:
    """Return a text that identifies a death; "" if the target did not die."""
    ending = check.ending
    if ending is None or not check.target_died:
        return ""
    text = ending.functions[0] if ending.functions else ending.signal or ending.reason
    # A part of the target's output is enough to match, and keeps the file readable.
    parts = "".join(one if one.isprintable() else "\n" for one in text).split("\n")
    return max(parts, key=len)
