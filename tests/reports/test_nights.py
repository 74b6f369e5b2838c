# SPDX-License-Identifier: GPL-2.0-only
"""Archives of runs, the lives they tell, and the last green run."""

import json
import subprocess
import threading
from pathlib import Path

import pytest

from reports import archive, history
from reports.__main__ import main
from reports.archive import ArchiveError
from reports.history import Kind, Lifetime
from reports.model import Check, Outcome, Run
from reports.run import RunFileError, read, write
from tests.reports.samples import ECHO, FACTS, broken, passed, run_of


def nightly_run(
    number: int, *checks: Check, revision: str = "", **others: object
) -> Run:
    facts = FACTS | ({archive.REVISION: revision} if revision else {})
    started = f"2026-11-{number:02}T01:00:00+00:00"
    return run_of(checks, environment=facts, started=started, **others)


@pytest.fixture(params=["folder", "branch"])
def branch(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return ""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return "nights"


def test_an_archive_only_grows_and_has_each_run_once(
    tmp_path: Path, branch: str
) -> None:
    first, second = nightly_run(1, passed("a")), nightly_run(2, broken("a"))

    for run in (second, first, second):
        archive.append(tmp_path, run, branch=branch, revision="r1")

    runs = archive.load(tmp_path, branch=branch)
    assert [run.started for run in runs] == [first.started, second.started]
    assert runs[0].checks == first.checks
    assert archive.revision_of(runs[0]) == "r1"
    if branch:
        log = ["git", "-C", str(tmp_path), "log", "--format=%s", branch]
        output = subprocess.run(log, check=True, capture_output=True, text=True).stdout
        assert output.splitlines() == ["Archive a run of tgt 1"] * 2
        # The test leaves the working tree alone.
        assert [path.name for path in tmp_path.iterdir()] == [".git"]


def test_hosts_that_append_to_a_branch_at_once_lose_nothing(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    runs = [nightly_run(number, passed("a")) for number in range(1, 7)]
    threads = [
        threading.Thread(
            target=archive.append, args=(tmp_path, run), kwargs={"branch": "nights"}
        )
        for run in runs
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)

    assert len(archive.load(tmp_path, branch="nights")) == len(runs)


@pytest.mark.parametrize(
    ("branch", "expected_message"),
    [("", "contains no run"), ("nights", "not a git repository"), ("a b", "git ")],
)
def test_an_archive_that_cannot_be_used_is_reported(
    tmp_path: Path, branch: str, expected_message: str
) -> None:
    with pytest.raises(ArchiveError, match=expected_message) as caught:
        archive.load(tmp_path, branch=branch)
    assert "\n" not in str(caught.value)
    with pytest.raises(ArchiveError, match="there is no archive"):
        archive.load(tmp_path / "none", branch=branch)
    if branch:
        with pytest.raises(ArchiveError):
            archive.append(tmp_path, nightly_run(1), branch=branch)


def test_a_damaged_file_of_an_archive_is_named(tmp_path: Path) -> None:
    name = archive.append(tmp_path, nightly_run(1, passed("a")))
    (tmp_path / name).write_text("{")

    with pytest.raises(RunFileError, match=name):
        archive.load(tmp_path)


def life(kind: Kind, name: str, runs: list[Run]) -> Lifetime:
    lives = [
        one for one in history.lifetimes(runs) if one.kind is kind and name in one.name
    ]
    assert len(lives) == 1
    return lives[0]


RUNS = [
    nightly_run(1, passed("a"), passed("b"), revision="r1"),
    nightly_run(2, passed("a"), broken("b"), revision="r1"),
    nightly_run(3, broken("a"), passed("b"), revision="r2"),
    nightly_run(4, broken("a"), passed("b"), revision="r2"),
]


def test_a_life_says_since_when_and_by_which_revision() -> None:
    for kind, name, now in (
        (Kind.CHECK, "a", "broken"),
        (Kind.FINDING, ECHO, history.SEEN),
        (Kind.CLAUSE, ECHO, "broken"),
    ):
        runs = [RUNS[0], *RUNS[2:]]
        one = life(kind, name, runs)

        assert one.now == now
        assert one.since == RUNS[2]
        assert archive.revision_of(one.since) == "r2"
        assert one.before is not None
        assert one.before[0] == RUNS[0]
        assert one.is_steady


def test_what_differs_within_a_revision_is_not_steady() -> None:
    steady, unsteady = life(Kind.CHECK, "a", RUNS), life(Kind.CHECK, "b", RUNS)

    assert (steady.steadiness, steady.is_steady) == ((4, 4), True)
    assert (unsteady.steadiness, unsteady.is_steady) == ((3, 4), False)
    assert unsteady.changes == 2


def test_a_run_without_a_check_gives_no_information_about_it() -> None:
    trouble = Check(check="a", outcome=Outcome.TROUBLE, requirements=(ECHO,))
    runs = [nightly_run(1, broken("a")), nightly_run(2, trouble), nightly_run(3)]

    for kind, name in ((Kind.CHECK, "a"), (Kind.FINDING, ECHO), (Kind.CLAUSE, ECHO)):
        assert [run for run, _ in life(kind, name, runs).states] == runs[:1]


def test_a_finding_that_is_mended_is_gone() -> None:
    runs = [nightly_run(1, broken("a")), nightly_run(2, passed("a"), revision="r2")]

    lives = life(Kind.FINDING, ECHO, runs)

    assert (lives.now, lives.since) == (history.GONE, runs[1])


def test_the_history_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in (*RUNS, nightly_run(5, passed("z"), label="other")):
        archive.append(tmp_path, run)

    assert main(["history", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "tgt, conformance: 4 runs, 2026-11-01T01:00 (r1) to" in printed
    assert "other, conformance: 1 run," in printed
    assert (
        "    broken: a\n      since 2026-11-03T01:00 (r2); before, passed: "
        "2026-11-02T01:00 (r1); steady, 4 of 4 runs as most of their revision; "
        "changes: 1"
    ) in printed
    assert "NOT STEADY, 3 of 4 runs" in printed
    assert "passed: z" not in printed
    assert main(["history", str(tmp_path), "--check", "z"]) == 0
    assert "passed: z" in capsys.readouterr().out
    assert main(["history", str(tmp_path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    (one,) = [
        one for one in data[0]["lives"] if (one["kind"], one["name"]) == ("check", "a")
    ]
    assert (one["now"], one["revision"], one["is_steady"]) == ("broken", "r2", True)


def test_a_run_is_compared_with_the_last_green_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, new = tmp_path / "nights", tmp_path / "new.json"
    cut = nightly_run(3, passed("a"), is_complete=False)
    deviates = broken("b", outcome=Outcome.DEVIATES)
    other = nightly_run(3, passed("a"), label="other")
    for run in (
        nightly_run(1, passed("a"), deviates),
        nightly_run(2, broken("a")),
        cut,
        other,
    ):
        archive.append(place, run)
    archive.append(place, nightly_run(5, passed("a")))
    write(new, nightly_run(4, broken("a"), deviates))
    page = str(tmp_path / "page.html")

    code = main(["compare", str(new), "--last-green", str(place), "-o", page])

    assert code == 1
    assert "worse: a: passed -> broken" in capsys.readouterr().out
    green = archive.last_green(archive.load(place), read(new))
    assert green.started.startswith("2026-11-01")
    write(new, nightly_run(1, broken("a")))
    assert main(["compare", str(new), "--last-green", str(place), "-o", page]) == 2
    assert "the archive holds no green run of tgt 1 before" in capsys.readouterr().err


def test_a_run_is_archived_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "run.json", nightly_run(1, passed("a")))
    words = ["archive", str(tmp_path / "run.json"), "--to", str(tmp_path / "nights")]

    assert main([*words, "--revision", "v1"]) == 0

    name = capsys.readouterr().out.strip()
    assert name.startswith("kind-tgt/20261101T")
    assert archive.revision_of(read(tmp_path / "nights" / name)) == "v1"
