# SPDX-License-Identifier: GPL-2.0-only
"""Known crashes of a target: what they excuse, and what they do not."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from reports.model import Ending, EndingKind
from reports.run import read
from suites.judging.known import KnownCrash, KnownFileError, load
from tests.suites.runs import complaint, run
from tests.suites.samples.sample_crashes import KNOWN, OTHER
from vmlab.watch import find_crash, functions_of

SAMPLES = "tests/suites/samples/sample_crashes.py"
ENTRY = """
requirement = "RFC7143-11.19-02"
checks = ["{checks}"]
what = "loses a race"
why = "section 11.19"
version = "1"
"""
CRASH = f"""[[crash]]{ENTRY}
functions = ["lose_a_race", "close_a_session"]
provoked_by = ["{SAMPLES}::test_provoked"]
"""
DEVIATION = f"[[deviation]]{ENTRY}"


def sample(
    folder: Path, names: str = "", *arguments: str, checks: str = "*", listed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run some of the checks or all, with the crash known."""
    file = folder / "own.toml"
    file.write_text(CRASH.format(checks=checks) + listed)
    first, *others = [f"{SAMPLES}::test_{name}" for name in names.split()] or [SAMPLES]
    return run(
        *("-o", "python_files=sample_*.py", "-s", "-rA"),
        *(*others, f"--deviations={file}", *arguments),
        path=first,
    )


def tries(done: subprocess.CompletedProcess[str], name: str) -> int:
    return len(re.findall(rf"test_{name}: try \d", done.stdout))


def outcomes(done: subprocess.CompletedProcess[str], name: str) -> list[str]:
    return re.findall(rf"^([A-Z]+) \S+::test_{name}\b", done.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def all_crashes(
    tmp_path_factory: pytest.TempPathFactory,
) -> subprocess.CompletedProcess[str]:
    """One run of all of them."""
    return sample(tmp_path_factory.mktemp("all_crashes"))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "outcome", "count"),
    [
        ("known_crash_once", ["PASSED"], 2),
        ("begins_known", ["PASSED"], 2),
        ("known_crash_twice", ["XFAIL"], 2),
        ("provoked", ["XFAIL"], 1),
        ("known_crash_then_wrong", ["FAILED"], 2),
        ("unknown_crash", ["FAILED"], 1),
        ("should_unknown_crash", ["FAILED"], 1),
        ("wrong", ["FAILED"], 1),
        ("right_and_ends_known", ["PASSED"], 1),
        ("right_and_ends_otherwise", ["PASSED", "ERROR"], 1),
        # The failure may come from the crash, which is noticed later.
        ("wrong_and_ends_known", ["FAILED"], 2),
        ("wrong_and_ends_otherwise", ["FAILED"], 1),
        ("should_and_ends_otherwise", ["XFAIL", "ERROR"], 1),
        ("then_dies_known", ["PASSED"], 1),
        # The next check finds the target dead, and charges this one.
        ("then_dies_otherwise", ["PASSED", "ERROR"], 1),
        ("whatever", ["PASSED"], 0),
    ],
)
def test_a_known_crash_excuses_itself_alone(
    all_crashes: subprocess.CompletedProcess[str],
    name: str,
    outcome: list[str],
    count: int,
) -> None:
    assert sorted(outcomes(all_crashes, name)) == sorted(outcome), all_crashes.stdout
    assert tries(all_crashes, name) == count


@pytest.mark.integration
def test_a_crash_is_known_only_where_it_is_listed(tmp_path: Path) -> None:
    result = sample(tmp_path, "known_crash_once", checks="nop/*")

    assert outcomes(result, "known_crash_once") == ["FAILED"]
    assert "the target died" in result.stdout
    assert tries(result, "known_crash_once") == 1


