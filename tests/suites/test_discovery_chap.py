# SPDX-License-Identifier: GPL-2.0-only
"""The checks of Discovery sessions that are asked for CHAP."""

from pathlib import Path

import pytest

import targets
from reports.model import Outcome
from reports.run import read
from tests.suites.runs import run
from tests.tools import require

pytestmark = pytest.mark.integration

CHECKS = "suites/conformance/discovery/test_chap.py"
PROGRAMS = {"reference": (), "tgt": ("tgtd", "tgtadm"), "istgt": ("istgt",)}

FILE = """
label = "open"

[[portal]]
address = "{portal}"

[[target]]
name = "{name}"

[discovery.chap]
user = "discoverer"
secret = "of-twelve-bytes"
"""


@pytest.mark.parametrize("kind", PROGRAMS)
def test_they_hold_on_each_kind(kind: str, tmp_path: Path) -> None:
    require(*PROGRAMS[kind])
    file = tmp_path / "run.json"
    process = run(
        f"--target={kind}", "--discovery-chap", f"--verdicts={file}", path=CHECKS
    )

    assert process.returncode == 0, process.stdout
    outcomes = {one.outcome for one in read(file).checks}
    assert outcomes <= {Outcome.PASSED, Outcome.DEVIATES}


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (
            "chap-takes-any-response",
            {"wrong_response[0]", "wrong_response[127]", "proof_of_another_connection"},
        ),
        ("chap-takes-reflected-challenge", {"reflected_challenge"}),
    ],
)
def test_they_notice_a_fault(fault: str, names: set[str], tmp_path: Path) -> None:
    assert names <= broken(
        tmp_path, "--target=reference", "--discovery-chap", f"--fault={fault}"
    )


def test_they_notice_a_target_that_asks_for_nothing(tmp_path: Path) -> None:
    """The file says that discovery has CHAP, and the target lets everybody in."""
    provider = targets.parse("reference")
    running = provider.start()
    try:
        path = tmp_path / "open.toml"
        path.write_text(FILE.format(portal=running.portal, name=running.target.name))
        path.chmod(0o600)
        names = broken(tmp_path, f"--target={path}")
    finally:
        provider.stop()

    assert {"security_stage_is_not_skipped", "nothing_but_chap_is_chosen"} <= names


def broken(folder: Path, *arguments: str) -> set[str]:
    """Run the checks; return the names of those that fail."""
    file = folder / "run.json"
    process = run(*arguments, f"--verdicts={file}", path=CHECKS)
    assert process.returncode == 1, process.stdout + process.stderr
    return {
        one.check.rpartition("::test_")[2]
        for one in read(file).checks
        if one.outcome is Outcome.BROKEN
    }
