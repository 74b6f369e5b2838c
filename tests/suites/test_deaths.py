# SPDX-License-Identifier: GPL-2.0-only
"""Targets that die, hang, spin, flood, vanish or trickle, at every stage of a check."""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import tomli_w

from reports.again import options_without_killers
from reports.categories import CHECK, LABEL
from reports.model import Check, EndingKind, Outcome, Run
from reports.run import read
from reports.severity import Severity
from reports.statement import state
from suites.plugins.lost import TARGET_LOST
from targets import parse
from tests.suites.runs import run
from tests.suites.standin import STAGES, Misbehaviour, StandIn, stand_in

pytestmark = pytest.mark.integration

SAMPLES = "tests/suites/samples/sample_deaths.py"

BACK_SECONDS = {Misbehaviour.DIES: 5.0, Misbehaviour.VANISHES: 20.0}
"""A run needs ten seconds to find that nothing answers: five for the check's answer and
five for a look at the portal."""

WAIT_SECONDS = 60
"""How long a run waits for what comes back by itself."""

ANSWER_SECONDS = 5
"""What an answer may take, on a machine with much more to do than it can."""

RUN_SECONDS = 600
"""A run takes two minutes, and waits for most of them."""

HALVES = tuple(STAGES)[::2], tuple(STAGES)[1::2]
"""The stages in two runs, which wait side by side."""

KINDS = {
    Misbehaviour.DIES: EndingKind.VANISHED,
    Misbehaviour.HANGS: EndingKind.HUNG,
    Misbehaviour.SPINS: EndingKind.HUNG,
    Misbehaviour.VANISHES: EndingKind.VANISHED,
    Misbehaviour.TRICKLES: EndingKind.HUNG,
}

SEVERITIES = {
    EndingKind.VANISHED: Severity.DEATH,
    EndingKind.HUNG: Severity.HANG,
}

COMES_BACK = (
    "import socket, sys; peer = socket.create_connection(('127.0.0.1', sys.argv[1]));"
    "sys.exit(peer.recv(4) != b'back')"
)
"""A program that has a stand-in serve again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of the samples that is over."""

    misbehaviour: Misbehaviour
    stages: Sequence[str]
    done: subprocess.CompletedProcess[str]
    run: Run
    folder: Path


def sample(
    misbehaviour: Misbehaviour,
    stages: Sequence[str],
    folder: Path,
    *arguments: str,
    back: float | None = None,
    is_restarted: bool = False,
) -> Ended:
    """Run the samples of some stages on a stand-in of their own.

    Args:
        misbehaviour: how it goes wrong.
        stages: where.
        folder: where the run writes its files.
        *arguments: pytest's.
        back: as `stand_in` has it.
        is_restarted: a file describes the stand-in, with a hook that brings it back.
    """
    folder.mkdir()
    file = folder / "run.json"
    with (
        parse("reference") as target,
        stand_in(target.portal, misbehaviour, back) as one,
    ):
        if is_restarted:
            name = described(folder, one, target.target.name)
        else:
            name = f"iscsi://{one.portal}/{target.target.name}/0?scratch=yes"
        done = run(
            *("-o", "python_files=sample_*.py", f"--verdicts={file}"),
            *(f"--peer-timeout={ANSWER_SECONDS}", f"--junit-xml={folder / 'junit'}"),
            *(f"--alluredir={folder / 'allure'}", f"--target={name}"),
            *("-k", " or ".join(("first", *(f"_{stage}" for stage in stages)))),
            *arguments,
            path=SAMPLES,
            seconds=RUN_SECONDS,
        )
        assert file.exists(), done.stdout + done.stderr
    return Ended(misbehaviour, stages, done, read(file), folder)


def described(folder: Path, one: StandIn, name: str) -> str:
    """Write the file of a stand-in that is restarted by a hook; return its path."""
    restart = [sys.executable, "-c", COMES_BACK, str(one.control.port)]
    content = {
        "label": "stand-in",
        "portal": [{"address": str(one.portal)}],
        "target": [{"name": name, "unit": [{"lun": 0, "may_be_written": True}]}],
        "hooks": {"restart": restart},
    }
    path = folder / "stand-in.toml"
    path.write_text(tomli_w.dumps(content))
    return str(path)


def side_by_side(
    runs: Sequence[tuple[Misbehaviour, Sequence[str]]],
    folder: Path,
    *arguments: str,
    **how: Any,
) -> list[Ended]:
    """Run the samples of several manners (see `sample`): they mostly wait."""

    def one(number: int) -> Ended:
        misbehaviour, stages = runs[number]
        back = how.get("back", {}).get(misbehaviour)
        return sample(
            misbehaviour,
            stages,
            folder / str(number),
            *arguments,
            **{**how, "back": back},
        )

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(one, range(len(runs))))


def by_name(finished_run: Run) -> dict[str, Check]:
    return {one.check.rpartition("::test_")[2]: one for one in finished_run.checks}


def failed_of_junit(path: Path) -> set[str | None]:
    return {
        case.get("name")
        for case in ET.parse(path).iter("testcase")  # noqa: S314  # our own
        if case.find("failure") is not None or case.find("error") is not None
    }


def failed_of_allure(folder: Path) -> set[str]:
    names = set()
    for path in folder.glob("*-result.json"):
        labels = {
            one["name"]: one["value"] for one in json.loads(path.read_text())["labels"]
        }
        if labels[LABEL] in set(SEVERITIES.values()):
            names.add(labels[CHECK].rpartition("::")[2])
    return names


