# SPDX-License-Identifier: GPL-2.0-only
"""The wheel, installed into an empty environment and run in another folder."""

import re
from pathlib import Path

import pytest

from reports.run import read
from reports.suites import ROOT
from tests.suites.installed import Installed, install
from tests.tools import require

pytestmark = pytest.mark.integration

_PASSED = re.compile(r"(\d+) passed")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The environment."""
    return install(tmp_path_factory)


@pytest.fixture(params=["reference", "tgt"])
def target(request: pytest.FixtureRequest) -> str:
    """A target to run on."""
    name: str = request.param
    if name == "tgt":
        require("tgtd", "tgtadm")
    return name


def test_an_area_runs_from_any_folder(
    installed: Installed, tmp_path: Path, target: str
) -> None:
    result = installed.run(
        *("iscsi-assay", "run", f"--target={target}", "--area", "nop", "-q"),
        *("--verdicts=run.json",),
        cwd=tmp_path,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert _PASSED.search(result.stdout)
    assert "arning" not in result.stdout + result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", ".pytest_cache"}
    page = installed.run("iscsi-assay", "report", "findings", "run.json", cwd=tmp_path)
    assert (page.returncode, page.stderr) == (0, "")


@pytest.mark.lab
def test_the_complete_suite_runs(
    installed: Installed, tmp_path: Path, target: str
) -> None:
    result = installed.run(
        *("iscsi-assay", "run", f"--target={target}", "-n", "2", "-q"),
        cwd=tmp_path,
        seconds=3600,
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_pytest_knows_the_targets(installed: Installed, tmp_path: Path) -> None:
    result = installed.run("pytest", "--target=help", cwd=tmp_path)

    assert result.returncode == 0
    assert "--target=NAME, one of:\n  reference " in result.stdout


def test_coverage_is_that_of_the_clone(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")

    result = installed.run("python", "-m", "reports", "coverage", cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert re.search(r"RFC 7143: \d+ of \d+ requirements covered", result.stdout)


def test_a_fault_is_noticed(installed: Installed, tmp_path: Path) -> None:
    result = installed.run(
        *("iscsi-assay", "faults", "nop-out-unanswered", "--sample", "2"), cwd=tmp_path
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 faults: 1 noticed" in result.stdout


def test_checks_run_in_a_project_by_the_name_of_their_package(
    installed: Installed, tmp_path: Path
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    result = installed.run(
        *("pytest", "--pyargs", "suites.conformance", "--target=reference"),
        *("--area", "text", "-q", "--verdicts=run.json"),
        cwd=tmp_path,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    names = [one.check for one in read(tmp_path / "run.json").checks]
    assert names
    assert all(name.startswith("text/test_") for name in names)
    assert read(tmp_path / "run.json").suite == "conformance"


def test_another_projects_tests_are_left_alone(
    installed: Installed, tmp_path: Path
) -> None:
    folder = tmp_path / "testsuites"
    folder.mkdir()
    (folder / "test_x.py").write_text("def test_x():\n    assert True\n")

    result = installed.run("pytest", "testsuites", "-q", cwd=tmp_path)

    assert result.returncode == 0
    assert result.stdout.splitlines()[0].startswith(". ")
    assert re.fullmatch(r"1 passed in [\d.]+s", result.stdout.splitlines()[-1])
    assert len(result.stdout.splitlines()) == 2


def test_files_that_are_read_at_run_time_are_there(
    installed: Installed, tmp_path: Path
) -> None:
    code = "import suites; print(suites.__path__[0])"
    place = installed.run("python", "-c", code, cwd=tmp_path).stdout.strip()
    packages = Path(place).parent
    assert not packages.is_relative_to(ROOT)

    for name in ("spec", "suites", "reports", "targets", "vmlab", "iscsi_assay"):
        own = {
            path.relative_to(ROOT)
            for path in (ROOT / name).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }
        assert own == {one for one in own if (packages / one).exists()}


def test_pages_that_helps_name_are_there(installed: Installed) -> None:
    pages = installed.folder / "share" / "doc" / "iscsi-assay"

    assert (pages / "library.md").read_text() == (ROOT / "docs/library.md").read_text()


def test_the_robustness_suite_asks_before_it_may_crash_a_target(
    installed: Installed, tmp_path: Path
) -> None:
    place = "--target=iscsi://127.0.0.1:1/iqn.2026-01.org.example:x"

    for words in (
        ("pytest", "--pyargs", "suites.robustness"),
        ("pytest", "--pyargs", "suites.robustness.pdus"),
        ("pytest", "--pyargs", "suites"),
        ("iscsi-assay", "run", "robustness"),
    ):
        result = installed.run(*words, place, cwd=tmp_path)

        assert result.returncode == pytest.ExitCode.USAGE_ERROR, words
        assert "give --allow-crash" in result.stderr
