# SPDX-License-Identifier: GPL-2.0-only
"""What provokes a failure, wherever a run is read."""

import pytest

from reports.again import commands
from reports.combinations import options_of, provoking, set_of, without_row
from reports.findings import findings
from reports.markdown import findings_markdown
from reports.model import Check, Combination, Run, Search
from reports.statement import page, state
from reports.terminal import finding_lines
from spec import load
from tests.reports.samples import ECHO, TAG, broken, run_of

DIGEST = {"HeaderDigest": "CRC32C"}
BURST = {"FirstBurstLength": "512", "MaxBurstLength": "512", "TCP segments": "trickle"}
LONG = {"FirstBurstLength": "512", "MaxBurstLength": "8192", "TCP segments": "trickle"}


def check(
    name: str,
    smallest: dict[str, str] | None,
    search: Search | None = Search.DONE,
    requirement: str = ECHO,
) -> Check:
    varied = {**DIGEST, **BURST}
    combination = Combination(varied=varied, smallest=smallest, search=search)
    return broken(name, requirement, combination=combination)


def sizes(*checks: Check) -> list[int]:
    return sorted(len(one.checks) for one in findings(run_of(checks)))


def test_failures_of_one_clause_and_one_set_are_one_finding() -> None:
    assert sizes(
        check("data/a.py::test_a", BURST), check("scsi/b.py::test_b", LONG)
    ) == [2]


def test_failures_that_need_another_set_are_another_finding() -> None:
    assert sizes(
        check("data/a.py::test_a[1]", BURST),
        check("data/a.py::test_a[2]", DIGEST),
        check("data/a.py::test_a[3]", {}),
        broken("data/a.py::test_a[4]"),
    ) == [1, 1, 2]


def test_one_set_does_not_join_clauses() -> None:
    checks = (
        check("data/a.py::test_a", BURST),
        check("nop/b.py::test_b", BURST, requirement="RFC7143-11.4-i01"),
    )

    assert sizes(*checks) == [1, 1]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (broken("a.py::test_a"), ""),
        (check("a.py::test_a", {}), ""),
        (check("a.py::test_a", DIGEST), "HeaderDigest=CRC32C"),
        (
            check("a.py::test_a", DIGEST, Search.NOT_REPEATED),
            "HeaderDigest=CRC32C (the failure could not be reproduced)",
        ),
        (
            check("a.py::test_a", DIGEST, Search.CUT_SHORT),
            "HeaderDigest=CRC32C (a smaller combination was not looked for to the end)",
        ),
    ],
)
def test_what_provokes_a_failure_is_said_in_words(one: Check, words: str) -> None:
    assert provoking(one.combination) == words


def test_the_smallest_set_is_offered_to_see_a_failure_again() -> None:
    run = run_of([check("data/a.py::test_a[x-@HD+First512+Burst512]", BURST)])

    (command,) = commands(run.checks[0], run)

    assert command.startswith("pytest 'suites/conformance/data/a.py::test_a[x]' ")
    assert command.endswith(
        "--offer=FirstBurstLength=512 --offer=MaxBurstLength=512 --cut=trickle"
    )


def test_where_no_set_is_known_the_strength_is_given_again() -> None:
    one = check("data/a.py::test_a[@HD+trickle]", DIGEST, Search.NOT_REPEATED)

    assert options_of(one, 3) == ["--strength=3"]
    run = Run(format="", strength=3, checks=(one,))
    assert "::test_a[@HD+trickle]'" in commands(one, run)[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.py::test_a", "a.py::test_a"),
        ("a.py::test_a[1-b@c]", "a.py::test_a[1-b@c]"),
        ("a.py::test_a[@HD]", "a.py::test_a"),
        ("a.py::test_a[1-2-@HD+mid-header]", "a.py::test_a[1-2]"),
    ],
)
def test_a_name_without_its_row_is_that_of_the_check(name: str, expected: str) -> None:
    assert without_row(name) == expected


def test_every_page_names_the_set() -> None:
    run = run_of([check("data/a.py::test_a", DIGEST), broken("b.py::test_b", TAG)])
    digest, plain = findings(run)
    if not set_of(digest.example):
        digest, plain = plain, digest
    shown = [line.text for line in finding_lines(digest, run, load(), 80)]

    assert "       needs  HeaderDigest=CRC32C" in shown
    assert not any(
        "needs" in line.text for line in finding_lines(plain, run, load(), 80)
    )
    markdown = findings_markdown(run, findings(run))
    assert markdown.count("It shows only with this combination: `") == 1
    html = page(state(run))
    assert html.count("<dt>needs</dt><dd>HeaderDigest=CRC32C</dd>") >= 1
