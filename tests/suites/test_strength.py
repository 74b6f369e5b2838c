# SPDX-License-Identifier: GPL-2.0-only
"""Runs with `--strength` against a target that one combination makes go wrong."""

import json
from pathlib import Path

import pytest

from initiator import bundle
from initiator.segments import Cut
from reports.model import Outcome, Search
from reports.run import read
from tests.suites.runs import run

pytestmark = pytest.mark.integration

_FAULT = "sense-is-lost-under-header-digests-in-short-segments"
_CHECK = "suites/conformance/command/test_responses.py"
_NAME = "test_check_condition_brings_sense"


def test_a_combination_that_provokes_a_failure_is_found_and_named(
    tmp_path: Path,
) -> None:
    verdicts, results = tmp_path / "run.json", tmp_path / "results"

    process = run(
        "--target=reference",
        f"--fault={_FAULT}",
        "--strength=3",
        "--tb=short",
        f"--verdicts={verdicts}",
        f"--alluredir={results}",
        path=f"{_CHECK}::{_NAME}",
    )

    assert process.returncode == 1, process.stdout
    result = read(verdicts)
    broken = [one for one in result.checks if one.outcome is Outcome.BROKEN]
    assert result.strength == 3
    assert broken
    # Strength 1 does not notice it.
    assert {"@plain]"} <= {
        one.check.partition("[")[2]
        for one in result.checks
        if one.outcome is Outcome.PASSED
    }
    for one in broken:
        assert one.combination is not None
        assert one.combination.search is Search.DONE
        assert {*(one.combination.smallest or ())} == {
            "HeaderDigest",
            "MaxRecvDataSegmentLength",
        }
    assert "1 finding in" in process.stdout
    assert "needs  HeaderDigest=CRC32C, MaxRecvDataSegmentLength=" in process.stdout
    assert "What provokes it" in process.stdout
    _expect_parameters(results, len(broken))
    _expect_cut(results.parent / "bundles", {one.bundle for one in broken})


def _expect_parameters(results: Path, number: int) -> None:
    """Expect Allure's results to name the combination once for each failure."""
    named = [
        parameter["value"]
        for path in results.glob("*-result.json")
        for parameter in json.loads(path.read_text()).get("parameters", ())
        if parameter["name"] == "provoked by"
    ]
    assert len(named) == number
    assert all("HeaderDigest=CRC32C, MaxRecv" in value for value in named)


def _expect_cut(folder: Path, names: set[str]) -> None:
    """Expect bundles to hold how the stream was cut, for a replay."""
    cuts = {bundle.read(folder / name).cut for name in names}
    assert Cut.MID_HEADER in cuts


def test_the_offers_that_a_finding_names_provoke_it(tmp_path: Path) -> None:
    verdicts = tmp_path / "run.json"

    process = run(
        "--target=reference",
        f"--fault={_FAULT}",
        "--offer=HeaderDigest=CRC32C",
        "--offer=MaxRecvDataSegmentLength=512",
        f"--verdicts={verdicts}",
        path=f"{_CHECK}::{_NAME}",
    )

    assert process.returncode == 1, process.stdout
    assert read(verdicts).strength == 1


def test_an_unknown_way_to_cut_is_refused() -> None:
    process = run("--target=reference", "--cut=joined")

    assert process.returncode != 0
    assert "joined" in process.stderr
    assert "Traceback" not in process.stderr
