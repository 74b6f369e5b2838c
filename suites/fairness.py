# SPDX-License-Identifier: GPL-2.0-only
"""The fairness of the suite: it accepts each habit of the reference target.

`iscsi-assay faults --habits` runs the whole suite against the reference target with
groups of habits on (`suites.grouping`). A check that fails, warns or ends as trouble is
a false alarm, and further runs of that check find the habits that cause it. "Not
applicable" is right if a habit removes a feature; the table says how many checks that
costs.
"""

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iscsi_assay.parser import Misuse
from reftarget.habits import HABITS, Habit
from reports import model
from reports.model import Check
from reports.printable import one_line
from suites.grouping import combination, culprits, few_groups, groups
from suites.reference_run import SUITE, RunError, arguments, run, selection
from suites.shards import shard
from suites.side_by_side import side_by_side

_SECONDS = 900
_SEARCH_SECONDS = 300
_ALARMS = frozenset(
    {
        model.Outcome.BROKEN,
        model.Outcome.WARNED,
        model.Outcome.NOT_JUDGED,
        model.Outcome.TROUBLE,
        model.Outcome.NOT_RUN,
    }
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A check that complains about legal behaviour."""

    check: str
    why: str
    """The complaint, in one line."""
    habits: tuple[str, ...] = ()
    """The fewest habits that cause it; empty if it could not be reproduced."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of the suite with some habits."""

    habits: tuple[Habit, ...]
    lost: frozenset[str] = frozenset()
    """The checks that are not applicable only because of the habits."""
    alarms: tuple[Alarm, ...] = ()
    trouble: str = ""
    """Why there is no verdict, if there is none."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its habits."""
        return tuple(habit.name for habit in self.habits)


@dataclass(slots=True)
class Runner:
    """Runs the suite, or some checks of it, against the reference target."""

    selection: Sequence[str] = (SUITE,)
    """The selected parts of the suite: folders, files or node IDs."""
    inapplicable: frozenset[str] = frozenset()
    """The checks that are not applicable without habits."""
    options: Sequence[str] = field(default_factory=tuple)
    """Further options of pytest."""

    def run(
        self, habits: Iterable[Habit], checks: Sequence[str] | None = None
    ) -> dict[str, Check]:
        """Return the verdicts of checks, by node ID.

        Args:
            habits: the enabled habits.
            checks: the checks; None for the whole selection.

        Raises:
            RunError: there are none.
        """
        chosen = self.selection if checks is None else checks
        names = [habit.name for habit in habits]
        limit = _SECONDS if checks is None else _SEARCH_SECONDS
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "verdicts.json"
            words = arguments(chosen, path, habits=names, options=self.options)
            return {one.check: one for one in run(words, path, limit).checks}

    def note_baseline(self) -> list[Alarm]:
        """Record what is not applicable without habits; return what complains then.

        Raises:
            RunError: the suite does not run.
        """
        judged = self.run(())
        self.inapplicable = _inapplicable(judged)
        return [_alarm(one) for one in judged.values() if _complains(one, ())]

    def try_habits(self, habits: Sequence[Habit]) -> Trial:
        """Run the suite with habits, and find the causes of the complaints."""
        group = tuple(habits)
        try:
            judged = self.run(group)
        except RunError as error:
            return Trial(group, trouble=str(error))
        alarms = [_alarm(one) for one in judged.values() if _complains(one, group)]
        return Trial(
            group,
            lost=_inapplicable(judged) - self.inapplicable,
            alarms=tuple(self._explain(group, alarms)),
        )

    def _explain(
        self, group: Sequence[Habit], alarms: Sequence[Alarm]
    ) -> Iterable[Alarm]:
        """Yield alarms with the habits that cause them.

        Each cause is searched for once; other alarms that it explains are not searched
        again.
        """
        unexplained = {alarm.check: alarm for alarm in alarms}
        while unexplained:
            check = next(iter(unexplained))
            explanation: Sequence[Habit] = ()
            if self._complaints(group, [check]):
                explanation = self._culprits(group, check)
            names = tuple(habit.name for habit in explanation)
            same = {check}
            if explanation:
                same |= self._complaints(explanation, list(unexplained))
            for name in sorted(same & unexplained.keys()):
                alarm = unexplained.pop(name)
                yield Alarm(alarm.check, alarm.why, names)

    def _culprits(self, group: Sequence[Habit], check: str) -> list[Habit]:
        return culprits(group, lambda habits: bool(self._complaints(habits, [check])))

    def _complaints(self, habits: Sequence[Habit], checks: Sequence[str]) -> set[str]:
        """Return which of the checks complain; all of them if there is no verdict."""
        try:
            judged = self.run(habits, [f"{SUITE}/{name}" for name in checks])
        except RunError:
            return set(checks)
        return {one.check for one in judged.values() if _complains(one, habits)}


def _inapplicable(judged: Mapping[str, Check]) -> frozenset[str]:
    return frozenset(
        name
        for name, one in judged.items()
        if one.outcome is model.Outcome.NOT_APPLICABLE
    )


def _complains(one: Check, habits: Iterable[Habit]) -> bool:
    """Tell whether a verdict is a false alarm; the warning of a SHOULD may be right."""
    if one.outcome is model.Outcome.WARNED and one.broken:
        passed_over = frozenset[str]().union(*(habit.may_warn for habit in habits))
        return not passed_over.issuperset(one.broken)
    return one.outcome in _ALARMS


def _alarm(one: Check) -> Alarm:
    reason = one.reason
    if one.failure is not None:
        reason = f"{one.failure.requirement}: {one.failure.actual}"
    return Alarm(one.check, f"{one.outcome}: {one_line(reason, 160)}")


def show(trials: Sequence[Trial]) -> list[str]:
    """Return the table: habit, clause, lost checks, false alarms; and the totals.

    The checks that a group loses are charged to those of its habits that remove a
    feature.
    """
    alarms: dict[str, list[Alarm]] = {}
    losses: dict[str, int] = {}
    tried: dict[str, Habit] = {}
    for trial in trials:
        payers = [one.name for one in trial.habits if one.is_poor] or trial.names
        for habit in trial.habits:
            tried[habit.name] = habit
        for name in payers:
            losses[name] = min(losses.get(name, len(trial.lost)), len(trial.lost))
        for alarm in trial.alarms:
            for name in alarm.habits:
                alarms.setdefault(name, []).append(alarm)
    width = max((len(name) for name in tried), default=0)
    lines = []
    for name, habit in tried.items():
        by_check = {alarm.check: alarm for alarm in alarms.get(name, [])}
        lines.append(
            f"{name:{width}}  {habit.clause:22} {losses.get(name, 0):5} not applicable,"
            f" {len(by_check)} false alarms"
        )
        lines += [
            f"{'':{width}}  {one.check} ({' + '.join(one.habits)}): {one.why}"
            for one in by_check.values()
        ]
    return [*lines, *_sums(trials, len(tried))]


def _sums(trials: Sequence[Trial], habits: int) -> list[str]:
    every = [alarm for trial in trials for alarm in trial.alarms]
    lines = [
        f"not reproduced: {one.check}: {one.why}" for one in every if not one.habits
    ]
    lines += [
        f"no verdict with {' '.join(trial.names)}: {trial.trouble}"
        for trial in trials
        if trial.trouble
    ]
    stopped = sum(bool(trial.trouble) for trial in trials)
    false = len({(alarm.check, alarm.habits) for alarm in every})
    lines.append(
        f"{habits} habits in {len(trials)} runs: {false} false alarms, {stopped} runs "
        "without a verdict"
    )
    return lines


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run with habits."""
    parser.add_argument(
        "--habits",
        action="store_true",
        help="try the target's habits (legal behaviours) instead of its faults; "
        "FAULT then names a habit",
    )
    parser.add_argument(
        "--alone", action="store_true", help="with --habits: try each habit alone"
    )
    parser.add_argument(
        "--few",
        action="store_true",
        help="with --habits: try each habit in at least one group, but not each pair",
    )
    parser.add_argument(
        "--combinations",
        type=int,
        default=0,
        metavar="N",
        help="with --habits: try N combinations of habits drawn at random",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="S",
        help="seed of the random combinations",
    )
    parser.add_argument(
        "--shard",
        default="",
        metavar="K/N",
        help="try every N-th fault or habit, beginning with the K-th",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATH",
        help="with --habits or --lost: run this file or folder below "
        f"{SUITE} (may be repeated)",
    )


def _in_short(trial: Trial) -> str:
    word = trial.trouble or f"{len(trial.alarms)} false alarms"
    return (
        f"{len(trial.habits)} habits ({trial.names[0]} ...): {word}, "
        f"{len(trial.lost)} not applicable"
    )


def main(options: argparse.Namespace) -> int:
    """Try habits; return 1 if there was a false alarm or a run without a verdict."""
    names: Sequence[str] = options.fault
    unknown = [name for name in names if name not in HABITS]
    if unknown:
        raise Misuse(f"unknown habit: {', '.join(unknown)}")
    habits = [HABITS[name] for name in names] or list(HABITS.values())
    try:
        tasks = shard(_tasks(habits, options), options.shard)
    except ValueError as error:
        raise Misuse(str(error)) from error
    try:
        runner = Runner(selection=selection(options.only))
    except RunError as error:
        raise Misuse(str(error)) from error
    try:
        baseline = runner.note_baseline()
    except RunError as error:
        raise Misuse(f"the suite does not run: {error}") from error
    for alarm in baseline:
        print(f"without a habit: {alarm.check}: {alarm.why}")
    trials = side_by_side(tasks, runner.try_habits, _in_short, jobs=options.jobs)
    print("\n".join(show(trials)))
    has_alarm = any(trial.alarms or trial.trouble for trial in trials)
    return int(bool(has_alarm or baseline))


def _tasks(
    habits: Sequence[Habit], options: argparse.Namespace
) -> Sequence[tuple[Habit, ...]]:
    if options.alone:
        return [(habit,) for habit in habits]
    if options.combinations:
        first = options.seed * 1_000_000
        drawn = (
            combination(habits, first + number)
            for number in range(options.combinations)
        )
        return [tuple(one) for one in drawn if one]
    grouped = few_groups(habits) if options.few else groups(habits)
    return [tuple(group) for group in grouped]
