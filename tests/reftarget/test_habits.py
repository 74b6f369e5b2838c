# SPDX-License-Identifier: GPL-2.0-only
"""The habits: each names a clause that there is, and each does something."""

from dataclasses import replace

import pytest

from iscsi.keys import KEYS
from iscsi.negotiation import is_admissible
from iscsi.text import parse_list
from reftarget.config import ARCHITECTURE, OWN_VALUES, Limits
from reftarget.habits import (
    HABITS,
    UnknownHabitError,
    are_compatible,
    configured,
    named,
    rules_with,
)
from reftarget.rules import RULES
from reftarget.variants import VariantError, apply_variants
from spec import load
from targets.model import FEATURES
from tests.reftarget.peer import config

SECTIONS = {f"{entry.document} {entry.section}" for entry in load().values()}


@pytest.mark.parametrize("name", HABITS)
def test_the_clause_of_a_habit_is_in_the_catalogue(name: str) -> None:
    assert HABITS[name].clause in SECTIONS


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_says_what_it_does_in_a_sentence(name: str) -> None:
    says = HABITS[name].says

    assert says[0].isupper()
    assert says.endswith(".")


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_changes_the_target(name: str) -> None:
    base = config(habits=(name,), keys={**OWN_VALUES, ARCHITECTURE: "a"})

    changed = replace(configured(base), habits=())

    is_visible = changed != replace(base, habits=())
    rows = [HABITS[name]]
    assert is_visible or rules_with(apply_variants(RULES, rows), rows) != RULES


def test_no_two_habits_do_the_same() -> None:
    collected: dict[str, str] = {}
    for habit in HABITS.values():
        assert collected.setdefault(habit.says, habit.name) == habit.name


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_chooses_what_a_target_may_choose(name: str) -> None:
    habit = HABITS[name]

    for key, value in habit.keys.items():
        row = KEYS[key]
        is_list = all(item in row.choices for item in parse_list(value))
        assert is_admissible(row, value) or (row.choices and is_list)
    assert set(habit.limits) <= set(Limits.__dataclass_fields__)
    assert habit.lacks <= FEATURES.keys()
    assert all(other in HABITS for other in habit.apart_from)


def test_an_unknown_habit_is_named() -> None:
    with pytest.raises(UnknownHabitError, match="there is no 'no-such-habit'"):
        named(["no-such-habit"])


def test_habits_of_one_key_are_refused_in_one_line() -> None:
    with pytest.raises(VariantError, match="one-connection and two-connections"):
        named(["one-connection", "two-connections"])


def test_habits_of_other_things_go_together() -> None:
    one, other = HABITS["one-connection"], HABITS["no-recovery"]

    assert are_compatible(one, other)
    assert not are_compatible(one, HABITS["two-connections"])
    keys = configured(config(habits=(one.name, other.name))).keys
    assert (keys["MaxConnections"], keys["ErrorRecoveryLevel"]) == ("1", "0")
