# SPDX-License-Identifier: GPL-2.0-only
"""Parts of a run: merged, they are the run; what is missing is named."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports import run as files
from reports.model import FORMAT, Check, Failure, Outcome, Run
from suites.campaign.store import load
from suites.mutants import main as faults
from suites.shards import MergeError, merge

ROOT = Path(__file__).parents[2]


def check(name: str, outcome: Outcome = Outcome.PASSED, answer: str = "") -> Check:
    failure = None
    if answer:
        failure = Failure(requirement="R", expected=("x",), actual="y", answer=answer)
    return Check(check=name, outcome=outcome, requirements=("R",), failure=failure)


def part(number: str, *checks: Check, started: str = "2026-01-01T00:00:00") -> Run:
    return Run(
        format=FORMAT,
        environment={"target": "tgt", "target.version": "1"},
        toolkit="abc",
        shard=number,
        started=started,
        seconds=10.0,
        checks=checks,
    )


def test_parts_are_the_run_whatever_their_order() -> None:
    one, two = part("1/2", check("a"), check("c")), part("2/2", check("b"))

    merged_result = merge([two, one])

    assert [one.check for one in merged_result.checks] == ["a", "b", "c"]
    assert merged_result == merge([one, two])
    assert merged_result.shard == ""
    assert merged_result.is_complete
    assert merged_result.seconds == 20.0


def test_of_a_part_that_ran_twice_the_later_run_counts() -> None:
    first = part("1/1", check("a", Outcome.BROKEN))
    second = part("1/1", check("a"), started="2026-01-02T00:00:00")

    assert merge([second, first]).checks == (check("a"),)


def test_a_part_that_was_cut_short_makes_the_run_incomplete() -> None:
    cut = replace(part("2/2"), is_complete=False, why_incomplete="interrupted")

    merged_result = merge([part("1/2", check("a")), cut])

    assert not merged_result.is_complete
    assert merged_result.why_incomplete == "part 2/2: interrupted"


def test_what_rests_on_another_parts_proof_is_not_judged() -> None:
    proof = "negotiation/test_answers.py::test_known_key_is_understood[MaxBurstLength]"
    rests = "data/test_any.py::test_it[MaxBurstLength]"
    lacking = check(proof, Outcome.BROKEN, "NotUnderstood")
    dependent = check(rests, Outcome.BROKEN, "NotUnderstood")

    (merged_check, _) = merge([part("1/2", lacking), part("2/2", dependent)]).checks

    assert merged_check.check == rests
    assert merged_check.outcome is Outcome.NOT_JUDGED
    assert merged_check.rests_on == proof


@pytest.mark.parametrize(
    ("runs", "expected_message"),
    [
        ([part("1/3", check("a"))], "missing run of the part 2/3, 3/3"),
        ([part("", check("a"))], "is not a part of a sharded run"),
        (
            [part("1/2", check("a")), part("2/3", check("b"))],
            "different numbers of parts: 2, 3",
        ),
        (
            [part("1/2", check("a")), replace(part("2/2"), label="other")],
            "different targets: tgt 1, other",
        ),
        (
            [part("1/2", check("a")), replace(part("2/2"), toolkit="def")],
            "different revisions of the toolkit: abc, def",
        ),
        (
            [part("1/2", check("a")), part("2/2", check("a"))],
            "a is in several parts: other options chose the checks",
        ),
    ],
)
def test_files_of_different_runs_are_refused(
    runs: list[Run], expected_message: str
) -> None:
    with pytest.raises(MergeError, match=expected_message):
        merge(runs)


def pytest_run(suite: str, verdicts: Path, *options: str) -> Run:
    words = [sys.executable, "-m", "pytest", f"suites/{suite}", "-q"]
    words += ["--target=reference", f"--verdicts={verdicts}", *options]
    process = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return files.read(verdicts)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("suite", "chosen"),
    [("conformance", ["--area=nop"]), ("robustness", ["-k", "discovery-Logout"])],
)
def test_parts_of_a_suite_merge_without_loss(
    tmp_path: Path, suite: str, chosen: list[str]
) -> None:
    merged_result = pytest_run(suite, tmp_path / "whole.json", *chosen)
    paths = [tmp_path / f"{number}.json" for number in (1, 2)]
    parts = [
        pytest_run(suite, path, *chosen, f"--shard={number}/2")
        for number, path in enumerate(paths, 1)
    ]

    merged = tmp_path / "merged.json"
    words = [sys.executable, "-m", "iscsi_assay", "merge", *map(str, paths)]
    words += ["-o", str(merged)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=60)

    merged_run = {one.check: one.outcome for one in files.read(merged).checks}
    assert merged_run == {one.check: one.outcome for one in merged_result.checks}
    assert all(run.checks for run in parts)
    assert abs(len(parts[0].checks) - len(parts[1].checks)) <= 1
    lost = subprocess.run(
        [*words[:4], str(paths[0]), "-o", str(merged)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert lost.returncode == 2
    assert lost.stderr.endswith("missing run of the part 2/2\n")


@pytest.mark.integration
def test_parts_of_a_soak_divide_its_time_and_merge_without_loss(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.json" for number in (1, 2)]
    for number, path in enumerate(paths, 1):
        pytest_run("robustness", path, "--soak=8s", f"--shard={number}/2")

    merged = merge([files.read(path) for path in paths])

    names = [f"stress/test_stress.py::test_soak[part-{one}-of-2]" for one in (1, 2)]
    assert [one.check for one in merged.checks] == names
    assert all(one.outcome is Outcome.PASSED for one in merged.checks)
    assert all(one.seconds >= 4 for one in merged.checks)
    assert 8 <= merged.seconds < 60


@pytest.mark.integration
def test_parts_of_a_campaign_have_folders_and_seeds_of_their_own(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / f"campaign{number}" for number in (1, 2)]
    paths = [tmp_path / f"{number}.json" for number in (1, 2)]
    for number, (path, place) in enumerate(zip(paths, folders, strict=True), 1):
        campaign = ("--campaign=4s", f"--campaign-folder={place}")
        pytest_run("robustness", path, *campaign, f"--shard={number}/2")

    assert [load(folder, None).state.seed for folder in folders] == [1, 2]
    merged = merge([files.read(path) for path in paths])
    assert [one.check.partition("[")[2] for one in merged.checks] == [
        "part-1-of-2]",
        "part-2-of-2]",
    ]


@pytest.mark.integration
def test_parts_of_the_faults_add_up_to_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["nop-in-without-echo", "data-digest-is-not-checked"]
    tried = [*names, "--sample", "3"]
    stored = [tmp_path / name for name in ("one", "two")]

    assert faults([*tried, "--shard=1/2", f"--runs={stored[0]}"]) == 0
    assert faults([*tried, "--shard=2/2", f"--runs={stored[1]}"]) == 0
    capsys.readouterr()
    code = faults([*tried, *(f"--collect={folder}" for folder in stored)])

    collected = capsys.readouterr().out
    assert code == 0
    assert "2 faults: 2 noticed, 0 missed, 0 stop" in collected
    assert faults(tried) == 0
    assert capsys.readouterr().out == collected
    assert faults([*tried, f"--collect={stored[0]}"]) == 1
    assert "no run of it is kept" in capsys.readouterr().out
