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
        process = run(
            *("-o", "python_files=sample_*.py", f"--verdicts={file}"),
            "--wait-for-target=0.5",
            f"--target=iscsi://{running.portal}/{running.target.name}",
            path="tests/suites/samples/sample_remote.py",
            ASSAY_VICTIM=str(pid),
        )

    assert process.returncode == 7, process.stdout
    assert "serves no login within 0.5 s" in process.stdout
    assert "the target dies" in process.stdout
    document = read(file)
    assert not document.is_complete
    assert "serves no login within 0.5 s" in document.why_incomplete
    killed, late_command = document.checks
    assert killed.outcome is Outcome.BROKEN
    assert killed.ending is not None
    assert killed.ending.kind is EndingKind.VANISHED
    assert late_command.outcome is Outcome.NOT_RUN
