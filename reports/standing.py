# SPDX-License-Identifier: GPL-2.0-only
"""How a target stands to each requirement, from the verdicts of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.verdicts import Judged, Verdict
from spec import Requirement


class Standing(StrEnum):
    """What a run says of a requirement; the worst first."""

    BROKEN = "broken"
    DEVIATES = "known deviation"
    WARNED = "warned"
    HOLDS = "holds"
    NOT_APPLICABLE = "not applicable"
    TROUBLE = "trouble"
    NOT_TESTED = "not tested"

    @property
    def is_amiss(self) -> bool:
        """Whether the target does not do what is required."""
        return self in (Standing.BROKEN, Standing.DEVIATES, Standing.WARNED)


_OF_VERDICT: Mapping[Verdict, Standing] = {
    Verdict.BROKEN: Standing.BROKEN,
    Verdict.DEVIATES: Standing.DEVIATES,
    Verdict.WARNED: Standing.WARNED,
    Verdict.PASSED: Standing.HOLDS,
    Verdict.NOT_APPLICABLE: Standing.NOT_APPLICABLE,
    Verdict.TROUBLE: Standing.TROUBLE,
}
_ORDER = list(Standing)


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement and what a run says of it."""

    requirement: Requirement
    standing: Standing
    checks: tuple[Judged, ...] = ()

    @property
    def amiss(self) -> tuple[Judged, ...]:
        """The checks that show what is amiss."""
        shown = (Verdict.BROKEN, Verdict.DEVIATES, Verdict.WARNED)
        return tuple(check for check in self.checks if check.verdict in shown)

    @property
    def choices(self) -> dict[str, int]:
        """Which permitted outcomes the target chose, and in how many checks."""
        return dict(Counter(one for check in self.checks for one in check.choices))


def rows(checks: Iterable[Judged], catalogue: Mapping[str, Requirement]) -> list[Row]:
    """Return a row for every requirement that counts or that a check names.

    One check that fails breaks a requirement, whatever the others say; one that passes
    makes it hold, if the others do not apply. A requirement that no run of a check has
    exercised is never said to hold.
    """
    by_name: dict[str, list[Judged]] = {}
    for check in checks:
        for name in check.requirements:
            by_name.setdefault(name, []).append(check)
    return [
        Row(entry, _standing(found := by_name.get(name, [])), tuple(found))
        for name, entry in catalogue.items()
        if entry.counts or name in by_name
    ]


def _standing(checks: Sequence[Judged]) -> Standing:
    found = {_OF_VERDICT[check.verdict] for check in checks}
    return min(found, key=_ORDER.index, default=Standing.NOT_TESTED)
