# SPDX-License-Identifier: GPL-2.0-only
"""The results that are written at less cost are those of allure-pytest itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("allure_pytest")

ROOT = Path(__file__).parents[2]

SUITE = '''
"""A suite with what a result can hold."""

import allure
import pytest


def test_plain():
    """The target does this."""


@pytest.mark.smoke
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("function", [len, lambda: 0], ids=["len", "zero"])
def test_parameters(number, function):
    """Not a title, but a description."""
    assert number == 1


@allure.title("{number} of {param_id}")
@pytest.mark.parametrize("number", [3], ids=["three"])
def test_title(number):
    with allure.step("a step"):
        allure.attach(b"bytes", "name", "text/plain", "txt")


@allure.label("owner", "somebody")
@allure.link("http://localhost/", name="here")
@allure.description("Words.")
@pytest.mark.parametrize("number", [4])
def test_marks_of_allure(number):
    raise ValueError(number)


@pytest.mark.skip(reason="no")
def test_skipped():
    pass


@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False


@pytest.fixture
def broken():
    raise OSError("no")


def test_setup_fails(broken):
    pass
'''
LEAN = """
import pytest
from reports.allure_lean import make_lean


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    make_lean(config)
"""


def results(folder: Path, conftest: str) -> dict[str, dict[str, Any]]:
    """Run the suite, and return its results by their names in pytest."""
    suite = folder / "suite"
    suite.mkdir(parents=True)
    (suite / "test_all.py").write_text(SUITE)
    (suite / "conftest.py").write_text(conftest)
    options = ("-q", "-p", "allure_pytest.plugin", "-p", "no:cacheprovider")
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--alluredir={folder / 'results'}"],
        cwd=suite,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ", 4 passed, 1 skipped, 1 xfailed, " in process.stdout, (
        process.stdout + process.stderr
    )
    read = [
        json.loads(re.sub(rf" at 0x[0-9a-f]+|{folder}", "", path.read_text()))
        for path in (folder / "results").glob("*-result.json")
    ]
    return {f"{one['fullName']} {one.get('parameters')}": one for one in read}


def comparable(result: dict[str, Any]) -> str:
    """Return a result without what differs from run to run."""
    labels = {
        name: value
        for name, value in result.items()
        if name not in {"uuid", "start", "stop", "historyId"}
    }
    text = json.dumps(labels, indent=1)
    text = re.sub(r"[0-9a-f-]{36}-attachment", "", text)
    return re.sub(r'"(start|stop)": \d+|"\d+-MainThread"', "", text)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The results of Allure's own plugins, and ours."""
    own = results(tmp_path_factory.mktemp("own"), "")
    return own, results(tmp_path_factory.mktemp("lean"), LEAN)


def test_results_are_the_same(
    both: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]],
) -> None:
    own, lean = both

    assert own.keys() == lean.keys()
    assert len(own) == 10
    for name, result in own.items():
        assert comparable(lean[name]) == comparable(result), name


def test_each_parameter_set_has_a_history_of_its_own(
    both: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]],
) -> None:
    _, lean = both

    assert len({one["historyId"] for one in lean.values()}) == len(lean)
