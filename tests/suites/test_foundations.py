# SPDX-License-Identifier: GPL-2.0-only
"""Checks that rest on what a target lacks are not judged; nothing else changes."""

import ast
from functools import cache
from pathlib import Path

import pytest

from reports.model import Check, Ending, EndingKind, Failure, Outcome
from suites.judging.foundations import FOUNDATIONS
from suites.judging.settling import settle

SUITE = Path(__file__).parents[2] / "suites" / "conformance"
UNKNOWN = "text/test_text.py::test_unknown_key_is_not_understood"
DECLARED = "text/test_negotiation.py::test_segment_length_can_be_declared_anew"
CUT = "text/test_negotiation.py::test_negotiation_may_be_cut[14]"
REJECTED = "Reject 0x05"


def check(
    name: str,
    answer: str = REJECTED,
    outcome: Outcome = Outcome.BROKEN,
    field: str = "",
    ending: Ending | None = None,
) -> Check:
    is_good = outcome is Outcome.PASSED
    return Check(
        check=name,
        outcome=outcome,
        requirements=("R",),
        broken=() if is_good else ("R",),
        failure=None
        if is_good
        else Failure(
            requirement="R", expected=("x",), actual="y", answer=answer, field=field
        ),
        ending=ending,
    )


LACKING = [check(UNKNOWN), check(DECLARED)]


def outcomes(*checks: Check) -> list[Outcome]:
    return [one.outcome for one in settle(checks)]


def test_what_rests_on_a_lacking_foundation_is_not_judged() -> None:
    proof, other, settled = settle([*LACKING, check(CUT)])

    assert settled.outcome is Outcome.NOT_JUDGED
    assert settled.rests_on == UNKNOWN
    assert settled.broken == ()
    assert "Text Requests" in settled.reason
    assert settled.failure is not None
    assert proof == LACKING[0]
    # One cause is one finding: the second proof depends on the first.
    assert other.outcome is Outcome.NOT_JUDGED
    assert other.rests_on == UNKNOWN


JOINED = "login/test_sessions.py::test_connection_is_added"
JOINS = "RFC7143-6.3.1-i04"


def charged(name: str, outcome: Outcome, *carried: str) -> Check:
    """Return a check that failed, or could not begin, for the clause of joining."""
    return Check(
        check=name,
        outcome=outcome,
        requirements=carried,
        failure=Failure(
            requirement=JOINS, expected=("x",), actual="y", answer="LoginResponse 020a"
        ),
    )


@pytest.mark.parametrize("outcome", [Outcome.BROKEN, Outcome.TROUBLE])
def test_what_fails_for_a_clause_of_other_checks_is_not_judged(
    outcome: Outcome,
) -> None:
    proof = charged(JOINED, Outcome.BROKEN, JOINS)
    other = charged("connections/test_lost.py::t", outcome, "R")

    settled = settle([proof, other])

    assert settled[0] == proof
    assert settled[1].outcome is Outcome.NOT_JUDGED
    assert settled[1].rests_on == JOINED


def test_what_carries_the_clause_itself_stays_broken() -> None:
    proof = charged(JOINED, Outcome.BROKEN, JOINS)
    own = charged("login/test_sessions.py::t", Outcome.BROKEN, "R", JOINS)

    assert settle([proof, own]) == (proof, own)
    # Nothing is explained by a clause that its own check finds kept.
    passed = Check(check=JOINED, outcome=Outcome.PASSED, requirements=(JOINS,))
    other = charged("connections/test_lost.py::t", Outcome.BROKEN, "R")
    assert settle([passed, other])[1] == other


def test_a_proof_that_fails_otherwise_or_is_listed_stays() -> None:
    dropped = check(DECLARED, "connection dropped")
    listed = check(DECLARED, outcome=Outcome.DEVIATES)

    assert settle([check(UNKNOWN), dropped])[1] == dropped
    assert outcomes(check(UNKNOWN), listed)[1] is Outcome.DEVIATES


def test_parameters_of_a_proof_rest_on_none_of_their_own() -> None:
    function = "task_management/test_functions.py::test_every_function_is_answered"
    proofs = [check(f"{function}[{number}]", "no answer") for number in range(3)]

    assert list(settle(proofs)) == proofs


@pytest.mark.parametrize(
    "checks",
    [
        pytest.param(
            [check(UNKNOWN), check(CUT)], id="one proof that was run is enough"
        ),
        pytest.param(
            [check(UNKNOWN, outcome=Outcome.DEVIATES), check(CUT)],
            id="a listed deviation shows it too",
        ),
    ],
)
def test_the_proofs_that_were_run_decide(checks: list[Check]) -> None:
    assert outcomes(*checks)[-1] is Outcome.NOT_JUDGED


