# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.changes import changes, lineage, successions
from reports.compare import compare, lines, named
from reports.model import Check, Outcome, Run
from tests.reports.samples import ECHO, NEVER, TAG, broken, killed, passed, run_of

NAMES = ("old", "new")
REQUIREMENTS = st.sampled_from([ECHO, TAG, NEVER])
WORSE: Mapping[Outcome, tuple[Outcome, ...]] = {
    Outcome.PASSED: (
        Outcome.NOT_JUDGED,
        Outcome.WARNED,
        Outcome.DEVIATES,
        Outcome.BROKEN,
    ),
    Outcome.NOT_APPLICABLE: (Outcome.WARNED, Outcome.DEVIATES, Outcome.BROKEN),
    Outcome.NOT_JUDGED: (Outcome.WARNED, Outcome.BROKEN),
    Outcome.WARNED: (Outcome.BROKEN,),
    Outcome.DEVIATES: (Outcome.BROKEN,),
}


def checked(name: str, outcome: Outcome, requirement: str = ECHO) -> Check:
    if outcome in (Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES):
        return broken(name, requirement, outcome=outcome)
    return Check(check=name, outcome=outcome, requirements=(requirement,))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    outcomes = draw(st.lists(st.sampled_from(Outcome), min_size=1, max_size=12))
    return run_of(
        checked(f"a.py::test_{number}", outcome, draw(REQUIREMENTS))
        for number, outcome in enumerate(outcomes)
    )


@given(runs(), st.data())
def test_what_is_worse_in_a_copy_is_reported_exactly(
    run: Run, data: st.DataObject
) -> None:
    can = [check.check for check in run.checks if check.outcome in WORSE]
    chosen = data.draw(st.sets(st.sampled_from(can)) if can else st.just(set[str]()))
    copy = msgspec.structs.replace(
        run,
        checks=tuple(
            checked(
                check.check,
                data.draw(st.sampled_from(WORSE[check.outcome])),
                check.requirements[0],
            )
            if check.check in chosen
            else check
            for check in run.checks
        ),
    )

    compared = compare([run, copy])

    (changes_found,) = compared.changes
    assert {change.after.check for change in changes_found.worse} == chosen
    assert (
        changes_found.better,
        changes_found.other,
        changes_found.not_carried_out,
    ) == ((), (), ())
    assert (changes_found.appeared, changes_found.vanished) == ((), ())
    assert compared.has_regressed is bool(chosen)
    printed = "\n".join(lines(compared))
    assert all(f"worse: {name}: " in printed for name in chosen)
    assert printed.count("worse: ") == len(chosen)


@given(runs(), st.data())
def test_what_was_not_carried_out_is_no_regression(
    run: Run, data: st.DataObject
) -> None:
    stored = data.draw(st.lists(st.sampled_from(run.checks), unique_by=id))
    silent = [Outcome.TROUBLE, Outcome.NOT_RUN]
    other = msgspec.structs.replace(
        run,
        checks=(
            *(
                checked(check.check, data.draw(st.sampled_from(silent)), ECHO)
                for check in stored
            ),
            broken("new.py::test_new", NEVER),
        ),
        is_complete=False,
    )

    for pair in ([run, other], [other, run]):
        compared = compare(pair)
        assert not compared.has_regressed
        (changes_found,) = compared.changes
        assert "(incomplete)" in changes_found.after + changes_found.before
        assert len(changes_found.appeared) + len(changes_found.vanished) == (
            len(run.checks) - len(stored) + 1
        )


def test_a_death_is_worse_than_a_wrong_answer() -> None:
    old = run_of([broken("a.py::test_a")])
    new = run_of([broken("a.py::test_a", ending=killed())])

    (change,) = changes(old, new, NAMES).worse

    assert change.after.check == "a.py::test_a"
    assert changes(new, old, NAMES).worse == ()


def test_a_deviation_that_does_not_always_show_is_no_regression() -> None:
    shown = broken("a.py::test_a", outcome=Outcome.DEVIATES, varies=True)
    always = broken("a.py::test_a", outcome=Outcome.DEVIATES)
    held, failed = passed("a.py::test_a"), broken("a.py::test_a")

    for pair in ((shown, held), (held, shown), (shown, always)):
        changed = changes(run_of(pair[:1]), run_of(pair[1:]), NAMES)
        assert (changed.worse, changed.better) == ((), ())
    (change,) = changes(run_of([held]), run_of([shown]), NAMES).other
    assert change.after == shown
    assert changes(run_of([held]), run_of([always]), NAMES).worse
    assert changes(run_of([shown]), run_of([failed]), NAMES).worse


def test_findings_are_new_or_gone_by_their_causes() -> None:
    old = run_of([broken("a.py::test_a"), broken("a.py::test_b", TAG, "NOPIn")])
    new = run_of([broken("c.py::test_c"), *old.checks[:1], passed("a.py::test_b", TAG)])

    changes_found = changes(old, new, NAMES)

    assert changes_found.new_findings == ()
    assert [one.clauses for one in changes_found.gone_findings] == [(TAG,)]
    back = changes(new, old, NAMES)
    assert [one.clauses for one in back.new_findings] == [(TAG,)]


def test_a_finding_whose_checks_did_not_run_is_not_gone() -> None:
    old = run_of([broken("a.py::test_a")])
    new = run_of([checked("a.py::test_a", Outcome.NOT_RUN)], is_complete=False)

    assert changes(old, new, NAMES).gone_findings == ()


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ({"target": "tgt"}, {"target": "tgt", "target.version": "2"}, True),
        ({"target": "tgt"}, {"target": "lio"}, False),
        ({}, {}, False),
        ({"target": "iscsi"}, {"target": "iscsi"}, False),
        ({"target": "unknown"}, {"target": "unknown"}, False),
        (
            {"target": "iscsi", "target.names": "iqn.a", "target.portals": "::1"},
            {"target": "iscsi", "target.names": "iqn.a", "target.portals": "::1"},
            True,
        ),
        (
            {"target": "iscsi", "target.names": "iqn.a", "target.portals": "::1"},
            {"target": "iscsi", "target.names": "iqn.b", "target.portals": "::1"},
            False,
        ),
    ],
)
def test_only_runs_of_one_target_follow_each_other(
    first: dict[str, str], second: dict[str, str], is_one: bool
) -> None:
    pair = [run_of([], environment=first), run_of([], environment=second)]

    assert successions(pair) == ([(0, 1)] if is_one else [])


def test_a_label_says_which_target_it_is() -> None:
    runs = [run_of([], environment={}, label="mine") for _ in range(2)]

    assert successions(runs) == [(0, 1)]
    assert lineage(run_of([], environment={}, label="other")) != lineage(runs[0])


def test_an_incomplete_run_is_named_so() -> None:
    complete, part = (
        run_of([]),
        run_of([], is_complete=False, why_incomplete="a signal"),
    )

    assert named([complete, part, complete]) == [
        "tgt 1 #1",
        "tgt 1 #2 (incomplete)",
        "tgt 1 #3",
    ]
    assert "tgt 1 #2 (incomplete): a signal" in lines(compare([complete, part]))
