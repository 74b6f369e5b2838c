# SPDX-License-Identifier: GPL-2.0-only
"""The power to detect: each fault of the reference target against the suite.

`iscsi-assay faults` runs, for every fault, the checks of the requirement that it
breaks and a sample of the others. A fault that no check of its requirement notices is
missed; a check of another requirement that fails is a false alarm, unless the fault or
the check says why it must (`also` of its row, or `BROAD`).
"""

import argparse
import heapq
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from iscsi_assay.parser import USAGE, Command, Misuse, Parser, examples
from reftarget.faults import FAULTS, Fault
from reports import model
from reports.combinations import set_of
from reports.coverage import Collected, CoverageError, collect_items
from reports.findings import Finding, findings
from reports.model import Check
from reports.printable import one_line
from reports.run import RunFileError, read
from suites import fairness, losses, robustness_faults
from suites.reference_run import SUITE, RunError, run_with
from suites.shards import shard
from suites.side_by_side import side_by_side

SAMPLE = 20
"""How many checks of other requirements run against a fault."""

_SECONDS = 300
_ROWS = 10
"""The sample where a check runs with each row: as many runs in total."""
_NOTICES = frozenset({model.Outcome.BROKEN, model.Outcome.WARNED})

BROAD: Mapping[str, str] = {
    "data/test_combinations.py": "whole transfers: any broken rule of theirs shows",
}
"""Checks that rightly notice other requirements' faults, each with the reason."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of the suite with one fault."""

    fault: Fault
    concerned: int
    """The number of checks of its requirements."""
    noticed_by: list[str] = field(default_factory=list)
    missed: tuple[str, ...] = ()
    """Its requirements whose checks have all missed it."""
    false_alarms: list[str] = field(default_factory=list)
    misnamed: str = ""
    """What is wrong in the combinations of the failures; or empty."""
    trouble: str = ""
    """Why there is no verdict, if there is none."""
    findings: tuple[Finding, ...] = ()
    """The findings of the run."""

    @property
    def names_the_clause(self) -> bool:
        """True if the first finding names a requirement that the fault breaks."""
        return bool(self.findings) and not set(self.fault.requirements).isdisjoint(
            self.findings[0].clauses[:1]
        )

    @property
    def is_missed(self) -> bool:
        """True if one of its requirements has checks and none of them failed."""
        return bool(self.missed) and not self.trouble

    @property
    def has_problem(self) -> bool:
        """True if it was missed or not tried, or if an alarm or a clause is wrong."""
        return bool(
            self.is_missed or self.trouble or self.false_alarms or self.misnamed
        )


def choose(
    fault: Fault, checks: Mapping[str, list[str]], sample: int
) -> tuple[list[str], list[str]]:
    """Return the checks of a fault's requirement, and a sample of the others.

    The sample is the same in every run; a new check changes it by at most itself.
    """
    noticing = {
        name: None for one in fault.requirements for name in checks.get(one, [])
    }
    concerned = list(noticing)
    others = sorted({name for names in checks.values() for name in names})
    others = [name for name in others if name not in concerned]
    return concerned, heapq.nsmallest(
        sample, others, key=lambda name: zlib.crc32(f"{fault.name} {name}".encode())
    )


def try_fault(
    fault: Fault, suite: Collected, sample: int, runs: Path | None = None
) -> Outcome:
    """Run the suite against the reference target with one fault.

    The checks of its requirements run with all their parameters, the others with one. A
    fault that needs a combination is tried at strength 3, where each check has many
    runs, so the sample is smaller.

    Args:
        fault: the fault.
        suite: the checks.
        sample: how many checks of other requirements run.
        runs: the folder that keeps each fault's run; a run that is there is read
            instead of trying the fault.
    """
    checks = suite.checks
    concerned, others = choose(fault, checks, _sample_of(fault, sample))
    if not concerned:
        return Outcome(fault, 0)
    # The collected parameter sets contain no combination.
    examples = others if fault.needs else [suite.first[name] for name in others]
    selected = [*concerned, *examples]
    try:
        run = run_with(fault, selected, _SECONDS, runs)
    except RunError as error:
        return Outcome(fault, len(concerned), trouble=str(error))
    outcome = sort_verdicts(fault, concerned, run.checks, checks)
    return replace(outcome, findings=findings(run))


