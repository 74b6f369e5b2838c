# SPDX-License-Identifier: GPL-2.0-only
"""Runs on file, statements, comparisons and what GitHub shows of them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from reports import compare, github, statement
from reports import run as run_file
from reports.__main__ import main
from reports.model import FORMAT, Check, Failure, Outcome, Run
from reports.printable import printable
from reports.run import NAME, RunFileError, read, write
from reports.standing import Standing, rows
from spec import load

ECHO, TAG, NEVER = "RFC7143-11.19-02", "RFC7143-11.19-01", "RFC7143-13.6-01"


def check(name: str, outcome: Outcome, *ids: str, actual: str = "") -> Check:
    is_broken = outcome is Outcome.BROKEN
    return Check(
        check=f"nop/test_ping.py::{name}",
        outcome=outcome,
        requirements=ids,
        broken=ids if is_broken else (),
        failure=Failure(requirement=ids[0], expected=("an echo",), actual=actual)
        if is_broken
        else None,
    )


GOOD = Run(
    format=FORMAT,
    checks=(
        check("test_echo", Outcome.PASSED, ECHO),
        check("test_tag", Outcome.PASSED, TAG),
    ),
    environment={
        "target": "tgt",
        "target.version": "1",
        "negotiated.HeaderDigest": "CRC32C",
    },
    toolkit="abc",
    started="2026-11-21T00:00:00+00:00",
    seconds=2.5,
)
BAD = replace(
    GOOD,
    checks=(
        replace(
            check("test_echo", Outcome.BROKEN, ECHO, actual="<no> & echo"),
            transcript="c1 -> NOPOut </script>",
        ),
        check("test_echo_long", Outcome.PASSED, ECHO),
        check("test_tag", Outcome.NOT_APPLICABLE, TAG),
    ),
    environment={"target": "tgt", "target.version": "2"},
)


def standing_of(run: Run, name: str) -> Standing:
    return {row.requirement.id: row.standing for row in rows(run.checks, load())}[name]


def test_a_run_comes_back_as_it_went(tmp_path: Path) -> None:
    write(tmp_path / NAME, BAD)

    assert read(tmp_path) == BAD
    assert read(tmp_path / NAME) == BAD


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "name the folder"),
        ("not json", "not a run of this toolkit"),
        ("[]", "not a run of this toolkit"),
        ("{}", "not a run of this toolkit"),
        ('{"format": "allure-2"}', "not a run of this toolkit"),
        ('{"format": "iscsi-assay-run-1", "checks": []}', "another version"),
        (f'{{"format": "{FORMAT}", "checks": [{{"check": 1}}]}}', "damaged"),
        (f'{{"format": "{FORMAT}", "checks": [{{"check"', "cut short"),
        (f'{{"format": "{FORMAT}", "seconds": "1"}}', "seconds"),
        (f'{{"format": "{FORMAT}", "checks": {"[" * 100_000}', "damaged"),
    ],
)
def test_a_file_that_is_no_run_is_reported_in_one_line(
    tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / NAME).write_text(content)

    with pytest.raises(RunFileError, match=words) as caught:
        read(tmp_path)

    assert "\n" not in str(caught.value)
    assert main(["statement", str(tmp_path)]) == 2


def test_a_run_of_any_length_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "MOST_BYTES", 1 << 10)
    (tmp_path / NAME).write_text(" " * 2048)

    with pytest.raises(RunFileError, match="holds more than"):
        read(tmp_path)


def test_a_run_goes_on_where_git_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def hang(words: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(words, options["timeout"])

    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(run_file, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", hang)

    assert run_file.revision() == ""


def test_one_failure_breaks_a_requirement() -> None:
    assert standing_of(BAD, ECHO) is Standing.BROKEN
    assert standing_of(BAD, TAG) is Standing.NOT_APPLICABLE
    assert standing_of(GOOD, ECHO) is Standing.HOLDS
    assert standing_of(GOOD, NEVER) is Standing.NOT_TESTED


def test_a_statement_counts_only_what_was_exercised(tmp_path: Path) -> None:
    files = {path.name: path for path in statement.write(BAD, tmp_path)}

    data = json.loads(files["statement.json"].read_text())
    assert data["requirements"]["broken"] == 1
    assert "holds" not in data["requirements"]
    assert [row["id"] for row in data["deviations"]] == [ECHO]
    text = files["statement.md"].read_text()
    assert "0 of 1 requirements that were tested hold; 1 finding." in text
    assert "actual: <no> & echo" in text
    badge = ET.fromstring(files["badge.svg"].read_text())  # noqa: S314  # our own
    assert "0 of 1" in (badge.get("aria-label") or "")


def test_a_statement_says_what_the_target_chose(tmp_path: Path) -> None:
    chose = [replace(one, choices=("<drop>",)) for one in GOOD.checks[:1] * 2]
    run = replace(GOOD, checks=(*chose, GOOD.checks[1]))

    files = {path.name: path for path in statement.write(run, tmp_path)}

    data = json.loads(files["statement.json"].read_text())
    assert data["chosen"] == {ECHO: {"<drop>": 2}}
    assert "`<drop>` (2 checks)" in files["statement.md"].read_text()
    assert "&lt;drop&gt; (2 checks)" in files["statement.html"].read_text()


def test_a_failure_breaks_only_the_clause_that_it_names() -> None:
    both = replace(check("test_echo", Outcome.BROKEN, ECHO, TAG), broken=(ECHO,))
    run = replace(GOOD, checks=(both,))

    assert standing_of(run, ECHO) is Standing.BROKEN
    # A requirement that is not counted has a row only if a check judges it.
    assert TAG not in {row.requirement.id for row in rows(run.checks, load())}


def test_the_page_shows_text_as_text(tmp_path: Path) -> None:
    (page,) = (
        path for path in statement.write(BAD, tmp_path) if path.suffix == ".html"
    )

    text = page.read_text()
    assert "&lt;no&gt; &amp; echo" in text
    assert "<no>" not in text
    assert "</script>" not in text


def test_compare_reports_by_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, run in (("a", GOOD), ("b", BAD)):
        write(tmp_path / name / NAME, run)
    page = tmp_path / "out.html"
    words = [str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(page)]

    assert main(["compare", *words]) == 1
    printed = capsys.readouterr().out
    assert "worse: nop/test_ping.py::test_echo: passed -> broken" in printed
    assert f"new finding: {ECHO}" in printed
    assert main(["compare", words[0], words[0], *words[2:]]) == 0
    assert page.exists()


def test_other_targets_are_no_builds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a" / NAME, GOOD)
    write(tmp_path / "b" / NAME, replace(BAD, environment={"target": "lio"}))
    words = [str(tmp_path / "a"), str(tmp_path / "b")]

    assert main(["compare", *words, "-o", str(tmp_path / "c.html")]) == 0
    assert "no two of the runs are builds of one target" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["<!--<script>", "</script>", "\x1b[2J\u202e", "{{ 1 }}"]
)
def test_no_text_of_a_target_breaks_a_page(tmp_path: Path, name: str) -> None:
    evil = replace(
        BAD,
        environment={"target": name, "target.version": name},
        checks=tuple(
            replace(
                one,
                transcript=name,
                choices=(name,),
                failure=one.failure and replace(one.failure, actual=name),
            )
            for one in BAD.checks
        ),
    )

    page = compare.page(compare.compare([GOOD, evil]))
    files = statement.write(evil, tmp_path)

    assert page.count("</script>") == 2
    assert "<!--" not in page
    embedded = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert embedded is not None
    rows_found = {row["id"]: row for row in json.loads(embedded[1])["rows"]}
    displayed = rows_found[ECHO]["cells"][1]["evidence"][0]["transcript"]
    assert displayed == printable(name)
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "<script>" not in text or path.suffix in (".md", ".json")
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_runs_of_one_name_are_numbered() -> None:
    assert compare.named([GOOD, GOOD, BAD]) == ["tgt 1 #1", "tgt 1 #2", "tgt 2"]


def test_github_gets_a_command_for_each_finding() -> None:
    (line,) = github.annotations(statement.state(BAD))

    assert line.startswith(
        f"::error title={ECHO} a MUST is broken::NOP-In answer echoes"
    )
    assert line.endswith("%0Ain 1 check, such as nop/test_ping.py::test_echo")
    assert "%0Aactual: <no> & echo%0A" in line
    assert "\n" not in line
