# SPDX-License-Identifier: GPL-2.0-only
"""The lifetimes of checks, findings and clauses over the runs of an archive.

A lifetime consists of the states of a check, a finding or a clause in the runs that
determine it. It shows since when the present state lasts, with which revision of the
target it began, and how steady it is. Steady means that all runs of one revision have
the same state.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from reports.archive import revision_of
from reports.changes import lineage, rank
from reports.findings import Finding, findings
from reports.model import Outcome, Run
from reports.printable import one_line
from reports.standing import Standing, rows
from spec import Requirement

_SAYS_NOTHING = frozenset({Standing.NOT_TESTED, Standing.TROUBLE, Standing.NOT_JUDGED})
_WELL = frozenset({"passed", "not applicable", "holds", "gone"})
SEEN, GONE = "seen", "gone"
"""The state of a finding in a run."""


class Kind(StrEnum):
    """The kinds of things with a lifetime."""

    FINDING = "finding"
    CHECK = "check"
    CLAUSE = "clause"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The state of a finding, a check or a clause in each run."""

    kind: Kind
    name: str
    states: tuple[tuple[Run, str], ...]
    """The runs that determine its state, the oldest first, each with the state."""

    @property
    def now(self) -> str:
        """The state in the last of these runs."""
        return self.states[-1][1]

    @property
    def since(self) -> Run:
        """The first of the latest runs that all have the present state."""
        first = self.states[-1][0]
        for run, state in reversed(self.states):
            if state != self.now:
                break
            first = run
        return first

    @property
    def before(self) -> tuple[Run, str] | None:
        """The last run with another state, and that state; None if all are the same."""
        return next((one for one in reversed(self.states) if one[1] != self.now), None)

    @property
    def changes(self) -> int:
        """How often it has changed from one run to the next."""
        return sum(one[1] != other[1] for one, other in pairwise(self.states))

    @property
    def steadiness(self) -> tuple[int, int]:
        """How many runs agree with the majority of their revision, and the total."""
        by_revision: dict[str, Counter[str]] = {}
        for run, state in self.states:
            by_revision.setdefault(revision_of(run), Counter())[state] += 1
        alike = sum(max(states.values()) for states in by_revision.values())
        return alike, len(self.states)

    @property
    def is_steady(self) -> bool:
        """Whether all runs of one revision have the same state."""
        alike, runs = self.steadiness
        return alike == runs

    @property
    def always_passed(self) -> bool:
        """Whether it has always been good."""
        return not self.changes and self.now in _WELL


