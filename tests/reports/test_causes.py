# SPDX-License-Identifier: GPL-2.0-only
"""Findings of targets with known causes: faults of the reference target.

`faults.json` has what failed in a run with each of some faults alone, as the suite saw
it; any number of them at once are put together here, as a target that has them all
would be seen. The last test runs several at once indeed.
"""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftarget.faults import FAULTS
from reports.coverage import collect_items
from reports.findings import findings
from reports.model import Check
from reports.run import read
from spec import load
from tests.reports.samples import passed, run_of
from tests.suites.runs import run

RECORDED = msgspec.json.decode(
    Path(__file__).with_name("faults.json").read_bytes(), type=dict[str, list[Check]]
)
CATALOGUE = load()


def named(clauses: set[str], *, among: tuple[Check, ...]) -> list[int]:
    """Return the numbers of the findings that name one of some clauses."""
    grouped = findings(run_of(among))
    return [one.number for one in grouped if not clauses.isdisjoint(one.clauses)]


@given(st.sets(st.sampled_from(sorted(RECORDED)), min_size=1, max_size=6))
def test_each_cause_is_named_once_and_nothing_that_holds_is_accused(
    faults: set[str],
) -> None:
    failed = tuple(check for name in sorted(faults) for check in RECORDED[name])
    checks = (*failed, passed("z.py::test_z", "RFC7143-11.19-02"))

    grouped = findings(run_of(checks))

    broken = {name for fault in faults for name in FAULTS[fault].requirements}
    assert {name for one in grouped for name in one.clauses} <= broken
    for fault in faults:
        clauses = set(FAULTS[fault].requirements)
        assert len(named(clauses, among=checks)) == 1, fault
    assert len(grouped) <= len(faults)


def place(fault: str) -> tuple[str, str]:
    entry = CATALOGUE[FAULTS[fault].requirement]
    return entry.document, entry.section


@given(st.lists(st.sampled_from(sorted(RECORDED)), max_size=6, unique_by=place))
def test_causes_in_different_sections_are_distinguished(faults: list[str]) -> None:
    checks = [check for name in faults for check in RECORDED[name]]

    assert len(findings(run_of(checks))) == len(faults)


@pytest.mark.integration
@pytest.mark.parametrize("seed", [1, 2])
def test_several_faults_at_once_are_found_by_the_suite(
    tmp_path: Path, seed: int
) -> None:
    chosen = random.Random(seed).sample(sorted(RECORDED), 4)  # noqa: S311
    names = {name for fault in chosen for name in FAULTS[fault].requirements}
    suite = collect_items().checks
    path = tmp_path / "run.json"

    process = run(
        *sorted({check for name in names for check in suite[name]}),
        *(f"--fault={fault}" for fault in chosen),
        f"--verdicts={path}",
        "--peer-timeout=2",
        path="-q",
        seconds=300,
    )

    assert process.returncode == 1, process.stdout
    document = findings(read(path))
    first = [one.clauses[0] for one in document]
    assert set(first) == names
    assert len(first) == len(names)
