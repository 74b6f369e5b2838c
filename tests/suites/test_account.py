# SPDX-License-Identifier: GPL-2.0-only
"""What is kept of a check: its failure, its ending, and the clauses that it breaks."""

import pytest

import targets
from initiator.expect import ConformanceFailure, failure_of
from iscsi.errors import ConnectionLost, ISCSIError, PeerTimeout
from reports.model import Ending, EndingKind, Failure, Outcome, Phase
from spec import load
from suites.judging.account import (
    Account,
    drop_of,
    ending_value,
    failure_value,
    hang,
)
from suites.judging.known import Deviation, KnownCrash
from suites.judging.verdict import Happening, Retry, judge

FIRST, SECOND = load()["RFC7143-11.19-02"], load()["RFC7143-11.19-04"]
FAILED = Failure(requirement=SECOND.id, expected=("x",), actual="y")
DIED = Ending(kind=EndingKind.EXITED, reason="killed by SIGKILL", signal="SIGKILL")
DEVIATION = Deviation(
    requirement=FIRST.id,
    checks=("*",),
    what="dies of it",
    why="why",
    version="1",
    dies="SIGKILL",
)
CRASH = KnownCrash(
    requirement=FIRST.id,
    checks=("*",),
    what="loses a race",
    why="why",
    version="1",
    says="BUG",
)


def account_of(*happenings: Happening) -> Account:
    account = Account()
    for happening in happenings:
        account.take(happening, judge(happening))
    return account


def test_a_failure_breaks_the_clause_of_its_expectation_alone() -> None:
    check = account_of(Happening(phase=Phase.CALL, failure=FAILED)).to_check(
        "nop/a.py::t", "It does.", [FIRST, SECOND]
    )

    assert check.outcome is Outcome.BROKEN
    assert check.requirements == (FIRST.id, SECOND.id)
    assert check.broken == (SECOND.id,)


@pytest.mark.parametrize("always", [True, False])
def test_a_deviation_that_does_not_always_show_is_kept_so(always: bool) -> None:
    deviation = Deviation(
        requirement=SECOND.id,
        checks=("*",),
        what="forgets it",
        why="why",
        version="1",
        always=always,
    )

    check = account_of(
        Happening(phase=Phase.CALL, failure=FAILED, deviation=deviation)
    ).to_check("nop/a.py::t", "", [FIRST, SECOND])

    assert check.outcome is Outcome.DEVIATES
    assert check.varies is not always


def test_a_death_without_a_failure_breaks_all_that_the_check_carries() -> None:
    account = account_of(Happening(phase=Phase.TEARDOWN, ending=DIED))
    check = account.to_check("nop/a.py::t", "", [FIRST, SECOND])

    assert check.broken == (FIRST.id, SECOND.id)
    assert check.ending == DIED
    assert check.target_died
    assert check.detail == "killed by SIGKILL"


def test_an_error_of_ours_breaks_nothing() -> None:
    check = account_of(Happening(phase=Phase.CALL, is_ours=True)).to_check(
        "nop/a.py::t", "", [FIRST]
    )

    assert (check.outcome, check.broken) == (Outcome.TROUBLE, ())


def test_a_known_crash_leaves_no_ending_that_would_be_a_finding() -> None:
    account = account_of(
        Happening(phase=Phase.CALL, failure=FAILED, ending=DIED, crash=CRASH)
    )
    check = account.to_check("nop/a.py::t", "", [FIRST])

    assert account.retry is Retry.YES
    assert check.ending is None
    assert check.crashes == ("loses a race",)
    assert check.deviation == "loses a race (this has cut the check short)"


@pytest.mark.parametrize("phase", [Phase.CALL, Phase.AFTER, Phase.TEARDOWN])
def test_a_known_death_has_its_ending(phase: Phase) -> None:
    failure = FAILED if phase is Phase.CALL else None
    happening = Happening(
        phase=phase, failure=failure, ending=DIED, deviation=DEVIATION
    )
    check = account_of(happening).to_check("nop/a.py::t", "", [FIRST])

    assert (check.outcome, check.ending) == (Outcome.DEVIATES, DIED)
    assert check.deviation == DEVIATION.what


def test_a_known_death_after_another_failure_is_not_what_the_check_shows() -> None:
    account = account_of(
        Happening(phase=Phase.CALL, failure=FAILED),
        Happening(
            phase=Phase.TEARDOWN,
            ending=DIED,
            deviation=DEVIATION,
            before=Outcome.BROKEN,
        ),
    )
    check = account.to_check("nop/a.py::t", "", [FIRST])

    assert (check.outcome, check.ending) == (Outcome.BROKEN, None)


def test_a_crash_that_is_provoked_has_its_ending() -> None:
    account = account_of(
        Happening(
            phase=Phase.CALL,
            failure=FAILED,
            ending=DIED,
            crash=CRASH,
            is_provoked=True,
        )
    )
    check = account.to_check("nop/a.py::t", "", [FIRST])

    assert (check.outcome, check.ending) == (Outcome.DEVIATES, DIED)


def test_a_failure_without_a_clause_is_of_the_first_requirement() -> None:
    value = failure_value(ConformanceFailure("x", "y"), [FIRST, SECOND])
    named = failure_value(
        ConformanceFailure("x", "y", requirement=SECOND.id), [FIRST, SECOND]
    )

    assert value.requirement == FIRST.id
    assert named.requirement == SECOND.id


@pytest.mark.parametrize(
    ("error", "closed_by"),
    [
        (ConnectionLost("gone", reset=True), "RST"),
        (ConnectionLost("gone", reset=False), "FIN"),
        (PeerTimeout("no PDU", waited=1.0), None),
    ],
)
def test_a_lost_connection_says_how_it_was_closed(
    error: ISCSIError, closed_by: str | None
) -> None:
    failure = failure_of(error, None)
    failure.__cause__ = error

    ending = drop_of(failure)

    assert (None if ending is None else ending.closed_by) == closed_by
    if ending is not None:
        assert ending.kind is EndingKind.DROPPED
        assert (
            not account_of(Happening(phase=Phase.CALL, failure=FAILED, ending=ending))
            .to_check("nop/a.py::t", "", [FIRST])
            .target_died
        )


def test_an_ending_of_a_target_becomes_a_value() -> None:
    crash = targets.Ending(
        targets.EndingKind.CRASHED,
        "BUG: x",
        report_kind="oops",
        functions=("f", "g"),
        report="BUG: x\nf+0x1/0x2",
    )

    value = ending_value(crash, Phase.CALL, lambda text: f"{text} (f.c:1)")

    assert value.kind is EndingKind.CRASHED
    assert value.functions == ("f", "g")
    assert value.report.endswith("f+0x1/0x2 (f.c:1)")
    assert hang("no PDU", Phase.CALL).kind is EndingKind.HUNG


@pytest.mark.parametrize("kind", targets.EndingKind)
def test_every_kind_of_ending_has_its_value(kind: targets.EndingKind) -> None:
    value = ending_value(targets.Ending(kind, "x"), Phase.CALL, str)

    assert str(value.kind) == str(kind)
