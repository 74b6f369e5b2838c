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
RULE = "NOP-In answer echoes ping data up to MaxRecvDataSegmentLength."
SAMPLES = "tests/suites/samples/sample_checks.py"


def sample(*arguments: str) -> subprocess.CompletedProcess[str]:
    # These samples lie outside the suites, so a run of them has no target by default.
    options = ("-o", "python_files=sample_*.py", "--target=reference")
    return run(*options, *arguments, path=SAMPLES)


def test_each_verdict_has_its_outcome() -> None:
    result = sample("-rA")

    assert result.returncode == 1
    for line in (
        "PASSED {}::test_met",
        "FAILED {}::test_must_broken",
        "XFAIL {}::test_should_broken",
        "FAILED {}::test_peer_error",
        "FAILED {}::test_own_bug",
        "FAILED {}::test_target_killed",
        "PASSED {}::test_after_death",
    ):
        assert line.format(SAMPLES) in result.stdout, result.stdout
    assert "not applicable: the target does not offer time-travel" in result.stdout


def test_a_run_ends_with_its_findings_and_shows_no_code_of_ours() -> None:
    result = sample("-k", "must_broken or should_broken")

    assert result.returncode == 1
    ending = result.stdout.partition("= conformance =")[2]
    displayed = [" ".join(line.split()) for line in ending.splitlines()]
    at = displayed.index("2 findings in 2 checks")
    assert displayed[at + 1 : at + 4] == [
        "1 a MUST is broken (1 check)",
        f"clause RFC7143-11.19-02: {RULE}",
        "expected the ping data y",
    ]
    assert displayed[at + 4].startswith("actual NOPIn F ITT=0x12 ")
    assert displayed[at + 5].endswith(f"{SAMPLES}::test_must_broken --target=reference")
    assert displayed[at + 6] == "2 a SHOULD is not followed (1 check)"
    for word in ("Traceback", "ConformanceFailure", "short test summary", "def test_"):
        assert word not in result.stdout, result.stdout


@pytest.mark.parametrize("option", ["--full-failures", "-v", "--tb=short"])
def test_the_failures_in_full_are_there_on_request(option: str) -> None:
    result = sample("-k", "test_must_broken", option)

    assert "ConformanceFailure" in result.stdout
    assert "1 finding in 1 check" in result.stdout


def test_a_failure_in_full_has_requirement_expected_actual_and_pdus() -> None:
    result = sample("-k", "test_must_broken", "--full-failures")

    for words in (
        "expected: the ping data y",
        "actual: NOPIn F",
        "last PDUs:",
        "-> NOPOut IF",
        "requirement: RFC7143-11.19-02 (MUST, RFC 7143 section 11.19)",
        "https://www.rfc-editor.org/rfc/rfc7143#section-11.19",
    ):
        assert words in result.stdout, result.stdout


def test_an_error_of_the_peer_is_its_failure_and_a_bug_of_ours_is_not() -> None:
    peer = sample("-k", "test_peer_error", "--full-failures")
    # Our own errors are always shown.
    bug = sample("-k", "test_own_bug")

    assert "ConformanceFailure: expected: an answer in time" in peer.stdout
    assert "ValueError: a bug of ours" in bug.stdout
    assert "ConformanceFailure" not in bug.stdout


def test_a_death_is_blamed_on_its_check_and_the_run_goes_on() -> None:
    result = sample("-k", "target_killed or after_death")

    assert "the target dies  (1 check)" in result.stdout
    assert "killed by SIGKILL" in result.stdout
    assert "1 failed, 1 passed" in result.stdout


def test_strict_makes_a_should_a_must() -> None:
    assert sample("-k", "should").returncode == 0
    assert sample("-k", "should", "--strict").returncode == 1


def test_a_known_deviation_is_expected(tmp_path: Path) -> None:
    listed = tmp_path / "own.toml"
    listed.write_text(DEVIATION.format(check=f"{SAMPLES}::test_must_broken"))

    result = sample("-k", "test_must_broken", f"--deviations={listed}")

    assert result.returncode == 0
    assert "1 known deviation as listed, in 1 check" in result.stdout


