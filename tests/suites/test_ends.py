# SPDX-License-Identifier: GPL-2.0-only
"""Runs that are ended, lose a worker, or have their target get stuck."""

import signal
from pathlib import Path

import pytest

from reports.model import Check, EndingKind, Outcome, Run
from reports.run import read
from tests.suites.runs import run

pytestmark = pytest.mark.integration

INTERRUPTED = 2


def sample(file: Path, names: str, *arguments: str, number: int = 0) -> tuple[int, str]:
    process = run(
        *("-o", "python_files=sample_*.py", f"--verdicts={file}", "-k", names),
        *("--target=reference", *arguments),
        path="tests/suites/samples/sample_ends.py",
        ASSAY_SIGNAL=str(number),
    )
    assert "INTERNALERROR" not in process.stdout + process.stderr, process.stdout
    assert "all checks" in process.stdout, process.stdout + process.stderr
    return process.returncode, process.stdout


def by_name(document: Run) -> dict[str, Check]:
    return {one.check.rpartition("::test_")[2]: one for one in document.checks}


@pytest.mark.parametrize("workers", ["0", "1"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_terminated_run_writes_all_its_files(
    tmp_path: Path, number: signal.Signals, workers: str
) -> None:
    file = tmp_path / "run.json"
    code, displayed = sample(
        file,
        "first or signalled or last",
        *("-n", workers),
        number=number,
    )

    assert code == INTERRUPTED, displayed
    document = read(file)
    checks = by_name(document)
    assert not document.is_complete
    assert checks["first"].outcome is Outcome.PASSED
    if number is signal.SIGTERM:
        assert "ended by SIGTERM" in document.why_incomplete
    if workers == "0":
        assert checks["signalled"].outcome is Outcome.NOT_RUN
        assert checks["last"].outcome is Outcome.NOT_RUN


@pytest.mark.parametrize("when", ["suites.plugins.options", "configure"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_before_it_begins_says_so_in_one_line(
    number: signal.Signals, when: str
) -> None:
    process = run(
        *("-p", "tests.suites.signalled"),
        ASSAY_SIGNAL=str(int(number)),
        ASSAY_WHEN=when,
    )

    assert process.returncode == INTERRUPTED
    name = "SIGTERM" if number is signal.SIGTERM else "Ctrl-C"
    output = (process.stdout + process.stderr).splitlines()
    assert output == [f"ended by {name} before the run began"]


@pytest.mark.parametrize("when", ["finish", "unconfigure"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_does_not_cut_the_end_of_a_run(
    tmp_path: Path, number: signal.Signals, when: str
) -> None:
    file = tmp_path / "run.json"
    process = run(
        *("-p", "tests.suites.signalled", f"--verdicts={file}", "--target=reference"),
        path="suites/conformance/nop/test_ping.py",
        ASSAY_SIGNAL=str(int(number)),
        ASSAY_WHEN=when,
    )

    assert process.returncode == 0, process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr
    assert read(file).is_complete


def test_the_last_check_is_charged_too(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    code, displayed = sample(file, "stuck_unseen", "--peer-timeout=1")

    assert code == 1, displayed
    (killer,) = read(file).checks
    assert killer.target_died


def test_a_killed_worker_is_trouble_and_the_run_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    process = run(
        *("-p", "tests.suites.dying_worker", "-n", "1", f"--verdicts={file}"),
        "--target=reference",
        path="suites/conformance/nop/test_ping.py",
        ASSAY_DIES_IN="test_answer_advances_stat_sn",
    )

    assert process.returncode == 1, process.stdout
    assert "INTERNALERROR" not in process.stdout + process.stderr
    document = read(file)
    assert document.is_complete
    (lost,) = (one for one in document.checks if one.outcome is not Outcome.PASSED)
    assert lost.check == "nop/test_ping.py::test_answer_advances_stat_sn"
    assert lost.outcome is Outcome.TROUBLE
    assert "crashed while running" in lost.reason


def test_a_target_that_is_stuck_is_restarted(tmp_path: Path) -> None:
    """Its process lives, as one that spins, and the kernel accepts in its name."""
    file = tmp_path / "run.json"
    code, displayed = sample(file, "stuck or not_restarted or last", "--peer-timeout=1")

    assert code == 1, displayed
    checks = by_name(read(file))
    for name in ("stuck", "stuck_in_setup", "stuck_late", "stuck_unseen"):
        ending = checks[name].ending
        assert ending is not None, displayed
        assert ending.kind is EndingKind.HUNG
        assert checks[name].outcome is Outcome.BROKEN
    # If the lab ends the target, no check is charged.
    trouble = checks["not_restarted"]
    assert trouble.outcome is Outcome.TROUBLE, displayed
    assert trouble.ending is None or trouble.ending.kind is EndingKind.LAB
    assert checks["last"].outcome is Outcome.PASSED
    assert "4 checks" in displayed.partition("the target hangs")[2].splitlines()[0]
