# SPDX-License-Identifier: GPL-2.0-only
"""The example of a vendor's repository (docs/examples/vendor), run elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.model import Outcome
from reports.run import read
from reports.suites import ROOT
from tests.suites.installed import Installed, install

pytestmark = pytest.mark.integration

EXAMPLE = ROOT / "docs" / "examples" / "vendor"
OWN = 4
"""How many checks it has."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the example."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "acme", ignore=ignored))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel."""
    return install(tmp_path_factory)


def in_clone(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest with the toolkit as it is installed here."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_own_checks_run_on_the_reference_target(repository: Path) -> None:
    plugins = ("-p", "suites.plugins.entry")  # also if the clone is not installed

    result = in_clone("pytest", *plugins, "-q", "--verdicts=run.json", cwd=repository)

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{OWN} passed" in result.stdout
    (check,) = read(repository / "run.json").checks
    assert check.outcome is Outcome.PASSED
    assert check.requirements == ("RFC7143-11.19-02",)


def test_an_own_check_that_fails_is_a_finding(
    installed: Installed, repository: Path
) -> None:
    result = installed.run(
        *("pytest", "--target=reference", "--fault=nop-in-without-echo", "-q"),
        cwd=repository,
    )

    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 finding in 1 check\n" in result.stdout
    assert "clause  RFC7143-11.19-02: NOP-In answer echoes ping data" in result.stdout
    second = "iscsi-assay run checks/test_acme.py::test_our_management_tool_is_answered"
    assert second in result.stdout


def test_own_checks_and_the_suite_run_in_one_go(
    installed: Installed, repository: Path
) -> None:
    result = installed.run(
        *("pytest", "checks", "--pyargs", "suites.conformance.nop", "-n", "2", "-q"),
        *("--target=reference", "--verdicts=run.json"),
        cwd=repository,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    names = {one.check for one in read(repository / "run.json").checks}
    assert any(name.startswith("nop/test_") for name in names)
    own = "checks/test_acme.py::test_our_management_tool_is_answered"
    assert own in names
