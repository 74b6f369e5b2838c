# SPDX-License-Identifier: GPL-2.0-only
"""Tries each fault of the robustness suite against its checks.

`iscsi-assay faults --robustness` runs, for every row of
`reftarget.faults.ROBUSTNESS_FAULTS`, the checks that it names against the reference
target with that fault. Each of their parameter sets must accuse the requirement that
the fault breaks, and no check may accuse another one.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from iscsi_assay.parser import Misuse
from reftarget.faults import ROBUSTNESS_FAULTS, RobustnessFault
from reports.model import Check, Outcome
from reports.printable import one_line
from suites.reference_run import RunError, run_with
from suites.shards import shard
from suites.side_by_side import side_by_side

SUITE = "suites/robustness"

_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Notice:
    """The result of the checks that a row names."""

    fault: RobustnessFault
    noticed_by: tuple[Check, ...] = ()
    """The checks that accuse the requirement that it breaks."""
    missed_by: tuple[str, ...] = ()
    """The checks that do not, and names without a check."""
    others: tuple[Check, ...] = ()
    """The checks that accuse another requirement."""
    trouble: str = ""
    """Why there is no verdict, if there is none."""

    @property
    def has_problem(self) -> bool:
        """True if a check missed it, accused another requirement, or did not run."""
        return bool(self.missed_by or self.others or self.trouble)


def sort_verdicts(fault: RobustnessFault, checks: Iterable[Check]) -> Notice:
    """Sort the verdicts of a run with one row."""
    run = list(checks)
    noticed = tuple(one for one in run if _accuses(one, fault))
    silent = [one.check for one in run if not _accuses(one, fault)]
    silent += [
        name
        for name in fault.noticed_by
        if not any(name in (one.check, one.check.split("[")[0]) for one in run)
    ]
    others = tuple(
        one
        for one in run
        if one.outcome is Outcome.BROKEN and not set(one.broken) <= set(fault.breaks)
    )
    return Notice(fault, noticed, tuple(silent), others)


def _accuses(check: Check, fault: RobustnessFault) -> bool:
    return check.outcome is Outcome.BROKEN and bool(
        set(check.broken) & set(fault.breaks)
    )


def show(notices: Sequence[Notice]) -> list[str]:
    """Return the table and its totals."""
    width = max((len(one.fault.name) for one in notices), default=0)
    lines = []
    for one in notices:
        count = len(one.noticed_by)
        word = "check" if count == 1 else "checks"
        trouble = one.trouble and f"no verdict: {one.trouble}"
        trouble = trouble or f"noticed by {count} {word}"
        if one.noticed_by:
            trouble += f": {one_line(one.noticed_by[0].detail, 90)}"
        lines.append(f"{one.fault.name:{width}}  {one.fault.requirement}  {trouble}")
        lines += [f"{'':{width}}  MISSED by {name}" for name in one.missed_by]
        lines += [
            f"{'':{width}}  {other.check} accuses {', '.join(other.broken)}: "
            f"{one_line(other.detail, 90)}"
            for other in one.others
        ]
    failed = sum(one.has_problem for one in notices)
    checks = sum(len(one.noticed_by) for one in notices)
    lines.append(
        f"{len(notices)} faults of the robustness suite: {len(notices) - failed} "
        f"noticed as they should be, by {checks} checks; {failed} not"
    )
    return lines


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the option of a run on the faults of the robustness suite."""
    parser.add_argument(
        "--robustness",
        action="store_true",
        help="try the faults of suites/robustness instead, each against the checks "
        "that it names",
    )


def attempt(fault: RobustnessFault) -> Notice:
    """Run the checks that a row names against a target with that fault."""
    chosen = [f"{SUITE}/{name}" for name in fault.noticed_by]
    try:
        run = run_with(fault, chosen, _SECONDS)
    except RunError as error:
        return Notice(fault, trouble=str(error))
    return sort_verdicts(fault, run.checks)


def _in_short(notice: Notice) -> str:
    return f"{notice.fault.name}: {'PROBLEM' if notice.has_problem else 'noticed'}"


def main(options: argparse.Namespace) -> int:
    """Try the rows; return 1 if one is not noticed, or noticed wrongly.

    Raises:
        Misuse: the options name no row.
    """
    names: Sequence[str] = options.fault
    unknown = [name for name in names if name not in ROBUSTNESS_FAULTS]
    if unknown:
        raise Misuse(f"unknown fault: {', '.join(unknown)}")
    try:
        faults = shard(
            [ROBUSTNESS_FAULTS[name] for name in names or ROBUSTNESS_FAULTS],
            options.shard,
        )
    except ValueError as error:
        raise Misuse(str(error)) from error
    notices = side_by_side(faults, attempt, _in_short, jobs=options.jobs)
    print("\n".join(show(notices)))
    return int(any(one.has_problem for one in notices))
