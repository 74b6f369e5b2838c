# SPDX-License-Identifier: GPL-2.0-only
"""Listed deviations that a run did not show: the list is out of date.

Such a run fails, so that the list is corrected.
"""

from dataclasses import dataclass

from reports.model import Check, Entry, Outcome, Run
from reports.printable import one_line


@dataclass(frozen=True, slots=True)
class Gone:
    """An entry of a list of known deviations that did not show in some checks."""

    entry: Entry
    checks: tuple[Check, ...]
    """The checks that had to show it, but did not."""
    still: int
    """The number of other checks that show it."""

    @property
    def advice(self) -> str:
        """The instruction for the entry in its file."""
        if not self.still:
            return "remove the entry from"
        others = "1 other check" if self.still == 1 else f"{self.still} other checks"
        return f"it still shows in {others}: correct the entry's checks in"


def gone(run: Run) -> tuple[Gone, ...]:
    """Return the listed deviations that a run did not show, those of most checks first.

    An entry with `always = false` is not among them, since it need not show.
    """
    by_entry: dict[Entry, list[Check]] = {}
    for check in run.checks:
        if check.gone is not None:
            by_entry.setdefault(check.gone, []).append(check)
    entries = [
        Gone(entry, tuple(checks), _still(run, entry))
        for entry, checks in by_entry.items()
    ]
    return tuple(sorted(entries, key=lambda one: -len(one.checks)))


def _still(run: Run, entry: Entry) -> int:
    return sum(
        check.outcome is Outcome.DEVIATES and check.deviation == entry.what
        for check in run.checks
    )


def sentence(one: Gone) -> str:
    """Return a sentence about a deviation that is gone: what it was, and what to do."""
    where = one.checks[0].check
    if len(one.checks) > 1:
        where = f"{len(one.checks)} checks, such as {where}"
    return one_line(
        f"{one.entry.requirement}: {one.entry.what} (seen in version "
        f"{one.entry.version}, not in {where}): {one.advice} {one.entry.file}"
    )
