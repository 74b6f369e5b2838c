# SPDX-License-Identifier: GPL-2.0-only
"""A matrix by GitHub Actions and GitLab: the workflows are what those take."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suites.matrices import CHEAP, ROOT
from tests.tools import missing

pytestmark = pytest.mark.lab

WORKFLOWS = ROOT / "docs" / "workflows"
GITHUB, GITLAB = "vendor.github-workflows", "vendor.gitlab-ci"


def complaints(schema: str, path: Path) -> str:
    """Return what the schema of a CI system has against a file, or nothing."""
    words = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        schema,
        str(path),
    ]
    process = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=120
    )
    if "No module named" in process.stderr:
        missing("check-jsonschema is missing: make lab")
    return "" if process.returncode == 0 else process.stdout + process.stderr


def listed(tmp_path: Path, form: str) -> str:
    matrix = tmp_path / "matrix.toml"
    matrix.write_text(CHEAP)
    words = [sys.executable, "-m", "vmlab", "matrix", "list", str(matrix), form]
    process = subprocess.run(
        words, capture_output=True, text=True, check=True, timeout=60
    )
    return process.stdout


def test_github_takes_the_workflow(tmp_path: Path) -> None:
    path = WORKFLOWS / "matrix-github.yml"

    assert complaints(GITHUB, path) == ""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(path.read_text().replace("needs: rows", "need: rows"))
    assert "need" in complaints(GITHUB, wrong)


def test_github_takes_the_rows_with_its_matrix_written_out(tmp_path: Path) -> None:
    """What `fromJSON` makes at run time is as good as if it stood there."""
    path = tmp_path / "whole.yml"
    text = (WORKFLOWS / "matrix-github.yml").read_text()
    rows = listed(tmp_path, "--json")
    path.write_text(re.sub(r"\$\{\{ fromJSON\(.*\) \}\}", rows.strip(), text))

    assert len(json.loads(rows)["include"]) == CHEAP.count("[[part]]")
    assert rows.strip() in path.read_text()
    assert complaints(GITHUB, path) == ""


def test_gitlab_takes_the_pipeline_and_its_child(tmp_path: Path) -> None:
    child = tmp_path / "rows.yml"
    child.write_text(listed(tmp_path, "--gitlab"))

    assert complaints(GITLAB, WORKFLOWS / "matrix-gitlab.yml") == ""
    assert complaints(GITLAB, child) == ""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(child.read_text().replace("runner_system_failure", "bad_luck"))
    assert "bad_luck" in complaints(GITLAB, wrong)
