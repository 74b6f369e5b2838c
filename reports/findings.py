# SPDX-License-Identifier: GPL-2.0-only
"""Findings: the failures of a run, one finding for each cause (`reports.causes`).

A finding has a severity, the broken clauses, and the check that shows it best. Known
deviations are findings, too, but separate from the new ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.causes import Cause, cause_of, clauses_of, end_of, groups_of, related_of
from reports.model import Check, Ending, Failure, Outcome, Run
from reports.severity import Severity, severity
from spec import Requirement, load

_AMISS = frozenset({Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES})
_SERVES = ("the target continues to serve",)


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation of the target."""

    number: int
    severity: Severity
    clauses: tuple[str, ...]
    """The IDs of the broken requirements, that of most checks first."""
    checks: tuple[Check, ...]
    """The checks that show it, in the order of the run."""
    example: Check
    """The check that shows it best."""
    causes: frozenset[Cause]
    not_judged: tuple[Check, ...] = ()
    """The checks that depend on the missing behaviour."""
    is_known: bool = False
    """Whether the target's list of known deviations has it."""

    @property
    def failure(self) -> Failure | None:
        """The failure of the example."""
        return self.example.failure

    @property
    def ending(self) -> Ending | None:
        """How the target ended, if it did."""
        return end_of(self.example)

    @property
    def expected(self) -> tuple[str, ...]:
        """What the requirement allows; each item is an alternative."""
        failure = self.failure
        return _SERVES if failure is None or self.ending else failure.expected

    @property
    def actual(self) -> str:
        """What the target did."""
        if self.ending is not None:
            return self.ending.reason
        return self.failure.actual if self.failure is not None else self.example.reason

    @property
    def reach(self) -> int:
        """The number of checks that it affects."""
        return len(self.checks) + len(self.not_judged)

    def is_like(self, other: "Finding") -> bool:
        """Tell whether a finding of another run shares a cause with this one."""
        return not self.causes.isdisjoint(other.causes)


def findings(
    run: Run, catalogue: Mapping[str, Requirement] | None = None
) -> tuple[Finding, ...]:
    """Return the findings of a run: new ones first, the worst of them first.

    Args:
        run: the run.
        catalogue: the requirements by their IDs; None for those of `spec`.
    """
    requirements = load() if catalogue is None else catalogue
    failed = [check for check in run.checks if check.outcome in _AMISS]
    related = related_of(run.checks, requirements)
    groups = [
        group
        for is_known in (False, True)
        for group in groups_of(
            [one for one in failed if (one.outcome is Outcome.DEVIATES) is is_known],
            related,
            requirements,
        )
    ]
    unnumbered = [_finding(group, run, requirements) for group in groups]
    order = list(requirements)
    place = {name: number for number, name in enumerate(order)}
    unnumbered.sort(
        key=lambda one: (
            one.is_known,
            one.severity.rank,
            -one.reach,
            place.get(one.clauses[0], len(place)),
            one.checks[0].check,
        )
    )
    return tuple(
        Finding(
            number,
            one.severity,
            one.clauses,
            one.checks,
            one.example,
            one.causes,
            one.not_judged,
            one.is_known,
        )
        for number, one in enumerate(unnumbered, 1)
    )


def _finding(
    checks: Sequence[Check], run: Run, catalogue: Mapping[str, Requirement]
) -> Finding:
    clauses = _clauses_by_votes(checks)
    grade = {
        id(check): severity(check, catalogue.get(clauses_of(check)[0]))
        for check in checks
    }
    worst = min(grade.values(), key=lambda one: one.rank)
    example = min(
        (check for check in checks if grade[id(check)] is worst),
        key=lambda check: _example_order(check, clauses[0]),
    )
    names = {check.check for check in checks}
    return Finding(
        number=0,
        severity=worst,
        clauses=clauses,
        checks=tuple(checks),
        example=example,
        causes=frozenset(cause_of(check) for check in checks),
        not_judged=tuple(
            check
            for check in run.checks
            if check.outcome is Outcome.NOT_JUDGED and check.rests_on in names
        ),
        is_known=checks[0].outcome is Outcome.DEVIATES,
    )


def _clauses_by_votes(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return the clauses that checks accuse, first the one that most of them carry."""
    accused = Counter(clauses_of(check)[0] for check in checks)
    accused.update({name: 0 for check in checks for name in clauses_of(check)})
    carried = Counter(
        name for check in checks for name in {*check.requirements, *clauses_of(check)}
    )
    return tuple(sorted(accused, key=lambda name: (-carried[name], -accused[name])))


def _example_order(check: Check, clause: str) -> tuple[bool, bool, bool, int, str]:
    """Return the sort key of examples: of the clause, with PDUs, a bundle, short."""
    return (
        clauses_of(check)[0] != clause,
        not check.transcript,
        not check.bundle,
        check.transcript.count("\n"),
        check.check,
    )
