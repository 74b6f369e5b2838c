# SPDX-License-Identifier: GPL-2.0-only
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.findings import Finding, findings
from reports.model import Check, Ending, EndingKind, Outcome
from reports.severity import DATA, SECRET, Severity
from spec import load
from tests.reports.samples import (
    ECHO,
    LONE_SHOULD,
    NEVER,
    TAG,
    broken,
    killed,
    passed,
    run_of,
)

CATALOGUE = load()
STORED = "SBC3-5.34-01"
WINDOW, PROOF = "RFC7143-4.2.2.1-13", "RFC7143-12.1.3-04"


def of(*checks: Check) -> tuple[Finding, ...]:
    return findings(run_of(checks))


def names(found: Finding) -> set[str]:
    return {check.check for check in found.checks}


def test_a_run_in_which_all_holds_has_no_findings() -> None:
    assert of(passed("a.py::test_a"), passed("a.py::test_b", TAG)) == ()


def test_one_clause_broken_in_one_way_is_one_finding() -> None:
    (finding,) = of(
        broken("a.py::test_a"), broken("b.py::test_b"), passed("a.py::test_c")
    )

    assert finding.number == 1
    assert finding.clauses == (ECHO,)
    assert names(finding) == {"a.py::test_a", "b.py::test_b"}


def test_one_clause_broken_in_two_ways_is_two_findings() -> None:
    first, second = of(
        broken("a.py::test_a", answer="NOPIn"),
        broken("a.py::test_b", answer="NOPIn"),
        broken("b.py::test_c", answer="connection dropped"),
    )

    assert (len(first.checks), len(second.checks)) == (2, 1)


def test_one_clause_is_one_finding_whatever_the_answers_are() -> None:
    (finding,) = of(
        broken("a.py::test_a", answer="NOPIn"),
        broken("b.py::test_b", answer="Reject 0x04"),
    )

    assert len(finding.checks) == 2
    refused = [f"LoginResponse 020{status}" for status in (0, 1)]
    assert len(of(*(broken(f"{one}.py::a", answer=one) for one in refused))) == 2


def test_a_login_that_may_be_refused_for_many_reasons_joins_no_section() -> None:
    first, second = "RFC7143-6.3-01", "RFC7143-6.3-13"
    assert CATALOGUE[first].section == CATALOGUE[second].section

    def number(answer: str) -> int:
        return len(
            of(broken("a.py::a", first, answer), broken("b.py::b", second, answer))
        )

    assert (number("LoginResponse 0201"), number("LoginResponse 0206")) == (2, 1)


def test_a_rule_of_several_cases_is_one_finding_where_they_are_treated_alike() -> None:
    verify, compare_and_write = "SBC3-5.29-01", "SBC3-5.2-01"
    assert compare_and_write in CATALOGUE[verify].like
    differs, invalid = (f"SCSIResponse CHECK CONDITION {code}" for code in ("Eh", "5h"))

    def number(first: str, second: str) -> int:
        return len(
            of(
                broken("a.py::test_a", verify, first),
                broken("b.py::test_b", compare_and_write, second),
            )
        )

    assert number(differs, differs) == number("x", "y") == 1
    assert number(differs, invalid) == number(differs, "no answer") == 2


def test_what_is_wrong_by_itself_is_no_part_of_the_rule_of_its_check() -> None:
    clause, function = "SBC3-4.5-01", "a.py::test_a"
    without_sense = "SCSIResponse CHECK CONDITION"

    grouped = of(
        broken(f"{function}[1]", clause, without_sense),
        broken(f"{function}[2]", clause, "SCSIResponse GOOD"),
        broken("b.py::test_b", "SPC4-6.33-03", without_sense),
    )

    assert [len(one.checks) for one in grouped] == [2, 1]


def test_lists_of_codes_are_alike_if_they_name_the_same_ones() -> None:
    preempts, unregisters = "SPC4-5.12.11.2.4-07", "SPC4-5.12.11.2.3-03"
    preempted, released = "RESERVATIONS_PREEMPTED", "RESERVATIONS_RELEASED"

    def count(first: str, second: str) -> int:
        return len(
            of(
                broken("a.py::test_a", preempts, first),
                broken("b.py::test_b", unregisters, second),
            )
        )

    assert count(preempted, f"{released}, {released}") == 2
    assert count(released, f"{released}, {released}") == 1
    assert count("none", "none") == 1


