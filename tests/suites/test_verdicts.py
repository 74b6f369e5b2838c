# SPDX-License-Identifier: GPL-2.0-only
import json
import platform
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reports import html
from reports.run import read
from tests.reports.browser import browse
from tests.suites.runs import complaint, run
from tests.tools import require

pytestmark = pytest.mark.integration

DEVIATION = """
[[deviation]]
requirement = "RFC7143-11.19-02"
checks = ["{check}"]
what = "says x"
why = "section 11.19"
version = "1"
"""
SAMPLES = "tests/suites/samples/sample_checks.py"


def sample(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("-o", "python_files=sample_*.py", *arguments, path=SAMPLES)


def test_each_verdict_has_its_outcome() -> None:
    done = sample("-rA")

    assert done.returncode == 1
    for line in (
        "PASSED {}::test_met",
        "FAILED {}::test_must_broken",
        "XFAIL {}::test_should_broken",
        "FAILED {}::test_peer_error",
        "FAILED {}::test_own_bug",
        "FAILED {}::test_target_killed",
        "PASSED {}::test_after_death",
    ):
        assert line.format(SAMPLES) in done.stdout, done.stdout
    assert "not applicable: the target does not offer time-travel" in done.stdout


def test_a_failure_prints_requirement_expected_actual_and_pdus() -> None:
    done = sample("-k", "test_must_broken")

    for words in (
        "expected: the ping data y",
        "actual: NOPIn F",
        "last PDUs:",
        "-> NOPOut IF",
        "requirement: RFC7143-11.19-02 (MUST, RFC 7143 section 11.19)",
        "https://www.rfc-editor.org/rfc/rfc7143#section-11.19",
    ):
        assert words in done.stdout, done.stdout


def test_an_error_of_the_peer_is_its_failure_and_a_bug_of_ours_is_not() -> None:
    peer, bug = sample("-k", "test_peer_error"), sample("-k", "test_own_bug")

    assert "ConformanceFailure: expected: an exchange that follows" in peer.stdout
    assert "ValueError: a bug of ours" in bug.stdout
    assert "ConformanceFailure" not in bug.stdout


def test_a_death_is_blamed_on_its_check_and_the_run_goes_on() -> None:
    done = sample("-k", "target_killed or after_death")

    assert "the target died" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_strict_makes_a_should_a_must() -> None:
    assert sample("-k", "should").returncode == 0
    assert sample("-k", "should", "--strict").returncode == 1


def test_a_known_deviation_is_expected(tmp_path: Path) -> None:
    listed = tmp_path / "own.toml"
    listed.write_text(DEVIATION.format(check=f"{SAMPLES}::test_must_broken"))

    done = sample("-k", "test_must_broken", f"--deviations={listed}")

    assert done.returncode == 0
    assert "known deviations:" in done.stdout


def test_a_deviation_that_does_not_show_is_a_failure(tmp_path: Path) -> None:
    listed = tmp_path / "own.toml"
    listed.write_text(DEVIATION.format(check=f"{SAMPLES}::test_met"))

    done = sample("-k", "test_met", f"--deviations={listed}")

    assert done.returncode == 1
    assert "did not show" in done.stdout


@pytest.mark.parametrize(
    ("check", "dies", "code"),
    [
        ("test_target_killed", "SIGKILL", 0),
        ("test_target_killed", "SIGSEGV", 1),
        ("test_killed_and_wrong", "SIGKILL", 0),
        ("test_killed_and_wrong", "", 1),
    ],
)
def test_a_death_is_expected_only_where_it_is_listed(
    tmp_path: Path, check: str, dies: str, code: int
) -> None:
    listed = tmp_path / "own.toml"
    entry = DEVIATION.format(check=f"{SAMPLES}::{check}")
    listed.write_text(f'{entry}dies = "{dies}"\n')

    done = sample("-k", check, f"--deviations={listed}")

    assert done.returncode == code, done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[deviation]\n", "own.toml: "),
        ('[[deviation]]\nchecks = ["a"]\n', "deviation 1 (None): "),
    ],
)
def test_a_broken_list_is_said_in_one_line(
    tmp_path: Path, content: str, words: str
) -> None:
    listed = tmp_path / "own.toml"
    listed.write_text(content)

    done = sample(f"--deviations={listed}")

    assert done.returncode == 4
    assert words in complaint(done)


