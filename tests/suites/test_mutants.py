# SPDX-License-Identifier: GPL-2.0-only
import pytest

from reftarget.faults import FAULTS
from reports import model
from reports.findings import findings
from reports.model import Check
from spec import load
from suites.mutants import Outcome, choose, main, show, show_findings, sort_verdicts

FAULT = FAULTS["nop-in-without-echo"]
CHECKS = {
    FAULT.requirement: ["nop/test_ping.py::test_echo"],
    "RFC7143-11.4-i01": [f"command/test_x.py::test_{number}" for number in range(9)],
}


def judged(check: str, verdict: model.Outcome, requirement: str) -> Check:
    ids = (requirement,)
    broken = ids if verdict is model.Outcome.BROKEN else ()
    return Check(check=check, outcome=verdict, requirements=ids, broken=broken)


def test_the_sample_is_the_same_each_time_and_leaves_out_what_is_concerned() -> None:
    concerned, others = choose(FAULT, CHECKS, 4)

    assert concerned == CHECKS[FAULT.requirement]
    assert others == choose(FAULT, CHECKS, 4)[1]
    assert len(others) == 4
    assert not set(others) & set(concerned)


def test_a_failure_of_its_requirement_notices_a_fault() -> None:
    outcome = sort_verdicts(
        FAULT, ["a"], [judged("a", model.Outcome.BROKEN, FAULT.requirement)], CHECKS
    )

    assert outcome.noticed_by == ["a"]
    assert not outcome.is_missed


def test_a_fault_that_nothing_fails_for_is_missed() -> None:
    outcome = sort_verdicts(
        FAULT, ["a"], [judged("a", model.Outcome.PASSED, FAULT.requirement)], CHECKS
    )

    assert outcome.is_missed
    assert "MISSED by 1 checks" in show([outcome])[0]


def test_each_of_its_requirements_must_be_noticed() -> None:
    fault = FAULTS["tmf-always-complete"]
    first, *others = fault.requirements
    checks = {name: ["a"] for name in fault.requirements}

    outcome = sort_verdicts(
        fault, ["a"], [judged("a", model.Outcome.BROKEN, first)], checks
    )

    assert others
    assert outcome.missed == tuple(others)


def test_a_failure_of_another_requirement_is_a_false_alarm() -> None:
    outcome = sort_verdicts(
        FAULT, ["a"], [judged("b", model.Outcome.BROKEN, "RFC7143-11.4-i01")], CHECKS
    )

    assert outcome.false_alarms == ["b"]


def test_a_fault_without_checks_is_not_called_missed() -> None:
    assert not Outcome(FAULT, 0).is_missed


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_names_a_requirement(name: str) -> None:
    assert set(FAULTS[name].requirements) <= set(load())


def test_an_unknown_fault_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["no-such-fault"]) == 2
    assert capsys.readouterr().err == (
        "python -m suites.mutants: unknown fault: no-such-fault\n"
    )


def test_a_wrong_part_of_the_table_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--shard", "5/4"]) == 2
    assert capsys.readouterr().err == (
        "python -m suites.mutants: --shard 5/4: K must be from 1 to N\n"
    )


@pytest.mark.integration
def test_a_sample_of_faults_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [
        "nop-in-without-echo",
        "r2t-asks-beyond-max-burst",
        "data-digest-is-not-checked",
        "login-takes-unknown-tsih",
        "command-runs-before-the-gap-is-filled",
        "logout-of-unknown-cid-succeeds",
    ]

    code = main([*faults, "--sample", "10"])

    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "6 faults: 6 noticed, 0 missed" in printed


def test_the_table_shows_whether_the_first_finding_is_right() -> None:
    right, other = list(FAULTS.values())[:2]
    failed = judged("a::b", model.Outcome.BROKEN, right.requirement)
    run = model.Run(format=model.FORMAT, checks=(failed,))

    lines = show_findings(
        [
            Outcome(right, 1, findings=findings(run)),
            Outcome(other, 1, findings=findings(run)),
            Outcome(other, 1),
            Outcome(other, 0),
            Outcome(other, 1, trouble="it stops"),
        ]
    )

    words = [line.split() for line in lines]
    assert words[0] == [right.name, "1", "the", "right", "clause"]
    assert words[1] == [other.name, "1", "ANOTHER", "CLAUSE"]
    assert words[2][0] == f"{right.requirement}"
    assert words[3] == [other.name, "0", "NO", "FINDING"]
    assert lines[4] == (
        "3 faults, 2 findings: 2 faults show exactly one, the first finding of 1 names "
        "the right clause"
    )
