# SPDX-License-Identifier: GPL-2.0-only
"""What changed from one run to the next run of the same target, check by check.

A check is worse if both runs carried it out and its outcome is worse. A check that was
not carried out proves nothing about the target: a check that is new, missing, not run
or in trouble is listed separately and is never a regression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.findings import Finding, findings
from reports.model import Check, EndingKind, Outcome, Run
from spec import Requirement

_RANKS: Mapping[Outcome, int] = {
    Outcome.PASSED: 0,
    Outcome.GONE: 0,
    Outcome.NOT_APPLICABLE: 0,
    Outcome.NOT_JUDGED: 1,
    Outcome.WARNED: 2,
    Outcome.DEVIATES: 2,
    Outcome.BROKEN: 3,
}
_RANK_OF_DEATH = 4
_UNKNOWN_KINDS = frozenset({"", "unknown", "iscsi"})


@dataclass(frozen=True, slots=True)
class Change:
    """One check whose outcome changed."""

    before: Check
    after: Check


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed between two runs of one target."""

    before: str
    """The name of the earlier run."""
    after: str
    """The name of the later run."""
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    other: tuple[Change, ...]
    """Neither worse nor better, such as a check that does not apply any more.

    So is a listed deviation that does not always show, and shows in one run alone.
    """
    appeared: tuple[Check, ...]
    """Checks that only the later run has."""
    vanished: tuple[Check, ...]
    """Checks that only the earlier run has."""
    not_carried_out: tuple[Check, ...]
    """Checks that one of the runs did not carry out, as in the later run."""
    new_findings: tuple[Finding, ...]
    """Findings of the later run that share no cause with an earlier one."""
    gone_findings: tuple[Finding, ...]
    """Findings of the earlier run that the later one could show, but does not."""


def lineage(run: Run) -> tuple[str, ...] | None:
    """Return what identifies the builds of one target; None if that is unknown."""
    if run.label:
        return ("label", run.label)
    kind = run.environment.get("target", "")
    if kind not in _UNKNOWN_KINDS:
        return ("kind", kind)
    names = run.environment.get("target.names", "")
    portals = run.environment.get("target.portals", "")
    return ("address", names, portals) if names and portals else None


def changes(
    before: Run,
    after: Run,
    names: tuple[str, str],
    catalogue: Mapping[str, Requirement] | None = None,
) -> Changes:
    """Return what changed from one run to a later one.

    Args:
        before: the earlier run.
        after: the later run.
        names: their names.
        catalogue: the requirements; None for those of `spec`.
    """
    old = {check.check: check for check in before.checks}
    new = {check.check: check for check in after.checks}
    worse, better, other, not_carried_out = [], [], [], []
    for name in (name for name in old if name in new):
        change = Change(old[name], new[name])
        ranks = rank(change.before), rank(change.after)
        if change.before.outcome is change.after.outcome and ranks[0] == ranks[1]:
            continue
        if ranks[0] is None or ranks[1] is None:
            not_carried_out.append(change.after)
        elif _is_chance(change):
            other.append(change)
        elif ranks[1] > ranks[0]:
            worse.append(change)
        elif ranks[1] < ranks[0]:
            better.append(change)
        else:
            other.append(change)
    then, now = findings(before, catalogue), findings(after, catalogue)
    return Changes(
        before=names[0],
        after=names[1],
        worse=tuple(worse),
        better=tuple(better),
        other=tuple(other),
        appeared=tuple(check for name, check in new.items() if name not in old),
        vanished=tuple(check for name, check in old.items() if name not in new),
        not_carried_out=tuple(not_carried_out),
        new_findings=_without_counterpart(now, then, old),
        gone_findings=_without_counterpart(then, now, new),
    )


def _is_chance(change: Change) -> bool:
    """Tell whether a deviation that does not always show is the only difference."""
    checks = change.before, change.after
    return any(one.varies for one in checks) and all(
        one.varies or one.outcome is Outcome.PASSED for one in checks
    )


def rank(check: Check) -> int | None:
    """Return how bad a check's outcome is; None if it was not carried out."""
    ending = check.ending
    is_deadly = ending is not None and ending.kind is not EndingKind.DROPPED
    if check.outcome is Outcome.BROKEN and is_deadly:
        return _RANK_OF_DEATH
    return _RANKS.get(check.outcome)


def successions(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """Return which runs follow which, as the places of each pair of builds."""
    last: dict[tuple[str, ...], int] = {}
    pairs = []
    for number, run in enumerate(runs):
        line = lineage(run)
        if line is None:
            continue
        if line in last:
            pairs.append((last[line], number))
        last[line] = number
    return pairs


def _without_counterpart(
    findings: Sequence[Finding], others: Sequence[Finding], checks: Mapping[str, Check]
) -> tuple[Finding, ...]:
    """Return the findings that the other run could show, but does not.

    Args:
        findings: the findings of one run.
        others: the findings of the other run.
        checks: the checks of the other run, by their names.
    """
    return tuple(
        finding
        for finding in findings
        if not any(finding.is_like(other) for other in others)
        and any(
            name.check in checks and rank(checks[name.check]) is not None
            for name in finding.checks
        )
    )
