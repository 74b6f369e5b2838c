# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the robustness suite, and who must notice them."""

import subprocess
import sys

import pytest

from reftarget.faults import FAULTS, ROBUSTNESS_FAULTS, rules_with
from reftarget.rules import RULES
from reports.model import Check, Outcome
from spec import load
from suites.mutants import main
from suites.robustness_faults import SUITE, Notice, show, sort_verdicts
from suites.support.positions import POSITIONS
from tests.suites.runs import ROOT

FAULT = ROBUSTNESS_FAULTS["unknown-function-crashes"]
(CHECK,) = FAULT.noticed_by


def judged(check: str, outcome: Outcome, *broken: str) -> Check:
    return Check(check=check, outcome=outcome, requirements=broken, broken=broken)


def test_a_check_that_accuses_the_right_requirement_notices() -> None:
    notice = sort_verdicts(FAULT, [judged(CHECK, Outcome.BROKEN, *FAULT.breaks)])

    assert not notice.has_problem
    assert [one.check for one in notice.noticed_by] == [CHECK]


@pytest.mark.parametrize(
    "outcome", [Outcome.PASSED, Outcome.TROUBLE, Outcome.NOT_APPLICABLE]
)
def test_a_check_that_does_not_fail_has_missed_it(outcome: Outcome) -> None:
    notice = sort_verdicts(FAULT, [judged(CHECK, outcome)])

    assert notice.missed_by == (CHECK,)
    assert f"MISSED by {CHECK}" in show([notice])[1]


def test_a_check_that_accuses_another_requirement_is_a_problem() -> None:
    notice = sort_verdicts(FAULT, [judged(CHECK, Outcome.BROKEN, "Robustness-5-01")])

    assert [one.check for one in notice.others] == [CHECK]
    assert notice.missed_by == (CHECK,)


def test_each_parameter_set_must_notice() -> None:
    fault = ROBUSTNESS_FAULTS["long-value-crashes"]
    (name,) = fault.noticed_by
    checks = [
        judged(f"{name}[a]", Outcome.BROKEN, *fault.breaks),
        judged(f"{name}[b]", Outcome.PASSED),
    ]

    assert sort_verdicts(fault, checks).missed_by == (f"{name}[b]",)


def test_a_check_that_has_not_run_has_missed_it() -> None:
    assert sort_verdicts(FAULT, []).missed_by == (CHECK,)


def test_a_run_without_verdicts_is_a_problem() -> None:
    assert Notice(FAULT, trouble="it stops").has_problem


@pytest.mark.parametrize("name", ROBUSTNESS_FAULTS)
def test_each_breaks_a_requirement_and_replaces_a_rule(name: str) -> None:
    assert set(ROBUSTNESS_FAULTS[name].breaks) <= set(load())
    assert ROBUSTNESS_FAULTS[name].noticed_by
    assert rules_with([name]) != RULES


def test_no_fault_has_the_name_of_another() -> None:
    assert not set(FAULTS) & set(ROBUSTNESS_FAULTS)


def test_each_requirement_of_robustness_is_broken_by_one() -> None:
    # A check of the conformance suite may carry one, and then so does its fault.
    faults = [*ROBUSTNESS_FAULTS.values(), *FAULTS.values()]
    broken = {one for fault in faults for one in fault.breaks}

    assert {name for name in load() if name.startswith("Robustness")} <= broken


def test_each_position_has_one() -> None:
    named = " ".join(
        name for one in ROBUSTNESS_FAULTS.values() for name in one.noticed_by
    )

    assert [one for one in POSITIONS if f"[{one}-" not in named] == []


@pytest.mark.integration
def test_each_check_of_the_suite_has_one_that_it_must_notice() -> None:
    process = subprocess.run(  # our own interpreter
        [sys.executable, "-m", "pytest", SUITE, "--collect-only", "-q", "--no-header"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = process.stdout.splitlines()
    nodes = {one.removeprefix(f"{SUITE}/") for one in lines if one.startswith(SUITE)}
    checks = {one.split("[")[0] for one in nodes}
    named = {name for one in ROBUSTNESS_FAULTS.values() for name in one.noticed_by}

    assert checks - {one.split("[")[0] for one in named} == set()
    assert named - nodes - checks == set()


def test_an_unknown_one_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--robustness", "no-such-fault"]) == 2
    printed = capsys.readouterr().err
    assert printed == "python -m suites.mutants: unknown fault: no-such-fault\n"


@pytest.mark.integration
def test_a_sample_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    sample = [
        "unknown-function-crashes",
        "reserved-stage-hangs",
        "wrong-data-digest-closes-other-sessions",
        "wild-buffer-offset-writes-elsewhere",
        "answer-to-no-ping-shows-data-of-others",
        "any-proof-of-chap-lets-in",
        "reserved-attribute-keeps-a-file",
    ]

    code = main(["--robustness", *sample])

    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "7 faults of the robustness suite: 7 noticed" in printed
