# SPDX-License-Identifier: GPL-2.0-only
"""Groups of habits, and who is to blame for a false alarm."""

import itertools

import pytest

from reftarget.habits import HABITS, Habit, are_compatible
from suites.fairness import Alarm, Trial, show
from suites.grouping import combination, culprits, few_groups, groups
from suites.mutants import main
from suites.shards import shard

ROWS = list(HABITS.values())


def habit(name: str, **fields: object) -> Habit:
    values = {"clause": "RFC 7143 13.2", "says": "", **fields}
    return Habit(name=name, **values)  # type: ignore[arg-type]


def met(made: list[list[Habit]]) -> set[frozenset[str]]:
    return {
        frozenset({one.name, other.name})
        for group in made
        for one, other in itertools.combinations(group, 2)
    }


def test_every_two_habits_meet_that_can() -> None:
    can = {
        frozenset({one.name, other.name})
        for one, other in itertools.combinations(ROWS, 2)
        if are_compatible(one, other)
    }

    assert met(groups(ROWS)) == can


def test_every_habit_that_takes_nothing_away_has_a_group_of_such() -> None:
    rich = {one.name for one in ROWS if not one.is_poor}
    group_list = [
        group for group in groups(ROWS) if not any(one.is_poor for one in group)
    ]

    assert {one.name for group in group_list for one in group} == rich


def test_every_habit_is_in_one_of_few_groups() -> None:
    group_list = few_groups(ROWS)

    assert {one.name for group in group_list for one in group} == set(HABITS)
    assert len(group_list) < len(groups(ROWS)) / 2
    for group in group_list:
        assert all(are_compatible(*pair) for pair in itertools.combinations(group, 2))
        assert len({one.is_poor for one in group}) == 1


def test_slow_habits_are_spread_over_few_groups() -> None:
    group_list = few_groups(ROWS)

    for habit in ROWS:
        if habit.is_slow:
            assert sum(habit in group for group in group_list) == 1
    assert max(sum(habit.is_slow for habit in group) for group in group_list) <= 3


def test_a_single_habit_is_a_group() -> None:
    assert groups(ROWS[:1]) == [ROWS[:1]]


def test_a_combination_is_the_same_for_the_same_seed() -> None:
    one = combination(ROWS, 7)

    assert one == combination(ROWS, 7)
    assert one != combination(ROWS, 8)
    assert all(are_compatible(*pair) for pair in itertools.combinations(one, 2))


@pytest.mark.parametrize("guilty", [{"h3"}, {"h0", "h9"}, {"h2", "h5", "h6"}])
def test_the_fewest_habits_are_blamed(guilty: set[str]) -> None:
    group = [habit(f"h{number}") for number in range(10)]

    culprits_found = culprits(
        group, lambda subset: guilty <= {one.name for one in subset}
    )

    assert {one.name for one in culprits_found} == guilty


def test_a_shard_is_each_nth_task() -> None:
    tasks = [(one,) for one in ROWS[:7]]

    assert [*shard(tasks, "1/3"), *shard(tasks, "2/3"), *shard(tasks, "3/3")] == [
        tasks[number] for number in (0, 3, 6, 1, 4, 2, 5)
    ]
    assert shard(tasks, "") == tasks


@pytest.mark.parametrize("part", ["2", "0/2", "3/2", "a/b", "1/0"])
def test_a_shard_that_makes_no_sense_is_reported(part: str) -> None:
    with pytest.raises(ValueError, match=f"--shard {part}"):
        shard([], part)


def test_the_table_charges_losses_to_those_that_take_away() -> None:
    poor, rich = habit("poor", is_poor=True), habit("rich")
    alarm = Alarm("a::b", "broken: why", ("rich",))
    lines = show(
        [Trial((poor, rich), frozenset({"c::d"}), (alarm,)), Trial((rich,))],
    )

    assert lines == [
        "poor  RFC 7143 13.2              1 not applicable, 0 false alarms",
        "rich  RFC 7143 13.2              0 not applicable, 1 false alarms",
        "      a::b (rich): broken: why",
        "2 habits in 2 runs: 1 false alarms, 0 runs without a verdict",
    ]


def test_missing_verdicts_and_unrepeated_failures_are_reported() -> None:
    lines = show(
        [
            Trial((habit("one"),), trouble="not done in 900 s"),
            Trial((habit("two"),), alarms=(Alarm("a::b", "trouble: late"),)),
        ]
    )

    assert lines[2:] == [
        "not reproduced: a::b: trouble: late",
        "no verdict with one: not done in 900 s",
        "2 habits in 2 runs: 1 false alarms, 1 runs without a verdict",
    ]


def test_an_unknown_habit_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--habits", "no-such-habit"]) == 2
    assert capsys.readouterr().err == (
        "python -m suites.mutants: unknown habit: no-such-habit\n"
    )


@pytest.mark.parametrize("option", [["--habits"], ["--lost"]])
def test_a_part_that_is_not_there_is_reported_in_one_line(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*option, "--only", "suites/conformance/login"]) == 2
    assert capsys.readouterr().err == (
        "python -m suites.mutants: there is no suites/conformance/login below "
        "suites/conformance\n"
    )


@pytest.mark.integration
def test_a_sample_of_habits_passes(capsys: pytest.CaptureFixture[str]) -> None:
    names = [one.name for one in combination(ROWS, 1)]

    code = main(["--habits", *names, "--only", "login", "--only", "nop"])

    printed = capsys.readouterr().out
    assert code == 0, printed
    assert f"{len(names)} habits in" in printed
    assert "0 false alarms, 0 runs without a verdict" in printed
