# SPDX-License-Identifier: GPL-2.0-only
import pytest

from reports.model import Check, Failure, Outcome
from reports.summary import broken, table
from reports.verdicts import attach, checks_of

NAME = "nop/test_ping.py::test_x"
ID = "RFC7143-11.19-02"


def check(outcome: Outcome) -> Check:
    is_broken = outcome is Outcome.BROKEN
    return Check(
        check=NAME,
        outcome=outcome,
        requirements=(ID,),
        broken=(ID,) if is_broken else (),
        failure=Failure(requirement=ID, expected=("x",), actual="it said nothing"),
    )


def phase(when: str, carried: Check | None) -> pytest.TestReport:
    report = pytest.TestReport(
        nodeid=f"suites/conformance/{NAME}",
        location=("test_ping.py", 1, "test_x"),
        keywords={},
        outcome="passed",
        longrepr=None,
        when=when,  # type: ignore[arg-type]
    )
    if carried is not None:
        attach(report, carried)
    return report


def test_the_last_phase_says_what_a_check_came_to() -> None:
    last = check(Outcome.BROKEN)
    reports = [phase("teardown", last), phase("call", check(Outcome.PASSED))]

    assert checks_of(reports) == [last]


def test_tests_of_the_toolkit_are_left_out() -> None:
    assert checks_of([phase("call", None)]) == []


def test_what_was_not_exercised_does_not_count_as_exercised() -> None:
    lines = table([check(Outcome.NOT_APPLICABLE)])

    assert lines[-1] == "requirements exercised: 0"
    assert lines[1].split() == ["nop", "-", "-", "-", "-", "1", "-", "-", "-"]


def test_broken_clauses_are_named_with_what_the_target_did() -> None:
    lines = broken([check(Outcome.BROKEN)])

    assert lines[1] == "broken requirements:"
    assert lines[2].startswith(f"  {ID}  MUST, RFC 7143 section 11.19: ")
    assert lines[3] == "      nop/test_ping.py::test_x: it said nothing"