def test_a_deviation_that_does_not_show_is_a_failure(tmp_path: Path) -> None:
    listed = tmp_path / "own.toml"
    listed.write_text(DEVIATION.format(check=f"{SAMPLES}::test_met"))

    result = sample("-k", "test_met", f"--deviations={listed}")

    assert result.returncode == 1
    assert "did not show" in result.stdout


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

    result = sample("-k", check, f"--deviations={listed}")

    assert result.returncode == code, result.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[deviation]\n", "own.toml: "),
        (
            '[[deviation]]\nchecks = ["a"]\n',
            "deviation 1 (None): Object missing required field",
        ),
    ],
)
def test_a_broken_list_is_reported_in_one_line(
    tmp_path: Path, content: str, words: str
) -> None:
    listed = tmp_path / "own.toml"
    listed.write_text(content)

    result = sample(f"--deviations={listed}")

    assert result.returncode == 4
    assert words in complaint(result)


def test_the_summary_counts_by_verdict_also_in_parallel() -> None:
    result = sample("-n", "2")

    (row,) = (
        line.split()
        for line in result.stdout.splitlines()
        if line.startswith("all checks")
    )
    # passed, broken, warned, not applicable, trouble: one of each
    assert row[2:] == ["2", "4", "1", "1", "1"], result.stdout


def test_the_evidence_reaches_allure(tmp_path: Path) -> None:
    sample("-k", "test_must_broken", f"--alluredir={tmp_path}")

    (result,) = (json.loads(p.read_text()) for p in tmp_path.glob("*-result.json"))
    labels = {label["name"]: label["value"] for label in result["labels"]}
    assert labels["epic"] == "RFC 7143"
    assert labels["feature"] == "11.19 NOP-In"
    assert labels["story"].startswith("RFC7143-11.19-02: ")
    assert labels["severity"] == "critical"
    assert result["name"] == "The target would have to say something else"
    stored = {item["name"]: tmp_path / item["source"] for item in result["attachments"]}
    assert "NOPOut IF" in stored["transcript"].read_text()
    capture = stored["capture"].read_bytes()
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
    displayed = {one["name"]: one for one in result["parameters"]}
    assert displayed["the target chose"]["value"].strip("'") == "NOPIn"
    assert displayed["the target chose"]["excluded"]
    (judged,) = read(tmp_path).checks
    assert judged.choices == ("NOPIn",)


def test_every_kind_of_verdict_has_its_category_in_the_report(tmp_path: Path) -> None:
    require("npm")
    results = tmp_path / "allure-results"
    deviations_file = tmp_path / "known.toml"
    deviations_file.write_text(DEVIATION.format(check=f"{SAMPLES}::test_must_broken"))
    sample(f"--alluredir={results}", f"--deviations={deviations_file}")
    html.build(results, tmp_path / "report")
    page = html.build(results, tmp_path / "report")

    displayed = browse(
        page.with_name("index.html"), tmp_path / "profile", "#categories"
    )

    for name in (
        "The target dies",
        "A MUST is broken",
        "A SHOULD is not followed",
        "Known deviation",
        "Not applicable",
        "Trouble",
    ):
        assert name in displayed
    for name in ("Product errors", "Test errors", "The target hangs"):
        assert name not in displayed
    text = page.read_text(encoding="utf-8")
    assert "googletagmanager" not in text
    assert text.index("default-src data: blob:") < text.index("<script")
    assert "iSCSI conformance: reference" in displayed
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


def test_junit_names_the_requirements(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"

    sample("-k", "test_must_broken or test_should_broken", f"--junit-xml={path}")

    parsed = {
        case.get("name"): [
            (one.get("name"), one.get("value")) for one in case.iter("property")
        ]
        for case in ET.parse(path).iter("testcase")  # noqa: S314  # our own
    }
    assert ("requirement", "RFC7143-11.19-02") in parsed["test_must_broken"]
    assert ("requirement", "RFC7143-11.19-04") in parsed["test_should_broken"]
    assert ("verdict", "warned") in parsed["test_should_broken"]
