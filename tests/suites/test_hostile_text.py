# SPDX-License-Identifier: GPL-2.0-only
"""A run against a target that says what a terminal or a page would obey."""

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reports.run import read
from tests.suites.runs import run

pytestmark = pytest.mark.integration

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\udc80-\udcff]")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_nothing_of_a_target_gets_out_raw(tmp_path: Path, workers: str) -> None:
    results, deviations_file = tmp_path / "allure-results", tmp_path / "known.toml"
    summary = tmp_path / "summary.md"

    process = run(
        *("-o", "python_files=sample_*.py", "--full-failures", "-rA", "-n", workers),
        *(f"--alluredir={results}", f"--junit-xml={tmp_path / 'junit.xml'}"),
        f"--write-deviations={deviations_file}",
        path="tests/suites/samples/sample_hostile.py",
        seconds=300,
        GITHUB_ACTIONS="1",
        GITHUB_STEP_SUMMARY=str(summary),
    )

    assert process.returncode == 1, process.stdout
    assert "owned" in process.stdout
    assert "INTERNALERROR" not in process.stdout
    assert not OBEYED.search(process.stdout), repr(OBEYED.findall(process.stdout))
    commands = re.findall(r"^::.*", process.stdout, re.MULTILINE)
    assert len(commands) == 3
    assert all(re.match(r"::(error|warning) title=RFC", one) for one in commands)
    run_seen = read(results)
    assert len(run_seen.checks) == 5
    assert {check.outcome for check in run_seen.checks} >= {"broken", "warned"}
    assert tomllib.loads(deviations_file.read_text())["deviation"]
    assert ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314  # our own
    for path in results.glob("*-result.json"):
        assert not OBEYED.search(json.loads(path.read_text())["name"])
    texts = [summary, deviations_file, results / "environment.properties"]
    for path in texts:
        assert not OBEYED.search(path.read_text()), path.name