def test_a_target_that_answers_each_login_alike_afterwards_has_one_finding() -> None:
    hung = Ending(kind=EndingKind.HUNG, reason="it answers otherwise")

    def number(answer: str) -> int:
        return len(
            of(
                broken("a.py::test_a", ECHO, answer, ending=hung),
                broken("b.py::test_b", NEVER, answer, ending=hung),
            )
        )

    assert number("SCSICommand") == 1
    assert number("no answer") == 2


def test_parameters_of_a_check_are_one_finding() -> None:
    answers = ["NOPIn", "Reject 0x04", "no answer"]

    (finding,) = of(
        *(broken(f"a.py::test_a[{answer}]", answer=answer) for answer in answers)
    )

    assert len(finding.checks) == 3


def test_a_wrong_field_is_one_act_whatever_looks_at_it() -> None:
    (finding,) = of(
        broken("a.py::test_a", ECHO, "NOPIn", pdu="NOPIn", field="StatSN"),
        broken("b.py::test_b", NEVER, "NOPIn", pdu="NOPIn", field="StatSN"),
        broken("b.py::test_c", NEVER, "NOPIn", pdu="NOPIn", field="StatSN"),
    )

    assert finding.clauses == (NEVER, ECHO)


def test_an_unspecific_answer_joins_no_unrelated_failures() -> None:
    valid = "SCSIResponse GOOD"

    grouped = of(
        broken("a.py::test_a", ECHO, valid, pdu="SCSIResponse"),
        broken("b.py::test_b", NEVER, valid, pdu="SCSIResponse"),
    )

    assert len(grouped) == 2


def test_an_answer_joins_clauses_that_one_check_carries() -> None:
    (finding,) = of(
        broken("a.py::test_a", ECHO, "Reject 0x04"),
        broken("b.py::test_b", TAG, "Reject 0x04"),
        passed("c.py::test_c", ECHO, TAG),
    )

    assert set(finding.clauses) == {ECHO, TAG}


def test_deaths_are_distinguished_by_function_and_else_by_clause() -> None:
    grouped = of(
        broken("a.py::test_a", ECHO, ending=killed("", "free_it", "main")),
        broken("b.py::test_b", NEVER, ending=killed("", "free_it", "other")),
        broken("c.py::test_c", NEVER, ending=killed("", "use_it")),
        broken("d.py::test_d", ECHO, ending=killed()),
        broken("e.py::test_e", ECHO, ending=killed()),
        broken("f.py::test_f", NEVER, ending=killed()),
        broken("g.py::test_g", ECHO),
    )

    assert {frozenset(names(one)) for one in grouped} == {
        frozenset({"a.py::test_a", "b.py::test_b"}),
        frozenset({"c.py::test_c"}),
        frozenset({"d.py::test_d", "e.py::test_e"}),
        frozenset({"f.py::test_f"}),
        frozenset({"g.py::test_g"}),
    }
    assert [one.severity for one in grouped] == [Severity.DEATH] * 4 + [Severity.MUST]
    assert grouped[0].actual == grouped[0].example.ending.reason  # type: ignore[union-attr]


def test_the_worst_comes_first_then_what_reaches_far() -> None:
    grouped = of(
        broken("a.py::test_a", LONE_SHOULD, outcome=Outcome.WARNED),
        broken("b.py::test_b", ECHO, "NOPIn"),
        broken("c.py::test_c", WINDOW, "NOPIn"),
        broken("c.py::test_d", WINDOW, "NOPIn"),
        broken("d.py::test_e", PROOF, "LoginResponse 0000 FULL_FEATURE"),
        broken("e.py::test_f", STORED, "other data"),
        broken("f.py::test_g", ECHO, "no answer", ending=killed()),
        broken("g.py::test_h", TAG, outcome=Outcome.DEVIATES, deviation="it is known"),
    )

    assert [(one.severity, one.clauses[0], one.is_known) for one in grouped] == [
        (Severity.DEATH, ECHO, False),
        (Severity.DATA, STORED, False),
        (Severity.SECRET, PROOF, False),
        (Severity.MUST, WINDOW, False),
        (Severity.MUST, ECHO, False),
        (Severity.SHOULD, LONE_SHOULD, False),
        (Severity.MUST, TAG, True),
    ]
    assert [one.number for one in grouped] == list(range(1, 8))


