# SPDX-License-Identifier: GPL-2.0-only
"""The lock files of Python packages: the versions asked for, digests, no address."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-lab.txt")
_REQUIREMENT = re.compile(r"([\w.-]+)==([\w.]+)")


def normal(name: str) -> str:
    """Return the one form of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lines(path: str) -> list[str]:
    """Return the requirements of a file, a line each, without comments."""
    text = (ROOT / path).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def versions(path: str) -> dict[str, str]:
    """Return the version of each package in a file."""
    matches = {}
    for line in lines(path):
        match = _REQUIREMENT.match(line)
        assert match, line
        matches[normal(match[1])] = match[2]
    return matches


def test_the_locks_have_the_versions_that_are_asked_for() -> None:
    first, second = (versions(path) for path in LOCKS)

    assert first | second == versions("constraints.txt")
    # Packages of the lab depend on some that are in both files.
    assert all(first[name] == second[name] for name in first.keys() & second.keys())


def test_the_locks_have_what_the_project_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lab = {normal(name) for name in extras.pop("lab")}
    needed = {
        *project["dependencies"],
        *(name for names in extras.values() for name in names),
    }

    assert {normal(name) for name in needed} <= versions("requirements.txt").keys()
    assert lab <= versions("requirements-lab.txt").keys()


@pytest.mark.parametrize("path", LOCKS)
def test_each_package_has_digests_and_no_address(path: str) -> None:
    for line in lines(path):
        name, *digests = line.split()
        assert digests, name
        assert all(
            re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in digests
        )
    assert "://" not in (ROOT / path).read_text()