def _sample_of(fault: Fault, sample: int) -> int:
    """Return how many checks of other requirements run against a fault."""
    return -(-sample // _ROWS) if fault.needs else sample


def collected(
    fault: Fault, suite: Collected, sample: int, folders: Sequence[Path]
) -> Outcome:
    """Judge the run of a fault that one of several folders contains.

    Args:
        fault: the fault.
        suite: the checks.
        sample: how many checks of other requirements had to run.
        folders: those of --runs; of several runs the latest counts.
    """
    concerned, others = choose(fault, suite.checks, _sample_of(fault, sample))
    if not concerned:
        return Outcome(fault, 0)
    files = [folder / f"{fault.name}.json" for folder in folders]
    try:
        runs = [read(path) for path in files if path.exists()]
    except RunFileError as error:
        return Outcome(fault, len(concerned), trouble=str(error))
    if not runs:
        return Outcome(fault, len(concerned), trouble="no run of it is kept")
    run = max(runs, key=lambda one: one.started)
    ran = {one.check.partition("[")[0] for one in run.checks}
    needed = {name.removeprefix(f"{SUITE}/").partition("[")[0] for name in concerned}
    needed |= {name.removeprefix(f"{SUITE}/").partition("[")[0] for name in others}
    if needed - ran:
        missing = min(needed - ran)
        trouble = f"its run is of another state of the suite: {missing} did not run"
        return Outcome(fault, len(concerned), trouble=trouble)
    outcome = sort_verdicts(fault, concerned, run.checks, suite.checks)
    return replace(outcome, findings=findings(run))


def sort_verdicts(
    fault: Fault,
    concerned: Sequence[str],
    judged: Sequence[Check],
    checks: Mapping[str, list[str]],
) -> Outcome:
    """Sort the verdicts of a run with one fault into notices and false alarms.

    A fault may break several clauses by one act, and a failure accuses one of them. A
    check that carries another one of them has noticed that one, too.
    """
    failed = [item for item in judged if item.outcome in _NOTICES]
    noticing = [item for item in failed if _concerns(item, fault)]
    shown_names = {
        name for item in noticing for name in (*item.broken, *item.requirements)
    }
    # A check that is not judged failed for the same reason as the proof of its
    # foundation.
    unjudged = [item for item in judged if item.outcome is model.Outcome.NOT_JUDGED]
    shown_names |= {name for item in unjudged for name in item.requirements}
    outcome = Outcome(
        fault,
        len(concerned),
        missed=tuple(
            name
            for name in fault.requirements
            if checks.get(name) and name not in shown_names
        ),
    )
    for item in failed:
        if _concerns(item, fault):
            outcome.noticed_by.append(item.check)
        elif not fault.also and not item.check.startswith(tuple(BROAD)):
            outcome.false_alarms.append(item.check)
    return replace(outcome, misnamed=_misnamed(fault, noticing))


def _misnamed(fault: Fault, noticing: Sequence[Check]) -> str:
    """Return what is wrong with the combinations of failures, or an empty text.

    One of them must be exactly the combination that the fault needs, and none may be
    empty: a check may set some of its keys itself, but plain sessions must not show the
    fault.
    """
    if not fault.needs or not noticing:
        return ""
    plain = [item.check for item in noticing if not set_of(item)]
    if plain:
        return f"{plain[0]} shows it with the default"
    named = {set_of(item) for item in noticing}
    if fault.needs in named:
        return ""
    return "no failure names its combination, but " + " or ".join(
        " + ".join(one) for one in sorted(named)
    )


def _concerns(item: Check, fault: Fault) -> bool:
    """Tell whether a check accuses or carries a requirement that a fault breaks."""
    named = {*item.broken, *item.requirements}
    return not named.isdisjoint(fault.requirements)


def show(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the table and its totals."""
    width = max(len(outcome.fault.name) for outcome in outcomes)
    lines = []
    for outcome in outcomes:
        if outcome.trouble:
            effect = f"stops the run: {outcome.trouble}"
        elif not outcome.concerned:
            effect = "no check of its requirement yet"
        elif outcome.is_missed:
            effect = (
                f"MISSED by {outcome.concerned} checks: {', '.join(outcome.missed)}"
            )
        else:
            at = f" at strength {outcome.fault.strength}" if outcome.fault.needs else ""
            number = len(outcome.noticed_by)
            effect = f"noticed{at} by {number}: {outcome.noticed_by[0]}"
        lines.append(
            f"{outcome.fault.name:{width}}  {outcome.fault.requirement:22} {effect}"
        )
        lines += [f"{'':{width}}  false alarm: {name}" for name in outcome.false_alarms]
        if outcome.misnamed:
            lines.append(f"{'':{width}}  WRONG COMBINATION: {outcome.misnamed}")
    noticed = sum(bool(outcome.noticed_by) for outcome in outcomes)
    missed = sum(outcome.is_missed for outcome in outcomes)
    alarms = sum(len(outcome.false_alarms) for outcome in outcomes)
    stops = sum(bool(outcome.trouble) for outcome in outcomes)
    bare = sum(not outcome.concerned for outcome in outcomes)
    misnamed = sum(bool(outcome.misnamed) for outcome in outcomes)
    lines.append(
        f"{len(outcomes)} faults: {noticed} noticed, {missed} missed, {stops} stop the "
        f"run before a check, {bare} without a check; {alarms} false alarms"
        + (f", {misnamed} wrong combinations" if misnamed else "")
    )
    return lines


def show_findings(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the findings of each fault's run, their number, and the totals."""
    tried = [one for one in outcomes if one.concerned and not one.trouble]
    width = max((len(one.fault.name) for one in tried), default=0)
    lines = []
    for one in tried:
        first = "the right clause" if one.names_the_clause else "ANOTHER CLAUSE"
        word = first if one.findings else "NO FINDING"
        lines.append(f"{one.fault.name:{width}}  {len(one.findings):2}  {word}")
        if len(one.findings) == 1 and one.names_the_clause:
            continue
        lines += [
            f"{'':{width}}      {', '.join(finding.clauses)} ({len(finding.checks)} "
            f"checks, such as {finding.example.check}): {one_line(finding.actual, 100)}"
            for finding in one.findings
        ]
    single = sum(len(one.findings) == 1 for one in tried)
    right = sum(one.names_the_clause for one in tried)
    total = sum(len(one.findings) for one in tried)
    lines.append(
        f"{len(tried)} faults, {total} findings: {single} faults show exactly one, the "
        f"first finding of {right} names the right clause"
    )
    return lines


def _try_all(
    faults: Sequence[Fault], suite: Collected, options: argparse.Namespace
) -> list[Outcome]:
    """Try faults in parallel, then each failed one once more, alone."""
    stored = {path.stem for path in options.runs.glob("*.json")} if options.runs else ()

    def attempt(fault: Fault) -> Outcome:
        return try_fault(fault, suite, options.sample, options.runs)

    first = side_by_side(faults, attempt, _in_short, jobs=options.jobs)
    outcomes = {outcome.fault.name: outcome for outcome in first}
    # A busy machine may cause timeouts, so try these again one by one.
    retried = [
        outcome.fault
        for outcome in first
        if outcome.has_problem and outcome.fault.name not in stored
    ]
    if options.runs is not None:
        for fault in retried:
            (options.runs / f"{fault.name}.json").unlink(missing_ok=True)
    for outcome in side_by_side(retried, attempt, _in_short, jobs=1):
        outcomes[outcome.fault.name] = outcome
    return list(outcomes.values())


def _in_short(outcome: Outcome) -> str:
    problem = outcome.trouble or outcome.misnamed
    word = "MISSED" if outcome.is_missed else problem or "noticed"
    return f"{outcome.fault.name}: {word}"


def main(arguments: list[str] | None = None) -> int:
    """Try the faults; return 1 if one is missed or untried, or a check is wrong."""
    return FAULTS_COMMAND.run("python -m suites.mutants", arguments)


def describe(parser: Parser) -> None:
    """Fill the parser of `faults`."""
    parser.description = (
        "Runs the suite against each fault of the reference target: the checks of "
        "the requirements that the fault breaks, and a sample of the others. A fault "
        "that no check of its requirement notices is missed.\n\nExit codes: 0 every "
        "fault is noticed, 1 a fault is missed or was not tried, or a check fails "
        "without a reason, 2 a wrong argument."
    )
    parser.epilog = examples(
        "%(prog)s abort-task-leaves-the-gap", "%(prog)s --habits", "%(prog)s -j 4"
    )
    parser.add_argument(
        "fault", nargs="*", help="the faults (or habits) to try; all by default"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=SAMPLE,
        metavar="N",
        help="how many checks of other requirements run with each fault (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--jobs",
        "-j",
        type=int,
        default=2,
        metavar="N",
        help="how many faults are tried in parallel (default: %(default)s)",
    )
    parser.add_argument(
        "--findings",
        action="store_true",
        help="also print the findings of each fault's run",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="keep each fault's run in this folder, and skip faults whose run is there",
    )
    parser.add_argument(
        "--collect",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="run nothing: judge the runs in this folder of --runs (may be repeated, "
        "one for each part), and name each fault without a run",
    )
    fairness.add_options(parser)
    losses.add_options(parser)
    robustness_faults.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Try the faults or habits that the options name; return the exit code.

    Raises:
        Misuse: an option names an unknown fault or part.
        CoverageError: the suite cannot be collected.
    """
    if options.habits:
        return fairness.main(options)
    if options.robustness:
        return robustness_faults.main(options)
    faults = dict(FAULTS)
    unknown = [name for name in options.fault if name not in faults]
    if unknown:
        raise Misuse(f"unknown fault: {', '.join(unknown)}")
    try:
        chosen = shard(
            [faults[name] for name in options.fault or faults], options.shard
        )
    except ValueError as error:
        raise Misuse(str(error)) from error
    if options.lost:
        return losses.main(options)
    suite = collect_items()
    outcomes = (
        [collected(fault, suite, options.sample, options.collect) for fault in chosen]
        if options.collect
        else _try_all(chosen, suite, options)
    )
    if options.findings:
        print("\n".join(show_findings(outcomes)))
    print("\n".join(show(outcomes)))
    return int(any(one.has_problem for one in outcomes))


FAULTS_COMMAND = Command(
    "run the suite against each fault of the reference target",
    describe,
    {CoverageError: (USAGE, str)},
)


if __name__ == "__main__":
    sys.exit(main())