@pytest.mark.parametrize(
    ("requirement", "answer", "severity"),
    [
        (STORED, "other data", Severity.DATA),
        (STORED, "SCSIResponse CHECK CONDITION 5h/20h/00h", Severity.MUST),
        (STORED, "connection dropped", Severity.MUST),
        (PROOF, "LoginResponse 0000 FULL_FEATURE", Severity.SECRET),
        (PROOF, "LoginResponse 0000", Severity.MUST),
        (PROOF, "LoginResponse 0200", Severity.MUST),
        (ECHO, "other data", Severity.MUST),
    ],
)
def test_harm_is_done_by_what_the_target_did(
    requirement: str, answer: str, severity: Severity
) -> None:
    (finding,) = of(broken("a.py::test_a", requirement, answer))

    assert finding.severity is severity


def test_the_tables_of_harm_name_requirements_of_targets() -> None:
    assert all(CATALOGUE[name].subject != "initiator" for name in DATA | SECRET)


def test_what_cannot_be_judged_belongs_to_its_finding() -> None:
    (finding,) = of(
        broken("a.py::test_a"),
        Check(
            check="b.py::test_b",
            outcome=Outcome.NOT_JUDGED,
            requirements=(NEVER,),
            rests_on="a.py::test_a",
        ),
    )

    assert [check.check for check in finding.not_judged] == ["b.py::test_b"]
    assert (finding.reach, finding.clauses) == (2, (ECHO,))


REQUIREMENTS = st.sampled_from([ECHO, TAG, NEVER, STORED, LONE_SHOULD])
ANSWERS = st.sampled_from(["no answer", "NOPIn", "Reject 0x04", "other data"])


@st.composite
def failing_checks(draw: st.DrawFn) -> list[Check]:
    checks = [
        broken(
            f"a.py::test_{draw(st.sampled_from('abc'))}[{number}]",
            draw(REQUIREMENTS),
            draw(ANSWERS),
            pdu=draw(st.sampled_from(["", "NOPIn"])),
            field=draw(st.sampled_from(["", "StatSN"])),
            ending=draw(st.sampled_from([None, killed(), killed("", "free_it")])),
            outcome=draw(st.sampled_from([Outcome.BROKEN, Outcome.DEVIATES])),
        )
        for number in range(draw(st.integers(0, 12)))
    ]
    return [*checks, passed("z.py::test_z", ECHO, TAG)]


@given(failing_checks())
def test_each_failure_is_in_one_finding_and_no_clause_is_added(
    checks: list[Check],
) -> None:
    grouped = of(*checks)

    reported = [check.check for one in grouped for check in one.checks]
    assert sorted(reported) == sorted(one.check for one in checks if one.failure)
    for one in grouped:
        assert set(one.clauses) == {
            name for check in one.checks for name in check.broken
        }
        assert one.example in one.checks
        assert {check.outcome is Outcome.DEVIATES for check in one.checks} == {
            one.is_known
        }
    ranks = [(one.is_known, one.severity.rank, -one.reach) for one in grouped]
    assert all(first <= second for first, second in pairwise(ranks))


