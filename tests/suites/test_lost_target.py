# SPDX-License-Identifier: GPL-2.0-only
"""A target that dies and cannot be started again: what the run still says."""

from pathlib import Path

import pytest

from reports.model import EndingKind, Outcome
from reports.run import read
from targets import parse
from tests.suites.runs import run

pytestmark = pytest.mark.integration


def test_the_check_that_killed_it_keeps_its_verdict(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    with parse("reference") as running:
        pid = running.control.process.pid  # type: ignore[attr-defined]
        done = run(
            *("-o", "python_files=sample_*.py", f"--verdicts={file}"),
            "--wait-for-target=0.5",
            f"--target=iscsi://{running.portal}/{running.target.name}",
            path="tests/suites/samples/sample_remote.py",
            ASSAY_VICTIM=str(pid),
        )

    assert done.returncode == 7, done.stdout
    assert "serves no login within 0.5 s" in done.stdout
    assert "the target dies" in done.stdout
    found = read(file)
    assert not found.is_complete
    assert "serves no login within 0.5 s" in found.why_incomplete
    killed, late = found.checks
    assert killed.outcome is Outcome.BROKEN
    assert killed.ending is not None
    assert killed.ending.kind is EndingKind.VANISHED
    assert late.outcome is Outcome.NOT_RUN