def targets(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return the runs of each target and suite, the oldest first, by names."""
    groups: dict[tuple[object, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((lineage(run) or run.name, run.suite), []).append(run)
    return {
        f"{same[-1].label or same[-1].kind}, {suite}": same
        for (_, suite), same in groups.items()
    }


def lifetimes(
    runs: Sequence[Run], catalogue: Mapping[str, Requirement] | None = None
) -> list[Lifetime]:
    """Return the lifetimes of the findings, checks and clauses of one target.

    Args:
        runs: the runs, the oldest first.
        catalogue: the requirements; None for those of `spec`.
    """
    return [*_findings(runs, catalogue), *_checks(runs), *_clauses(runs, catalogue)]


def _checks(runs: Sequence[Run]) -> list[Lifetime]:
    states: dict[str, list[tuple[Run, str]]] = {}
    for run in runs:
        for check in run.checks:
            # Checks that were not carried out give no information.
            if rank(check) is not None and check.outcome is not Outcome.NOT_JUDGED:
                states.setdefault(check.check, []).append((run, str(check.outcome)))
    return [
        Lifetime(Kind.CHECK, name, tuple(one)) for name, one in sorted(states.items())
    ]


def _clauses(
    runs: Sequence[Run], catalogue: Mapping[str, Requirement] | None
) -> list[Lifetime]:
    states: dict[str, list[tuple[Run, str]]] = {}
    requirements = catalogue if catalogue is not None else _catalogue()
    for run in runs:
        for row in rows(run.checks, requirements):
            if row.standing not in _SAYS_NOTHING:
                state = (run, str(row.standing))
                states.setdefault(row.requirement.id, []).append(state)
    return [
        Lifetime(Kind.CLAUSE, name, tuple(one)) for name, one in sorted(states.items())
    ]


def _findings(
    runs: Sequence[Run], catalogue: Mapping[str, Requirement] | None
) -> list[Lifetime]:
    """Return the lifetime of each cause that any run shows.

    A run that carried out none of a finding's checks does not determine its state.
    """
    groups: list[list[Finding]] = []
    by_run: list[tuple[Run, tuple[Finding, ...]]] = []
    for run in runs:
        in_run = findings(run, catalogue)
        by_run.append((run, in_run))
        for finding in in_run:
            group = next((some for some in groups if some[-1].is_like(finding)), None)
            if group is None:
                groups.append([finding])
            else:
                group.append(finding)
    lifetimes = []
    for group in groups:
        names = {check.check for finding in group for check in finding.checks}
        states = []
        for run, in_run in by_run:
            if any(finding.is_like(other) for finding in in_run for other in group):
                states.append((run, SEEN))
            elif any(c.check in names and rank(c) is not None for c in run.checks):
                states.append((run, GONE))
        last = group[-1]
        clause = last.clauses[0] if last.clauses else "no clause"
        name = f"{clause}: {one_line(last.actual, 100)}"
        lifetimes.append(Lifetime(Kind.FINDING, name, tuple(states)))
    return lifetimes


def _catalogue() -> Mapping[str, Requirement]:
    from spec import load  # noqa: PLC0415  # it takes a moment

    return load()


def lines(
    name: str,
    runs: Sequence[Run],
    all_lifetimes: Sequence[Lifetime],
    *,
    shows_all: bool = False,
) -> list[str]:
    """Return the lifetimes of a target as lines for a terminal.

    Args:
        name: the name of the target.
        runs: its runs.
        all_lifetimes: the lifetimes.
        shows_all: whether lifetimes that were always good are shown, instead of being
            counted.
    """
    first, last = runs[0], runs[-1]
    count = f"{len(runs)} run{'s' if len(runs) != 1 else ''}"
    text = [f"{one_line(name)}: {count}, {_when(first)} to {_when(last)}"]
    for kind in Kind:
        every = [one for one in all_lifetimes if one.kind is kind]
        listed = [one for one in every if shows_all or not one.always_passed]
        quiet = sum(one.always_passed for one in every)
        text.append(f"  {kind}s: {len(every)}, of which {quiet} were always well")
        for one in sorted(listed, key=lambda life: (life.now in _WELL, life.name)):
            text += _describe_life(one)
    return text


def _describe_life(one: Lifetime) -> list[str]:
    alike, runs = one.steadiness
    steady = "steady" if one.is_steady else "NOT STEADY"
    text = f"    {one.now}: {one_line(one.name, 160)}"
    before = one.before
    if before is None:
        since = f"since the first run, {_when(one.since)}"
    else:
        since = f"since {_when(one.since)}; before, {before[1]}: {_when(before[0])}"
    rate = f"{alike} of {runs} runs as most of their revision"
    return [text, f"      {since}; {steady}, {rate}; changes: {one.changes}"]


def _when(run: Run) -> str:
    revision = revision_of(run)
    return one_line(f"{run.started[:16]}{f' ({revision})' if revision else ''}", 80)


def as_data(
    name: str, runs: Sequence[Run], lifetimes: Sequence[Lifetime]
) -> dict[str, Any]:
    """Return the lifetimes of a target as plain data."""
    return {
        "target": name,
        "runs": [
            {"started": run.started, "revision": revision_of(run)} for run in runs
        ],
        "lives": [
            {
                "kind": str(life.kind),
                "name": life.name,
                "now": life.now,
                "since": life.since.started,
                "revision": revision_of(life.since),
                "alike": life.steadiness[0],
                "seen": life.steadiness[1],
                "is_steady": life.is_steady,
                "changes": life.changes,
            }
            for life in lifetimes
        ],
    }
