# SPDX-License-Identifier: GPL-2.0-only
"""The list of public bugs names checks that there are."""

import ast
import datetime as dt
import tomllib
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "spec" / "regressions.toml"


class Regression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    product: str
    link: str
    date: dt.date
    versions: str
    symptom: str
    checks: tuple[str, ...]


REGRESSIONS = msgspec.convert(
    tomllib.loads(FILE.read_text())["regression"], list[Regression]
)


def test_there_are_forty_of_six_products() -> None:
    assert len(REGRESSIONS) >= 40
    assert len({one.id for one in REGRESSIONS}) == len(REGRESSIONS)
    products = {one.product for one in REGRESSIONS}
    assert {"LIO", "SCST", "tgt", "SPDK", "CTL", "tcmu-runner"} <= products


@pytest.mark.parametrize("one", REGRESSIONS, ids=lambda one: one.id)
def test_each_names_checks_that_there_are(one: Regression) -> None:
    assert one.link.startswith("https://")
    assert one.symptom.endswith(".")
    assert one.checks
    for check in one.checks:
        name, _, function = check.partition("::")
        path = ROOT / "suites" / name
        assert path.is_file(), check
        if function:
            tree = ast.parse(path.read_text())
            assert function in {getattr(node, "name", "") for node in tree.body}, check