def expect_each_charged(ended: Ended) -> None:
    """Expect each death or hang to be charged to its check, and nothing else."""
    done, finished_run = ended.done, ended.run
    assert done.returncode == 1, done.stdout
    assert finished_run.is_complete, done.stdout
    checks = by_name(finished_run)
    kind = KINDS[ended.misbehaviour]
    for stage in ended.stages:
        killer, after = checks[f"dies_in_{stage}"], checks[f"after_{stage}"]
        where = f"{ended.misbehaviour} in {stage}:\n{done.stdout}"
        assert killer.outcome is Outcome.BROKEN, where
        assert killer.ending is not None, where
        assert killer.ending.kind is kind, where
        assert after.outcome is Outcome.PASSED, where
        assert f"::test_dies_in_{stage}" in options_without_killers(finished_run), where
    killers = {f"test_dies_in_{stage}" for stage in ended.stages}
    assert failed_of_junit(ended.folder / "junit") == killers, done.stdout
    assert failed_of_allure(ended.folder / "allure") == killers
    assert (
        f"to leave out what killed the target: {options_without_killers(finished_run)}"
        in done.stdout
    )
    first, *_ = state(finished_run).new
    assert first.severity is SEVERITIES[kind]
    assert len(first.checks) == len(killers)
    assert checks["first"].outcome is Outcome.PASSED


def test_each_death_is_charged_to_its_check_and_the_run_goes_on(tmp_path: Path) -> None:
    """The target comes back by itself."""
    runs: list[tuple[Misbehaviour, Sequence[str]]] = [
        *((Misbehaviour.DIES, half) for half in HALVES),
        *((Misbehaviour.HANGS, half) for half in HALVES),
        (Misbehaviour.VANISHES, ("command", "end")),
        (Misbehaviour.TRICKLES, ("command",)),
    ]
    back = {Misbehaviour.HANGS: 0.0, Misbehaviour.TRICKLES: 0.0, **BACK_SECONDS}
    wait = f"--wait-for-target={WAIT_SECONDS}"
    for ended in side_by_side(runs, tmp_path, wait, back=back):
        expect_each_charged(ended)


def test_a_target_that_is_gone_or_stuck_is_restarted(tmp_path: Path) -> None:
    """The hook of its file brings it back."""
    manners = (Misbehaviour.SPINS, Misbehaviour.VANISHES, Misbehaviour.TRICKLES)
    runs = [(misbehaviour, half) for misbehaviour in manners for half in HALVES]
    for ended in side_by_side(runs, tmp_path, is_restarted=True):
        expect_each_charged(ended)


def test_a_flood_ends_with_its_check(tmp_path: Path) -> None:
    """Every wait for an answer fails meanwhile; the target continues."""
    outcomes = {
        # After a check has ended, it does not matter how its session is closed.
        "teardown": Outcome.PASSED,
        "end": Outcome.PASSED,
        # Outside of the call of a check, only a death is judged.
        "setup": Outcome.TROUBLE,
        "sweep": Outcome.TROUBLE,
    }
    ended = sample(Misbehaviour.FLOODS, tuple(STAGES), tmp_path / "run")

    assert ended.done.returncode == 1, ended.done.stdout
    assert ended.run.is_complete
    checks = by_name(ended.run)
    for stage in ended.stages:
        where = f"{stage}:\n{ended.done.stdout}"
        killer = checks[f"dies_in_{stage}"]
        assert killer.outcome is outcomes.get(stage, Outcome.BROKEN), where
        assert killer.ending is None, where
        assert checks[f"after_{stage}"].outcome is Outcome.PASSED, where


def test_a_run_whose_target_is_lost_writes_all_its_files(tmp_path: Path) -> None:
    stages = ("login", "command")
    runs = [(misbehaviour, stages) for misbehaviour in KINDS]
    options = ("--wait-for-target=1", "--deselect", f"{SAMPLES}::test_first")
    for ended in side_by_side(runs, tmp_path, *options):
        done, finished_run = ended.done, ended.run
        assert done.returncode == TARGET_LOST, f"{ended.misbehaviour}:\n{done.stdout}"
        assert "INTERNALERROR" not in done.stdout
        assert not finished_run.is_complete
        assert "no login within 1 s" in finished_run.why_incomplete
        outcomes = {name: one.outcome for name, one in by_name(finished_run).items()}
        assert outcomes == {
            "dies_in_login": Outcome.BROKEN,
            "after_login": Outcome.NOT_RUN,
            "dies_in_command": Outcome.NOT_RUN,
            "after_command": Outcome.NOT_RUN,
        }, f"{ended.misbehaviour}:\n{done.stdout}"
        assert "all checks" in done.stdout


def test_a_worker_gives_up_without_an_internal_error(tmp_path: Path) -> None:
    options = ("--wait-for-target=1", "--deselect", f"{SAMPLES}::test_first", "-n", "2")
    ended = sample(Misbehaviour.DIES, ("login", "command"), tmp_path / "run", *options)

    done, finished_run = ended.done, ended.run
    assert done.returncode == TARGET_LOST, done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "one worker runs all checks" in done.stdout
    assert "all checks" in done.stdout
    assert "no login within 1 s" in finished_run.why_incomplete
    (killer,) = finished_run.checks
    assert killer.target_died