@given(failing_checks(), st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_the_order_of_the_checks(
    checks: list[Check], random: object
) -> None:
    mixed = list(checks)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert {frozenset(names(one)) for one in of(*mixed)} == {
        frozenset(names(one)) for one in of(*checks)
    }


def test_silence_joins_no_rules_of_one_section_but_an_answer_does() -> None:
    first, second = "RFC7143-4.2.2.1-13", "RFC7143-4.2.2.1-08"

    assert len(of(broken("a.py::a", first), broken("b.py::b", second))) == 2
    (finding,) = of(
        broken("a.py::a", first, "Reject 0x04"),
        broken("b.py::b", second, "Reject 0x04"),
    )
    assert set(finding.clauses) == {first, second}


def test_good_joins_no_clauses_that_a_section_or_a_check_has_together() -> None:
    first, second = "RFC7143-4.2.2.1-13", "RFC7143-4.2.2.1-08"
    together = passed("c.py::c", first, second)

    def number(answer: str) -> int:
        failed = [broken("a.py::a", first, answer), broken("b.py::b", second, answer)]
        return len(of(*failed, together))

    assert number("SCSIResponse GOOD") == number("GOOD") == 2
    assert number("LoginResponse 0000") == 2
    assert number("SCSIResponse BUSY") == 1


def test_a_check_that_accuses_several_of_its_clauses_is_one_finding() -> None:
    both = (ECHO, NEVER)
    (finding,) = of(
        broken("a.py::a[1]", ECHO, "Reject 0x04", carries=both),
        broken("a.py::a[2]", NEVER, "NOPIn", carries=both),
    )

    assert set(finding.clauses) == set(both)
    assert len(of(broken("a.py::a[1]"), broken("a.py::a[2]", NEVER, "NOPIn"))) == 2


def test_a_login_that_goes_on_joins_no_clauses_of_a_check() -> None:
    goes_on, is_in = "LoginResponse 0000", "LoginResponse 0000 FULL_FEATURE"
    together = passed("c.py::c", ECHO, NEVER)

    def number(answer: str) -> int:
        failed = [broken("a.py::a", ECHO, answer), broken("b.py::b", NEVER, answer)]
        return len(of(*failed, together))

    assert (number(goes_on), number(is_in)) == (2, 1)


def test_wrong_values_of_one_key_are_one_finding() -> None:
    first, second = "RFC7143-13.14-01", "RFC7143-13.14-i01"

    (finding,) = of(
        broken("a.py::a", first, "#"),
        broken("b.py::b", second, "LoginResponse 0300"),
        broken("c.py::c", "RFC7143-6.1-i02", "#", field="FirstBurstLength"),
        broken("d.py::d", second, "#", field="FirstBurstLength"),
    )

    assert len(finding.checks) == 4


def test_a_reason_that_leaves_no_doubt_joins_whatever_it_meets() -> None:
    def number(answer: str) -> int:
        return len(
            of(broken("a.py::a", ECHO, answer), broken("b.py::b", NEVER, answer))
        )

    assert (number("Reject 0x06"), number("Reject 0x04")) == (1, 2)
    assert (number("LoginResponse 0206"), number("LoginResponse 0201")) == (1, 2)
    unready, invalid = (
        f"SCSIResponse CHECK CONDITION {code}/00h" for code in ("2h/04h", "5h/24h")
    )
    assert (number(unready), number(invalid)) == (1, 2)
    assert number("SCSIResponse CHECK CONDITION") == 1


def test_plain_writes_that_store_other_data_explain_what_builds_on_them() -> None:
    same, copied = "SBC3-5.44-01", "SPC4-6.4-01"
    special = [broken("a.py::a", same, "other data")]
    special.append(broken("b.py::b", copied, "other data"))

    assert len(of(*special)) == 2
    (finding,) = of(*special, broken("c.py::c", STORED, "other data"))
    assert finding.severity is Severity.DATA
    assert len(finding.checks) == 3


def test_related_requirements_are_found_in_either_order() -> None:
    failed = [broken("a.py::a", ECHO, "x"), broken("b.py::b", TAG, "x")]
    together = passed("c.py::c", TAG, ECHO)

    assert len(of(*failed, together)) == len(of(*failed[::-1], together)) == 1


def test_the_clause_that_most_checks_carry_comes_first() -> None:
    together = (ECHO, TAG)

    (finding,) = of(
        broken("a.py::test_a", TAG, "#", field="MaxBurstLength", carries=together),
        broken("b.py::test_b", ECHO, "#", field="MaxBurstLength", carries=together),
        broken("c.py::test_c", ECHO, "#", field="MaxBurstLength"),
    )

    assert finding.clauses == (ECHO, TAG)


def test_one_refusal_joins_checks_that_carry_a_clause_together() -> None:
    def number(answer: str) -> int:
        return len(
            of(
                broken("a.py::test_a", ECHO, answer, carries=(ECHO, TAG)),
                broken("b.py::test_b", NEVER, answer, carries=(NEVER, TAG)),
            )
        )

    assert (number("Reject 0x04"), number("NOPIn")) == (1, 2)


def test_a_check_that_hangs_the_target_with_some_parameters_is_one_finding() -> None:
    hung = Ending(kind=EndingKind.HUNG, reason="no PDU")

    (finding,) = of(
        broken("a.py::test_a[0]", ending=hung),
        broken("a.py::test_a[1]", answer="NOPIn"),
    )

    assert finding.severity is Severity.HANG
    assert len(finding.checks) == 2


def test_miscompare_is_other_data_where_plain_reads_and_writes_show_it() -> None:
    differs = "SCSIResponse CHECK CONDITION Eh/1Dh/00h"

    (finding,) = of(
        broken("a.py::test_a", STORED, "other data"),
        broken("b.py::test_b", "SBC3-5.44-01", differs),
    )

    assert len(finding.checks) == 2
