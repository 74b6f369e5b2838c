# SPDX-License-Identifier: GPL-2.0-only
"""The map from UNH-IOL's tests to ours names checks that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "unh-iol.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", TEXT)))
FULL_FEATURE_TESTS = 82


@pytest.mark.parametrize("check", NAMED)
def test_a_check_that_is_named_exists(check: str) -> None:
    file, _, name = check.partition("::")
    source = (ROOT / "suites" / "conformance" / file).read_text(encoding="utf-8")

    assert f"def {name}(" in source


def test_every_full_feature_test_is_mapped() -> None:
    part = TEXT.partition("## Full feature phase")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in part.splitlines() if re.match(r"\| \d", row)]
    numbers = [number for row in rows for number in re.findall(r"[\d.]+", row[1])]

    assert len(numbers) == len(set(numbers)) == FULL_FEATURE_TESTS
    assert all(row[3].strip() for row in rows)
