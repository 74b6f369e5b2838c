# SPDX-License-Identifier: GPL-2.0-only
"""The gate for new checks: what has changed, how often it ran, what is not steady."""

import subprocess
from pathlib import Path

import pytest

from reports.model import FORMAT, Check, Outcome, Run
from reports.run import read
from suites.steady import GateError, Rate, changed, main, rates
from tests.suites.runs import run

SHAKY = "tests/suites/samples/sample_shaky.py"

FILE = '''"""A file of checks."""

import pytest


def helper() -> int:
    return 1


@pytest.mark.parametrize("a", [1])
def test_one(a: int) -> None:
    assert a


def test_two() -> None:
    assert helper()
'''


def git(place: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", place, *who, *words], check=True, capture_output=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "suites" / "conformance" / "nop" / "test_it.py"
    path.parent.mkdir(parents=True)
    path.write_text(FILE)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return path


NAME = "suites/conformance/nop/test_it.py::"


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("[1]", "[1, 2]", ["test_one"]),
        ("assert helper()", "assert helper() == 1", ["test_two"]),
        ("return 1", "return 2", ["test_one", "test_two"]),
        ("    assert a\n", "    assert a\n    assert a > 0\n", ["test_one"]),
        ("\n\ndef test_two", "\n\n\ndef test_two", []),
        (
            "def test_two",
            "def test_new() -> None:\n    pass\n\n\ndef test_two",
            ["test_new"],
        ),
        ("\n\ndef test_two() -> None:\n    assert helper()\n", "", ["test_one"]),
    ],
)
def test_a_check_whose_lines_differ_has_changed(
    file: Path, tmp_path: Path, old: str, new: str, names: list[str]
) -> None:
    assert changed("main", tmp_path) == []

    file.write_text(FILE.replace(old, new))

    changes_found = [one.removeprefix(NAME) for one in changed("main", tmp_path)]
    # A deleted line may concern the check before it, but no other.
    assert changes_found == names or (not new and changes_found in ([], ["test_one"]))


def test_a_commit_and_a_new_file_are_changes(file: Path, tmp_path: Path) -> None:
    git(tmp_path, "checkout", "-q", "-b", "mine")
    file.write_text(FILE.replace("assert a", "assert a == 1"))
    git(tmp_path, "commit", "-q", "-a", "-m", "two")
    file.with_name("test_new.py").write_text("def test_it() -> None:\n    pass\n")
    (file.parent / "other.py").write_text("def test_it() -> None:\n    pass\n")

    changes_found = changed("main", tmp_path)

    assert changes_found == [
        f"{NAME}test_one",
        "suites/conformance/nop/test_new.py::test_it",
    ]
    with pytest.raises(GateError, match="git merge-base"):
        changed("nowhere", tmp_path)


SUPPORT = '''"""Shared."""

import os

LIMIT = 5


def base() -> int:
    return LIMIT


def through() -> int:
    return base()


class Other:
    def method(self) -> int:
        return 1
'''
USERS = """from suites.support import shared


def local() -> int:
    return shared.through()


def test_direct() -> None:
    assert shared.base()


def test_far() -> None:
    assert local()


def test_fixture(other_fixture: int) -> None:
    assert other_fixture


def test_nothing() -> None:
    pass
"""
CONFTEST = """import pytest


@pytest.fixture
def other_fixture() -> int:
    return Other().method()
"""


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("LIMIT = 5", "LIMIT = 6", ["direct", "far"]),
        ("return base()", "return base() + 1", ["far"]),
        ("        return 1", "        return 2", ["fixture"]),
        ("import os", "import sys", []),
    ],
)
def test_a_change_of_shared_code_concerns_the_checks_that_use_it(
    file: Path, tmp_path: Path, old: str, new: str, names: list[str]
) -> None:
    shared = tmp_path / "suites" / "support" / "shared.py"
    shared.parent.mkdir()
    shared.write_text(SUPPORT)
    file.write_text(USERS)
    file.with_name("conftest.py").write_text(CONFTEST)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "two")
    git(tmp_path, "checkout", "-q", "-b", "mine")

    shared.write_text(SUPPORT.replace(old, new))

    assert changed("main", tmp_path) == [f"{NAME}test_{name}" for name in names]


def test_a_file_that_is_no_python_is_one_line(file: Path, tmp_path: Path) -> None:
    file.write_text("def test_it(:\n")

    with pytest.raises(GateError, match="syntax error"):
        changed("main", tmp_path)


def run_with(outcome: Outcome, **repeats: int) -> Run:
    check = Check(check="a", outcome=outcome, requirements=(), repeats=repeats)
    return Run(format=FORMAT, checks=(check,))


def test_a_rate_is_of_all_runs_together() -> None:
    steady = [run_with(Outcome.PASSED, passed=10), run_with(Outcome.PASSED)]
    unsteady = [*steady, run_with(Outcome.BROKEN)]

    assert rates("tgt", steady) == [Rate("tgt", "a", {Outcome.PASSED: 11})]
    assert rates("tgt", steady)[0].is_steady
    (one,) = rates("tgt", unsteady)
    assert not one.is_steady
    assert "a: passed 11 of 12, broken 1 of 12" in str(one)
    # A check that never has a verdict is not steady.
    assert not rates("tgt", [run_with(Outcome.TROUBLE)])[0].is_steady


@pytest.mark.integration
def test_a_check_that_is_not_steady_is_named_with_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "run.json"

    process = run("--repeat=10", f"--verdicts={path}", "-q", path=SHAKY)

    assert process.returncode == 1, process.stdout
    assert "test_every_fifth: passed 8 of 10, broken 2 of 10" in process.stdout
    assert "test_always" not in process.stdout.partition("not steady")[2]
    document = {one.check.rpartition("::")[2]: one for one in read(path).checks}
    assert document["test_every_fifth"].outcome is Outcome.BROKEN
    assert document["test_every_fifth"].repeats == {"passed": 8, "broken": 2}
    # Each pass has a session of its own.
    assert document["test_always"].repeats == {"passed": 10}


@pytest.mark.integration
def test_the_gate_runs_checks_again_and_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check = "suites/conformance/nop/test_ping.py::test_answer_has_no_transfer_tag"
    few = ["--repeat=3", "--fresh=1", "--target=reference"]

    assert main([check, *few]) == 0
    assert capsys.readouterr().out == "1 checks ran 4 times each: 0 not steady\n"
    assert main([SHAKY, "--repeat=5", "--fresh=0", "--target=reference"]) == 1
    printed = capsys.readouterr().out
    assert "test_every_fifth: passed 4 of 5, broken 1 of 5" in printed
    assert main(["--repeat=0"]) == 2
    assert "--repeat must be above 0" in capsys.readouterr().err
