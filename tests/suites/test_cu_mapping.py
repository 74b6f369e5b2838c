# SPDX-License-Identifier: GPL-2.0-only
"""The map from iscsi-test-cu's tests to ours is whole and names checks that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import tools

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "iscsi-test-cu.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", TEXT)))
ROWS = [
    [cell.strip() for cell in row.strip("| ").split(" | ")]
    for row in TEXT.partition("## The tests")[2].splitlines()
    if re.match(r"\| \w+\.", row)
]
TESTS = 230


@pytest.mark.parametrize("check", NAMED)
def test_a_check_that_is_named_exists(check: str) -> None:
    file, _, name = check.partition("::")
    folder = ROOT if file.startswith("suites/") else ROOT / "suites" / "conformance"

    assert f"def {name}(" in (folder / file).read_text(encoding="utf-8")


def test_every_test_is_mapped() -> None:
    names = [row[0] for row in ROWS]

    assert len(names) == len(set(names)) == TESTS
    assert all(row[2].startswith(("`", "none: ")) for row in ROWS)


@pytest.mark.integration
def test_the_list_is_the_programs_own() -> None:
    tools.require("iscsi-test-cu")
    process = subprocess.run(
        ["iscsi-test-cu", "--list"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    listed = re.findall(r"^ALL\.(\w+\.\S+)$", process.stdout, re.MULTILINE)

    assert listed
    assert sorted(row[0] for row in ROWS) == sorted(listed)
