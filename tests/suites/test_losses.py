# SPDX-License-Identifier: GPL-2.0-only
from reftarget.faults import FAULTS, Fault
from reports.model import Check, Outcome
from suites.losses import Loss, show, sort_verdicts, touches_login

FAULT = FAULTS["login-transit-unasked"]
OTHER = "RFC7143-11.19-01"


def judged(name: str, outcome: Outcome, requirement: str = OTHER) -> Check:
    return Check(check=name, outcome=outcome, requirements=(requirement,))


def test_a_check_of_a_clause_of_the_fault_is_expected_to_fail() -> None:
    checks = [judged("a", Outcome.BROKEN, clause) for clause in FAULT.requirements]

    loss = sort_verdicts(FAULT, checks)

    assert loss.expected_verdicts == len(FAULT.requirements)
    assert loss.count == 0


def test_a_check_without_a_verdict_on_its_clause_is_lost() -> None:
    outcomes = (
        Outcome.BROKEN,
        Outcome.WARNED,
        Outcome.TROUBLE,
        Outcome.NOT_JUDGED,
        Outcome.NOT_RUN,
    )

    loss = sort_verdicts(
        FAULT, [judged(f"nop/{outcome}", outcome) for outcome in outcomes]
    )

    counts = {column: len(checks) for column, checks in loss.lost.items()}
    assert counts == {"broken": 2, "trouble": 1, "not judged": 1, "not run": 1}
    assert loss.count == len(outcomes)


def test_what_passes_or_does_not_apply_is_not_lost() -> None:
    checks = [judged("a", Outcome.PASSED), judged("b", Outcome.NOT_APPLICABLE)]

    assert sort_verdicts(FAULT, checks).count == 0


def test_the_table_shows_the_worst_first_and_the_sums() -> None:
    none = Loss(FAULTS["login-tsih-is-zero"], expected_verdicts=3)
    subset = sort_verdicts(
        FAULT, [judged("a", Outcome.TROUBLE), judged("b", Outcome.BROKEN)]
    )

    lines = show([none, subset])

    assert lines[1].startswith("login-transit-unasked")
    assert lines[-2] == (
        "2 faults: 2 checks lost (1 broken, 1 trouble, 0 not judged, 0 not run)"
    )
    assert lines[-1] == "the worst: login-transit-unasked 2"


def test_the_table_says_on_what_the_checks_rest_that_are_not_judged() -> None:
    unjudged = [
        Check(
            check=name,
            outcome=Outcome.NOT_JUDGED,
            requirements=(OTHER,),
            rests_on="login/test_sessions.py::test_connection_is_added",
            reason="it rests on this: a connection can be added",
        )
        for name in ("a", "b")
    ]

    lines = show([sort_verdicts(FAULT, unjudged)])

    assert lines[2].strip() == (
        "2 not judged because of login/test_sessions.py::test_connection_is_added: "
        "it rests on this: a connection can be added"
    )


def test_a_run_without_a_verdict_is_reported() -> None:
    assert "no verdict: no output" in show([Loss(FAULT, trouble="no output")])[1]


def test_faults_of_logins_are_distinguished_from_others() -> None:
    def touches(name: str) -> bool:
        fault: Fault = FAULTS[name]
        return touches_login(fault)

    assert touches("login-takes-any-stage")
    assert touches("chap-takes-any-response")
    assert touches("text-without-nul")
    assert touches("max-burst-above-offer")
    assert not touches("r2ts-go-backwards")
    assert not touches("nop-in-without-echo")
