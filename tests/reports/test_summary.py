# SPDX-License-Identifier: GPL-2.0-only
import pytest

from reports.findings import findings
from reports.model import Check, Outcome, Run
from reports.terminal import finding_lines, head, others, table
from reports.verdicts import Selected, attach, checks_of, complete
from spec import load
from tests.reports.samples import ECHO, TAG, broken, killed, passed, run_of

CATALOGUE = load()


def phase(when: str, carried: Check | None) -> pytest.TestReport:
    report = pytest.TestReport(
        nodeid="suites/conformance/nop/test_ping.py::test_x",
        location=("test_ping.py", 1, "test_x"),
        keywords={},
        outcome="passed",
        longrepr=None,
        when=when,  # type: ignore[arg-type]
    )
    if carried is not None:
        attach(report, carried)
    return report


def silent(name: str, outcome: Outcome, reason: str = "") -> Check:
    return Check(check=name, outcome=outcome, requirements=(ECHO,), reason=reason)


def shown(run: Run, width: int = 80) -> list[str]:
    return [
        line.text
        for one in findings(run)
        for line in finding_lines(one, run, CATALOGUE, width)
    ]


def test_the_last_phase_decides_the_outcome_of_a_check() -> None:
    last = broken("nop/test_ping.py::test_x")
    first = passed("nop/test_ping.py::test_x")

    assert checks_of([phase("teardown", last), phase("call", first)]) == [last]


def test_a_check_that_was_cut_short_has_no_verdict() -> None:
    name = "nop/test_ping.py::test_x"
    (cut,) = checks_of([phase("setup", passed(name))])
    (failed,) = checks_of([phase("call", broken(name))])

    assert cut.outcome is Outcome.NOT_RUN
    assert failed.outcome is Outcome.BROKEN


def test_selected_checks_that_never_ran_are_listed() -> None:
    result = passed("nop/test_ping.py::test_x")
    crash = phase("???", None)
    crash.nodeid = "suites/conformance/nop/test_ping.py::test_crashed"
    crash.outcome, crash.longrepr = "failed", "worker 'gw0' crashed"
    selected = {
        result.check: Selected((ECHO,), "x"),
        "nop/test_ping.py::test_crashed": Selected((ECHO,), "y"),
        "nop/test_ping.py::test_x[2]": Selected(),
    }

    first, crashed, missing = complete([result], selected, [crash])

    assert first == result
    assert (crashed.outcome, crashed.reason) == (
        Outcome.TROUBLE,
        "worker 'gw0' crashed",
    )
    assert missing.outcome is Outcome.NOT_RUN
    assert missing.requirements == (ECHO,), "those of another parameter set"


def test_tests_of_the_toolkit_are_left_out() -> None:
    assert checks_of([phase("call", None)]) == []


def test_the_table_folds_the_areas_in_which_all_is_well() -> None:
    checks = [
        passed("a/x.py::test_a", ECHO),
        broken("b/x.py::test_b", ECHO),
        passed("c/x.py::test_c", TAG),
        silent("c/x.py::test_d", Outcome.NOT_APPLICABLE),
    ]

    rows = [line.text.split() for line in table(checks)]

    assert rows == [
        ["passed", "broken", "not", "applicable"],
        ["b", "-", "1", "-"],
        ["the", "other", "areas", "2", "-", "1"],
        ["all", "checks", "2", "1", "1"],
        ["requirements", "exercised:", "2"],
    ]


def test_what_was_not_exercised_does_not_count_as_exercised() -> None:
    outcomes = [Outcome.NOT_APPLICABLE, Outcome.NOT_JUDGED, Outcome.NOT_RUN]

    lines = table([silent("a/x.py::test_a", outcome) for outcome in outcomes])

    assert lines[-1].text == "requirements exercised: 0"


def test_a_finding_names_clause_expectation_and_how_to_see_it_again() -> None:
    run = run_of(
        [broken("nop/test_ping.py::test_x", answer="nothing\x1b[2J\x00 came")],
        environment={"target": "tgt"},
    )

    assert shown(run) == [
        "  1 a MUST is broken  (1 check)",
        "      clause  RFC7143-11.19-02: NOP-In answer echoes ping data up to",
        "              MaxRecvDataSegmentLength.",
        "    expected  what the clause demands",
        "      actual  nothing\\x1b[2J\\x00 came in nop/test_ping.py::test_x",
        "       again  pytest suites/conformance/nop/test_ping.py::test_x --target=tgt",
    ]


@pytest.mark.parametrize("width", [1, 40, 80, 200])
def test_lines_fit_the_terminal_but_for_what_is_to_be_copied(width: int) -> None:
    run = run_of([broken("a.py::test_a", answer="word " * 200, ending=killed())])

    for line in shown(run, width):
        assert len(line) <= max(width, 40) or line.lstrip().startswith("again")


def test_a_target_by_its_address_can_be_replayed() -> None:
    facts = {
        "target": "iscsi",
        "target.portals": "192.0.2.7:3260 [2001:db8::1]:3260",
        "target.names": "iqn.a:b",
    }

    lines = shown(run_of([broken("a.py::test_a[x y]")], environment=facts))

    assert lines[-1].endswith(
        "pytest 'suites/conformance/a.py::test_a[x y]' "
        "--target=iscsi://192.0.2.7:3260/iqn.a:b"
    )


def test_the_head_counts_findings_and_says_what_is_incomplete() -> None:
    deviating = broken(
        "a.py::test_b", TAG, outcome=Outcome.DEVIATES, deviation="it is known"
    )
    run = run_of(
        [broken("a.py::test_a"), deviating],
        is_complete=False,
        why_incomplete="a signal",
    )

    assert [line.text for line in head(run, findings(run))] == [
        "INCOMPLETE: a signal",
        "1 finding in 1 check",
        "1 known deviation as listed, in 1 check",
    ]
    assert [line.text for line in head(run_of([]), ())] == ["nothing was tested"]
    assert [line.text for line in head(run_of([passed("a.py::a")]), ())] == [
        "no findings"
    ]


def test_troubles_and_known_crashes_are_distinguished() -> None:
    checks = [
        silent("a.py::test_a", Outcome.TROUBLE, "no image\x07"),
        silent("a.py::test_b", Outcome.TROUBLE, "no image\x07"),
        passed("a.py::test_c", crashes=("it races",)),
    ]

    assert [line.text.strip() for line in others(checks)] == [
        "2 checks could not be carried out:",
        "2 checks: no image\\x07",
        "a.py::test_a",
        "known crash, in 1 check:",
        "it races",
        "a.py::test_c",
    ]