@pytest.mark.parametrize(
    "checks",
    [
        pytest.param([check(CUT)], id="no proof was run"),
        pytest.param(
            [check(UNKNOWN, outcome=Outcome.PASSED), check(DECLARED), check(CUT)],
            id="one proof passes",
        ),
        pytest.param(
            [check(UNKNOWN, "TextResponse"), check(CUT, "TextResponse")],
            id="the proof fails in another way",
        ),
        pytest.param([*LACKING, check(CUT, "no answer")], id="another answer"),
        pytest.param(
            [*LACKING, check(CUT, field="header of the bad PDU")],
            id="another field is wrong",
        ),
        pytest.param([*LACKING, check("nop/test_ping.py::t")], id="not resting on it"),
        pytest.param(
            [
                *LACKING,
                check(CUT, ending=Ending(kind=EndingKind.EXITED, reason="killed")),
            ],
            id="the target died",
        ),
    ],
)
def test_a_failure_of_its_own_stays_broken(checks: list[Check]) -> None:
    assert outcomes(*checks)[-1] is Outcome.BROKEN


def test_what_holds_or_is_listed_stays() -> None:
    others = [
        check(UNKNOWN, outcome=Outcome.DEVIATES),
        check(CUT, outcome=Outcome.PASSED),
        check("text/test_text.py::test_alias_may_change", outcome=Outcome.DEVIATES),
    ]

    assert outcomes(*others) == [one.outcome for one in others]


def test_a_key_that_is_not_understood_is_one_finding() -> None:
    key = "iSCSIProtocolLevel"
    proof = f"negotiation/test_answers.py::test_known_key_is_understood[{key}]"
    numbers = "negotiation/test_numbers.py::test_number_beyond_its_range"
    settled = settle(
        [
            check(proof, "NotUnderstood"),
            check(f"{numbers}[{key}-32]", "NotUnderstood", field=key),
            check(f"{numbers}[{key}--1]", "NotUnderstood", field=key),
            check(f"{numbers}[MaxBurstLength-1]", "NotUnderstood"),
        ]
    )

    assert [one.rests_on for one in settled] == ["", proof, proof, ""]


def test_a_listed_dependent_stays_listed_and_names_the_proof() -> None:
    listed = check(CUT, outcome=Outcome.DEVIATES)

    settled = settle([*LACKING, listed])[-1]

    assert settled.outcome is Outcome.DEVIATES
    assert settled.broken == listed.broken
    assert settled.rests_on == UNKNOWN


def test_a_dependent_that_fails_in_a_way_of_its_own_stays() -> None:
    chap = "security/test_chap.py"
    proof = check(f"{chap}::test_challenges_differ", "['#', '#', '#']")
    other = f"{chap}::test_proof_of_another_connection"

    assert outcomes(proof, check(other, "LoginResponse 0000"))[1] is Outcome.NOT_JUDGED
    assert outcomes(proof, check(other, "no answer"))[1] is Outcome.BROKEN


def test_one_parameter_set_can_be_the_proof() -> None:
    function = "negotiation/test_numbers.py::test_declared_length_needs_no_answer"
    range_check = "negotiation/test_numbers.py::test_own_length_is_in_range"
    settled = settle(
        [
            check(f"{function}[512]", "Irrelevant"),
            check(f"{function}[8192]", "Irrelevant"),
            check(f"{function}[262144]", outcome=Outcome.PASSED),
            check(range_check, "'Irrelevant' is no decimal number", field="value"),
        ]
    )

    assert [one.outcome for one in settled] == [
        Outcome.BROKEN,
        Outcome.BROKEN,
        Outcome.PASSED,
        Outcome.NOT_JUDGED,
    ]


def test_a_login_that_never_completes_leaves_checks_unjudged() -> None:
    proof = "login/test_stages.py::test_final_exchange_leads_to_full_feature_phase[2]"
    refused = "LoginResponse 0200"
    settled = settle(
        [
            check(proof, refused),
            check("nop/a.py::t", refused, Outcome.TROUBLE),
            check("nop/a.py::u", "no answer", Outcome.TROUBLE),
            check("login/a.py::v", refused),
            check("login/a.py::w", "LoginResponse 0000"),
            check("security/a.py::x", refused),
        ]
    )

    assert [one.outcome for one in settled] == [
        Outcome.BROKEN,
        Outcome.NOT_JUDGED,
        Outcome.TROUBLE,
        Outcome.NOT_JUDGED,
        Outcome.BROKEN,
        Outcome.BROKEN,
    ]


@cache
def _functions(file: str) -> frozenset[str]:
    return frozenset(
        node.name
        for node in ast.parse((SUITE / file).read_text()).body
        if isinstance(node, ast.FunctionDef)
    )


def _names(pattern: str) -> list[str]:
    """Return the checks that a pattern names: in which file, and their functions."""
    file, _, remainder = pattern.partition("::")
    name = remainder.partition("[")[0]
    return [one for one in _functions(file) if name in {one, "*"}]


@pytest.mark.parametrize(
    "pattern",
    sorted(
        {
            pattern
            for foundation in FOUNDATIONS
            for pattern in (*foundation.proofs, *foundation.dependents)
            if "::" in pattern
        }
    ),
)
def test_every_pattern_names_a_check(pattern: str) -> None:
    assert _names(pattern), pattern
