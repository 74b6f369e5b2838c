# SPDX-License-Identifier: GPL-2.0-only
"""The map from the tests of other suites to ours names checks that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", TEXT)))
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| test |")
]


@pytest.mark.parametrize("check", NAMED)
def test_a_check_that_is_named_exists(check: str) -> None:
    file, _, name = check.partition("::")
    folder = ROOT if file.startswith("suites/") else ROOT / "suites" / "conformance"

    assert f"def {name}(" in (folder / file).read_text(encoding="utf-8")


def test_each_row_has_a_check_or_says_that_there_is_none() -> None:
    assert ROWS
    for row in ROWS:
        assert len(row) == 3, row
        assert "`" in row[2] or row[2].startswith("*none"), row
