# SPDX-License-Identifier: GPL-2.0-only
"""Targets that die, hang, spin, vanish or answer a byte a second, at every stage."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reports.again import leaving_out
from reports.categories import CHECK, LABEL
from reports.model import Check, EndingKind, Outcome, Run
from reports.run import read
from reports.severity import Severity
from reports.statement import state
from suites.plugins.lost import TARGET_LOST
from targets import RunningTarget, parse
from tests.suites.runs import run
from tests.suites.standin import STAGES, Manner, stand_in

pytestmark = pytest.mark.integration

SAMPLES = "tests/suites/samples/sample_deaths.py"
STAGES_OF = {Manner.VANISHES: ("command", "end")}
"""Where a stage takes long, those that are tried; all by default."""
BACK_SECONDS = {Manner.DIES: 1.0, Manner.VANISHES: 7.0}
"""A look at a portal that does not answer takes five seconds."""
KINDS = {
    Manner.DIES: EndingKind.VANISHED,
    Manner.HANGS: EndingKind.HUNG,
    Manner.VANISHES: EndingKind.VANISHED,
    Manner.TRICKLES: EndingKind.HUNG,
}


SEVERITIES = {
    EndingKind.VANISHED: Severity.DEATH,
    EndingKind.HUNG: Severity.HANG,
}


@pytest.fixture(scope="module")
def running() -> Iterator[dict[Manner, RunningTarget]]:
    """A target for each run: all of them have the same initiator names."""
    with ExitStack() as stack:
        yield {one: stack.enter_context(parse("reference")) for one in Manner}


def sample(
    target: RunningTarget,
    manner: Manner,
    folder: Path,
    *arguments: str,
    back: float | None = None,
) -> tuple[subprocess.CompletedProcess[str], Run]:
    """Run the samples on a stand-in for the target."""
    file = folder / f"{manner}.json"
    with stand_in(target.portal, manner, back) as portal:
        done = run(
            *("-o", "python_files=sample_*.py", f"--verdicts={file}"),
            *("--peer-timeout=1", f"--junit-xml={folder / manner}.xml"),
            f"--alluredir={folder / manner}",
            f"--target=iscsi://{portal}/{target.target.name}/0?scratch=yes",
            *arguments,
            path=SAMPLES,
            seconds=180,
        )
    return done, read(file)


def by_name(found: Run) -> dict[str, Check]:
    return {one.check.rpartition("::test_")[2]: one for one in found.checks}


def failed_of_junit(path: Path) -> set[str | None]:
    return {
        case.get("name")
        for case in ET.parse(path).iter("testcase")  # noqa: S314  # our own
        if case.find("failure") is not None or case.find("error") is not None
    }


def failed_of_allure(folder: Path) -> set[str]:
    found = set()
    for path in folder.glob("*-result.json"):
        labels = {
            one["name"]: one["value"] for one in json.loads(path.read_text())["labels"]
        }
        if labels[LABEL] in set(SEVERITIES.values()):
            found.add(labels[CHECK].rpartition("::")[2])
    return found


def everywhere(
    running: dict[Manner, RunningTarget],
    folder: Path,
    *arguments: str,
    comes_back: bool,
) -> dict[Manner, tuple[subprocess.CompletedProcess[str], Run]]:
    """Run the samples in every manner, side by side: they mostly wait."""

    def one(manner: Manner) -> tuple[subprocess.CompletedProcess[str], Run]:
        back = BACK_SECONDS.get(manner, 0.0) if comes_back else None
        some = STAGES_OF.get(manner, STAGES)
        words = arguments or ("-k", f"first or {' or '.join(some)}")
        return sample(running[manner], manner, folder, *words, back=back)

    with ThreadPoolExecutor(len(Manner)) as pool:
        return dict(zip(Manner, pool.map(one, Manner), strict=True))


def test_each_death_is_charged_to_its_check_and_the_run_goes_on(
    running: dict[Manner, RunningTarget], tmp_path: Path
) -> None:
    runs = everywhere(running, tmp_path, comes_back=True)
    for manner, (done, found) in runs.items():
        assert done.returncode == 1, done.stdout
        assert found.is_complete
        checks = by_name(found)
        for stage in STAGES_OF.get(manner, STAGES):
            killer, after = checks[f"dies_in_{stage}"], checks[f"after_{stage}"]
            where = f"{manner} in {stage}:\n{done.stdout}"
            assert killer.outcome is Outcome.BROKEN, where
            assert killer.ending is not None, where
            assert killer.ending.kind is KINDS[manner], where
            assert after.outcome is Outcome.PASSED, where
            assert f"::test_dies_in_{stage}" in leaving_out(found), where
        killers = {f"test_dies_in_{one}" for one in STAGES_OF.get(manner, STAGES)}
        assert failed_of_junit(tmp_path / f"{manner}.xml") == killers
        assert failed_of_allure(tmp_path / manner) == killers
        assert (
            f"to leave out what killed the target: {leaving_out(found)}" in done.stdout
        )
        first, *_ = state(found).new
        assert first.severity is SEVERITIES[KINDS[manner]]
        assert len(first.checks) == len(killers)
        assert checks["first"].outcome is Outcome.PASSED


def test_a_run_whose_target_stays_away_ends_whole(
    running: dict[Manner, RunningTarget], tmp_path: Path
) -> None:
    options = ("--wait-for-target=1", "-k", "login or command")
    for manner, (done, found) in everywhere(
        running, tmp_path, *options, comes_back=False
    ).items():
        assert done.returncode == TARGET_LOST, f"{manner}:\n{done.stdout}"
        assert "INTERNALERROR" not in done.stdout
        assert not found.is_complete
        assert "no login within 1 s" in found.why_incomplete
        outcomes = {name: one.outcome for name, one in by_name(found).items()}
        assert outcomes == {
            "dies_in_login": Outcome.BROKEN,
            "after_login": Outcome.NOT_RUN,
            "dies_in_command": Outcome.NOT_RUN,
            "after_command": Outcome.NOT_RUN,
        }, f"{manner}:\n{done.stdout}"
        assert "all checks" in done.stdout


def test_a_worker_gives_up_without_an_internal_error(
    running: dict[Manner, RunningTarget], tmp_path: Path
) -> None:
    options = ("--wait-for-target=1", "-k", "login or command", "-n", "2")
    manner = Manner.DIES
    done, found = sample(running[manner], manner, tmp_path, *options)

    assert done.returncode == TARGET_LOST, done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "one worker runs all checks" in done.stdout
    assert "all checks" in done.stdout
    assert "no login within 1 s" in found.why_incomplete
    (killer,) = found.checks
    assert killer.has_killed