def test_the_summary_counts_by_verdict_also_in_parallel() -> None:
    done = sample("-n", "2")

    (row,) = (
        line.split()
        for line in done.stdout.splitlines()
        if line.startswith("all checks")
    )
    # passed, broken, warned, deviations, not applicable, trouble
    assert row[2:] == ["2", "4", "1", "-", "1", "-", "1", "-"], done.stdout


def test_the_evidence_reaches_allure(tmp_path: Path) -> None:
    sample("-k", "test_must_broken", f"--alluredir={tmp_path}")

    (result,) = (json.loads(p.read_text()) for p in tmp_path.glob("*-result.json"))
    labels = {label["name"]: label["value"] for label in result["labels"]}
    assert labels["epic"] == "RFC 7143"
    assert labels["feature"] == "11.19 NOP-In"
    assert labels["story"].startswith("RFC7143-11.19-02: ")
    assert labels["severity"] == "critical"
    assert result["name"] == "The target would have to say something else"
    kept = {item["name"]: tmp_path / item["source"] for item in result["attachments"]}
    assert "NOPOut IF" in kept["transcript"].read_text()
    capture = kept["capture"].read_bytes()
    assert capture.startswith(b"\x0a\x0d\x0d\x0a")
    assert b"test_must_broken: RFC7143-11.19-02" in capture
    assert b"expected: the ping data y; actual: NOPIn F" in capture
    steps = [step["name"] for step in result["steps"]]
    assert "Initiator: NOP-Out" in steps
    assert steps.index("Initiator: NOP-Out") < steps.index("Target: NOP-In")
    lines = (tmp_path / "environment.properties").read_text().splitlines()
    facts = dict(line.partition("=")[::2] for line in lines)
    assert facts["target"] == "reference"
    assert facts["target.kernel"] == platform.release()
    assert facts["target.patches"] == "none known"
    assert facts["toolkit"].startswith("iscsi-assay ")
    assert facts["negotiated.ErrorRecoveryLevel"] == "2"


def test_what_the_target_chose_reaches_the_reports(tmp_path: Path) -> None:
    sample("-k", "test_met", "-n", "1", f"--alluredir={tmp_path}")

    (result,) = (json.loads(p.read_text()) for p in tmp_path.glob("*-result.json"))
    shown = {one["name"]: one for one in result["parameters"]}
    assert shown["the target chose"]["value"].strip("'") == "NOPIn"
    assert shown["the target chose"]["excluded"]
    (judged,) = read(tmp_path).checks
    assert judged.choices == ("NOPIn",)


def test_every_kind_of_verdict_has_its_category_in_the_report(tmp_path: Path) -> None:
    require("npm")
    results = tmp_path / "allure-results"
    known = tmp_path / "known.toml"
    known.write_text(DEVIATION.format(check=f"{SAMPLES}::test_must_broken"))
    sample(f"--alluredir={results}", f"--deviations={known}")
    html.build(results, tmp_path / "report")
    page = html.build(results, tmp_path / "report")

    shown = browse(page.with_name("index.html"), tmp_path / "profile", "#categories")

    for name in (
        "Target died",
        "SHOULD broken (warning)",
        "Known deviation",
        "MUST broken",
        "Not applicable",
        "Lab trouble",
    ):
        assert name in shown
    assert "iSCSI conformance: reference" in shown
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


def test_junit_names_the_requirements(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"

    sample("-k", "test_must_broken or test_should_broken", f"--junit-xml={path}")

    found = {
        case.get("name"): [
            (one.get("name"), one.get("value")) for one in case.iter("property")
        ]
        for case in ET.parse(path).iter("testcase")  # noqa: S314  # our own
    }
    assert ("requirement", "RFC7143-11.19-02") in found["test_must_broken"]
    assert ("requirement", "RFC7143-11.19-04") in found["test_should_broken"]
    assert ("verdict", "warned") in found["test_should_broken"]