@pytest.mark.integration
def test_a_known_deviation_excuses_no_crash_at_its_end(tmp_path: Path) -> None:
    entries, otherwise = "wrong_and_ends_known", "wrong_and_ends_otherwise"
    listed = "".join(
        DEVIATION.format(checks=f"{SAMPLES}::test_{name}")
        for name in (entries, otherwise)
    )
    result = sample(tmp_path, f"{entries} {otherwise}", listed=listed)

    assert outcomes(result, entries) == ["XFAIL"]
    assert sorted(outcomes(result, otherwise)) == ["ERROR", "XFAIL"]
    assert tries(result, entries) == tries(result, otherwise) == 1


@pytest.mark.integration
def test_the_verdict_names_the_crash(tmp_path: Path) -> None:
    results = tmp_path / "results"
    completed = sample(
        tmp_path,
        "known_crash_once known_crash_twice right_and_ends_known",
        *("-n", "1", f"--alluredir={results}"),
    )

    document = {one.check.rpartition("::test_")[2]: one for one in read(results).checks}
    assert {name: str(one.outcome) for name, one in document.items()} == {
        "known_crash_once": "passed",
        "known_crash_twice": "known deviation",
        "right_and_ends_known": "known deviation",
    }
    assert (
        document["known_crash_twice"].detail
        == "loses a race (this has cut the check short)"
    )
    assert all("loses a race" in one.crashes for one in document.values())
    assert "known crash, in 3 checks:" in completed.stdout
    for path in results.glob("*-result.json"):
        result = json.loads(path.read_text())
        stored = [
            (results / one["source"]).read_text()
            for one in result["attachments"]
            if one["name"] == "target log"
        ]
        assert [one["name"] for one in result["labels"]].count("feature") == 1
        assert any("lose_a_race+0x10/0x20" in log for log in stored), path


def test_only_what_a_report_is_sure_of_counts() -> None:
    assert functions_of(KNOWN)[:2] == ("lose_a_race", "close_a_session")
    assert "may_be_old" not in functions_of(KNOWN)
    assert functions_of("at x.c:1 f.cold+0x1/0x2 [m]") == ("f",)
    assert functions_of("_raw_spin_lock_bh+0x1/0x2\nf+0x1/0x2") == ("f",)
    assert functions_of("Modules linked in: lose_a_race close_a_session") == ()


@pytest.mark.parametrize(
    ("report", "says", "is_it"),
    [
        (KNOWN, "", True),
        (KNOWN, "NULL pointer", True),
        (KNOWN, "KASAN", False),
        (OTHER, "", False),
        # The target has crashed in another function.
        (KNOWN.replace("RIP: 0010:", "RIP: 0010:f+0x1/0x2 "), "", False),
    ],
)
def test_a_crash_is_known_by_all_of_its_signature(
    report: str, says: str, is_it: bool
) -> None:
    crash = KnownCrash(
        requirement="R",
        checks=("*",),
        what="what",
        why="why",
        version="1",
        functions=("lose_a_race", "close_a_session"),
        says=says,
    )

    found_crash = find_crash(report)
    assert found_crash is not None
    ending = Ending(
        kind=EndingKind.CRASHED,
        reason=found_crash.line,
        report_kind=found_crash.kind,
        functions=found_crash.functions,
        report=found_crash.report,
    )

    assert crash.explains(ending) is is_it


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("", "crash 1 (RFC7143-11.19-02): neither functions nor says"),
        (
            "function = ['f']",
            "crash 1 (RFC7143-11.19-02): Object contains unknown field `function`",
        ),
    ],
)
def test_a_crash_without_a_signature_is_refused(
    tmp_path: Path, field: str, words: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(f"[[crash]]{ENTRY.format(checks='*')}{field}\n")

    with pytest.raises(KnownFileError, match=re.escape(words)):
        load(file, {"RFC7143-11.19-02"})


@pytest.mark.integration
def test_a_broken_crash_is_reported_in_one_line(tmp_path: Path) -> None:
    result = sample(tmp_path, "whatever", listed="[[crash]]\nwhat = 'x'\n")

    assert result.returncode == 4
    assert (
        "own.toml: crash 2 (None): Object missing required field `requirement`"
        in complaint(result)
    )
