# SPDX-License-Identifier: GPL-2.0-only
"""The run without allure-pytest, as if it were not installed."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from reports.without_allure import MISSING

ROOT = Path(__file__).parents[2]
CHECK = (
    "suites/conformance/nop/test_ping.py",
    "--target=reference",
    "-n",
    "0",
)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with every package that is installed but Allure's."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith("allure"):
            (folder / path.name).symlink_to(path)
    return folder


def run(packages: Path, *options: str) -> subprocess.CompletedProcess[str]:
    # With -S, Python does not find its installed packages by itself.
    return subprocess.run(
        [sys.executable, "-S", "-m", "pytest", *CHECK, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.integration
def test_a_run_works_and_gives_its_verdicts(packages: Path, tmp_path: Path) -> None:
    verdicts = tmp_path / "run.json"

    process = run(packages, f"--verdicts={verdicts}")

    assert process.returncode == 0, process.stdout + process.stderr
    checks = json.loads(verdicts.read_text())["checks"]
    assert {check["outcome"] for check in checks} == {"passed"}


@pytest.mark.integration
def test_results_for_allure_are_refused_in_one_line(packages: Path) -> None:
    process = run(packages, "--alluredir=out")

    assert process.returncode == 4
    assert process.stderr.strip() == f"ERROR: {MISSING}"
