# SPDX-License-Identifier: GPL-2.0-only
import pytest

from reports.evidence import (
    DETAIL,
    KNOWN_DEVIATION,
    REQUIREMENT,
    TARGET_DIED,
    VERDICT,
    WARNING,
)
from reports.summary import broken, table
from reports.verdicts import Verdict, judge

NAME = "suites/conformance/nop/test_ping.py::test_x"
ID = "RFC7143-11.19-02"


def phase(
    outcome: str, when: str = "call", name: str = NAME, **properties: str
) -> pytest.TestReport:
    pairs = [(REQUIREMENT, ID), *properties.items()]
    return pytest.TestReport(
        nodeid=name,
        location=("test_ping.py", 1, "test_x"),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]
        longrepr=None,
        when=when,  # type: ignore[arg-type]
        user_properties=pairs,
    )


@pytest.mark.parametrize(
    ("phases", "verdict"),
    [
        ([phase("passed")], Verdict.PASSED),
        ([phase("failed", **{DETAIL: "it said nothing"})], Verdict.BROKEN),
        ([phase("failed")], Verdict.TROUBLE),
        ([phase("failed", "setup")], Verdict.TROUBLE),
        ([phase("passed"), phase("failed", "teardown")], Verdict.TROUBLE),
        (
            [phase("passed"), phase("failed", "teardown", **{VERDICT: TARGET_DIED})],
            Verdict.BROKEN,
        ),
        ([phase("skipped", "setup")], Verdict.NOT_APPLICABLE),
        ([phase("skipped", **{VERDICT: WARNING})], Verdict.WARNED),
        ([phase("skipped", **{VERDICT: KNOWN_DEVIATION})], Verdict.DEVIATES),
    ],
)
def test_one_check_has_one_verdict(
    phases: list[pytest.TestReport], verdict: Verdict
) -> None:
    (judged,) = judge(phases)

    assert judged.verdict is verdict
    assert judged.requirements == (ID,)
    assert (judged.area, judged.check) == ("nop", "nop/test_ping.py::test_x")


def test_tests_of_the_toolkit_are_left_out() -> None:
    report = phase("passed")
    report.user_properties.clear()

    assert judge([report]) == []


def test_what_was_not_exercised_does_not_count_as_exercised() -> None:
    lines = table(judge([phase("skipped", "setup")]))

    assert lines[-1] == "requirements exercised: 0"
    assert lines[1].split() == ["nop", "-", "-", "-", "-", "1", "-"]


def test_broken_clauses_are_named_with_what_the_target_did() -> None:
    lines = broken(judge([phase("failed", **{DETAIL: "it said nothing"})]))

    assert lines[1] == "broken requirements:"
    assert lines[2].startswith(f"  {ID}  MUST, RFC 7143 section 11.19: ")
    assert lines[3] == "      nop/test_ping.py::test_x: it said nothing"
