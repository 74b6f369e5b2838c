# SPDX-License-Identifier: GPL-2.0-only
"""The standing of each requirement, derived from the verdicts of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.model import Check, Outcome
from spec import Requirement


class Standing(StrEnum):
    """The result for one requirement; the worst first."""

    BROKEN = "broken"
    DEVIATES = "known deviation"
    WARNED = "warned"
    HOLDS = "holds"
    NOT_APPLICABLE = "not applicable"
    NOT_JUDGED = "not judged"
    TROUBLE = "trouble"
    NOT_TESTED = "not tested"

    @property
    def shows_deviation(self) -> bool:
        """Whether the target breaks the requirement."""
        return self in (Standing.BROKEN, Standing.DEVIATES, Standing.WARNED)


_OF_OUTCOME: Mapping[Outcome, Standing] = {
    Outcome.BROKEN: Standing.BROKEN,
    Outcome.DEVIATES: Standing.DEVIATES,
    Outcome.WARNED: Standing.WARNED,
    Outcome.PASSED: Standing.HOLDS,
    Outcome.GONE: Standing.HOLDS,
    Outcome.NOT_APPLICABLE: Standing.NOT_APPLICABLE,
    Outcome.NOT_JUDGED: Standing.NOT_JUDGED,
    Outcome.TROUBLE: Standing.TROUBLE,
    Outcome.NOT_RUN: Standing.NOT_TESTED,
}
_ORDER = list(Standing)
_DEVIATING = (Outcome.BROKEN, Outcome.DEVIATES, Outcome.WARNED)


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement and its result in a run."""

    requirement: Requirement
    standing: Standing
    checks: tuple[Check, ...] = ()

    @property
    def deviating(self) -> tuple[Check, ...]:
        """The checks that show the deviation."""
        return tuple(check for check in self.checks if check.outcome in _DEVIATING)

    @property
    def choices(self) -> dict[str, int]:
        """The permitted outcomes that the target chose, with the numbers of checks."""
        return dict(Counter(one for check in self.checks for one in check.choices))


def rows(checks: Iterable[Check], catalogue: Mapping[str, Requirement]) -> list[Row]:
    """Return a row for every requirement that counts or that a check names.

    A requirement is broken if one check fails it, whatever the others show; it is met
    if a check passes and the others do not apply. A requirement that no check exercised
    never counts as met. A failed check proves nothing about those of its requirements
    that its failure does not break.
    """
    by_name: dict[str, list[Check]] = {}
    for check in checks:
        has_failed = check.outcome in _DEVIATING
        for name in check.broken if has_failed else check.requirements:
            by_name.setdefault(name, []).append(check)
    return [
        Row(entry, _standing(members := by_name.get(name, [])), tuple(members))
        for name, entry in catalogue.items()
        if entry.counts or name in by_name
    ]


def _standing(checks: Sequence[Check]) -> Standing:
    standings = {_OF_OUTCOME[check.outcome] for check in checks}
    return min(standings, key=_ORDER.index, default=Standing.NOT_TESTED)
