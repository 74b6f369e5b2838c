# SPDX-License-Identifier: GPL-2.0-only
"""The cost of one fault: the checks that it breaks although they test something else.

`iscsi-assay faults --lost` runs the whole suite, or parts of it, against the reference
target with each fault alone. A check that carries a clause of the fault has to fail.
Any other check should pass: one that fails, ends as trouble or is not judged proves
nothing about its own clauses, so it is lost. Faults that affect logins are tried by
default, since every check logs in.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from iscsi_assay.parser import Misuse
from reftarget.faults import FAULTS, Fault
from reftarget.rules.authentication import AuthenticationRules
from reftarget.rules.login import LoginRules
from reports.model import Check, Outcome
from reports.printable import one_line
from suites.reference_run import RunError, run_with, selection
from suites.shards import shard
from suites.side_by_side import side_by_side

_SECONDS = 900
_WORST = 10
_SHOWN = 3
"""How many lost checks of a fault are shown by name."""

_LOGIN_SECTIONS = ("6.1", "6.2", "6.3", "11.12", "11.13", "12", "13")
"""Sections of RFC 7143 about logins and their negotiation."""

_KINDS = {
    Outcome.BROKEN: "broken",
    Outcome.WARNED: "broken",
    Outcome.TROUBLE: "trouble",
    Outcome.NOT_JUDGED: "not judged",
    Outcome.NOT_RUN: "not run",
}
"""The outcomes of a lost check, by the columns of the table."""

COLUMNS = tuple(dict.fromkeys(_KINDS.values()))


@dataclass(frozen=True, slots=True)
class Loss:
    """The result of the suite with one fault."""

    fault: Fault
    expected_verdicts: int = 0
    """How many checks that carry a clause of the fault have failed."""
    lost: dict[str, list[Check]] = field(default_factory=dict)
    """The checks that are lost, by column."""
    trouble: str = ""
    """Why there is no verdict, if there is none."""

    @property
    def count(self) -> int:
        """How many checks are lost."""
        return sum(map(len, self.lost.values()))


def touches_login(fault: Fault) -> bool:
    """Tell whether a fault concerns logins or their negotiation."""
    if fault.rule_sets:
        return any(
            isinstance(rules, LoginRules | AuthenticationRules)
            for rules in fault.rule_sets
        )
    document, section = fault.requirement.split("-")[:2]
    return document == "RFC7143" and any(
        section == one or section.startswith(f"{one}.") for one in _LOGIN_SECTIONS
    )


def sort_verdicts(fault: Fault, checks: Iterable[Check]) -> Loss:
    """Sort the verdicts of a run with one fault into expected and lost ones."""
    expected, lost = 0, dict[str, list[Check]]()
    for check in checks:
        column = _KINDS.get(check.outcome)
        if column is None:
            continue
        named = {*check.broken, *check.requirements}
        if not named.isdisjoint(fault.requirements):
            expected += 1
        else:
            lost.setdefault(column, []).append(check)
    return Loss(fault, expected, lost)


def show(losses: Sequence[Loss]) -> list[str]:
    """Return the table: one line for each fault, the worst first, and the totals."""
    width = max((len(loss.fault.name) for loss in losses), default=0)
    head = "".join(f"{column:>12}" for column in COLUMNS)
    lines = [f"{'fault':{width}}  {'clause':22}{'expected_verdicts':>6}{head}"]
    worst = sorted(losses, key=lambda one: -one.count)
    for loss in worst:
        if loss.trouble:
            lines.append(f"{loss.fault.name:{width}}  no verdict: {loss.trouble}")
            continue
        counts = "".join(f"{len(loss.lost.get(column, ())):12}" for column in COLUMNS)
        name = f"{loss.fault.name:{width}}  {loss.fault.requirement:22}"
        lines.append(f"{name}{loss.expected_verdicts:6}{counts}")
        lines += [f"{'':{width}}    {words}" for words in _examples(loss)]
    sums = ", ".join(
        f"{sum(len(loss.lost.get(name, ())) for loss in losses)} {name}"
        for name in COLUMNS
    )
    total = sum(loss.count for loss in losses)
    names = ", ".join(
        f"{one.fault.name} {one.count}" for one in worst[:_WORST] if one.count
    )
    lines += [
        f"{len(losses)} faults: {total} checks lost ({sums})",
        f"the worst: {names or 'none'}",
    ]
    return lines


def _examples(loss: Loss) -> list[str]:
    """Return lost checks with their messages, or what those not judged depend on.

    A check that is not judged is lost with a reason: the target lacks what it needs.
    """
    unjudged = _KINDS[Outcome.NOT_JUDGED]
    unexplained = [
        check
        for column, ones in loss.lost.items()
        for check in ones
        if column != unjudged
    ]
    lines = [
        f"{check.check}: {one_line(check.detail, 100)}"
        for check in unexplained[:_SHOWN]
    ]
    reasons = Counter((one.rests_on, one.reason) for one in loss.lost.get(unjudged, ()))
    return lines + [
        f"{count} not judged because of {proof}: {one_line(reason, 120)}"
        for (proof, reason), count in reasons.items()
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run that counts the checks that faults cost."""
    parser.add_argument(
        "--lost",
        action="store_true",
        help="print how many checks of other clauses each fault costs (default: the "
        "faults that affect logins)",
    )


def _in_short(loss: Loss) -> str:
    return f"{loss.fault.name}: {loss.trouble or f'{loss.count} lost'}"


def main(options: argparse.Namespace) -> int:
    """Print the cost of faults; return 1 if one has no verdict."""
    names: Sequence[str] = options.fault
    faults = [FAULTS[name] for name in names]
    faults = faults or [fault for fault in FAULTS.values() if touches_login(fault)]
    faults = list(shard(faults, options.shard))
    try:
        parts = selection(options.only)
    except RunError as error:
        raise Misuse(str(error)) from error

    def attempt(fault: Fault) -> Loss:
        try:
            run = run_with(fault, parts, _SECONDS, options.runs)
        except RunError as error:
            return Loss(fault, trouble=str(error))
        return sort_verdicts(fault, run.checks)

    losses = side_by_side(faults, attempt, _in_short, jobs=options.jobs)
    print("\n".join(show(losses)))
    return int(any(one.trouble for one in losses))
