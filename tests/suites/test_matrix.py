# SPDX-License-Identifier: GPL-2.0-only
"""Matrix files: what they combine, and what is said of wrong ones."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from iscsi_assay.parser import Parser
from suites.matrix import (
    attempt,
    budget,
    ci,
    collected,
    command,
    folder,
    names,
    page,
    rows,
)
from suites.matrix.folder import Record
from suites.matrix.rows import Row
from targets import machines
from targets.scst.addition import ForKernel
from targets.scst.patches import Way
from vmlab.build.kernel import Order
from vmlab.errors import LabError
from vmlab.extension import CommandLine

ROOT = Path(__file__).parents[2]

WHOLE = """
[[kernel]]
name = "debian"
source = "debian"

[[kernel]]
name = "patched"
source = "linux.tar.xz"
patches = ["fixes", "own.patch"]

[[scst]]
name = "head"
source = "../scst"
way = "modules"
mode = "debug"

[[config]]
name = "plain"

[[config]]
name = "checked"
fragments = ["kasan", "own.config"]

[suite]
target = "scst"
arguments = ["--area", "login"]
"""


TWICE = """
[[target]]
name = "tgt"
[[target]]
name = "tgt_a"
kind = "tgt"
[[part]]
name = "a_b"
[[part]]
name = "b"
"""


def load(tmp_path: Path, text: str) -> list[Row]:
    path = tmp_path / "matrix.toml"
    path.write_text(text)
    return rows.load(path)


def test_all_is_combined_with_all(tmp_path: Path) -> None:
    (tmp_path / "linux.tar.xz").touch()
    (tmp_path / "own.config").touch()

    rows = load(tmp_path, WHOLE)

    assert [row.name for row in rows] == [
        "debian_head_plain",
        "debian_head_checked",
        "patched_head_plain",
        "patched_head_checked",
    ]
    assert rows[-1].order == Order(
        str(tmp_path / "linux.tar.xz"),
        (tmp_path / "fixes", tmp_path / "own.patch"),
        ("kasan", str(tmp_path / "own.config")),
        ForKernel(tmp_path / ".." / "scst", Way.MODULES),
    )


def test_a_kernel_alone_is_enough(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "debian"\n')

    assert (row.name, row.target, row.order) == ("k_plain", "lio", Order("debian"))


@pytest.mark.parametrize(
    "extensions",
    [(machines.extend, command.extend), (command.extend, machines.extend)],
    ids=["targets-first", "matrix-first"],
)
def test_each_kernel_gets_the_options_of_all_targets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    extensions: Sequence[Callable[[CommandLine], None]],
) -> None:
    """Nobody promises the order in which extensions of the lab are loaded."""
    path, built = tmp_path / "matrix.toml", list[Row]()
    path.write_text('[[kernel]]\nname = "k"\nsource = "debian"\n')

    def attempted(row: Row, *, resumes: bool) -> Record:
        built.append(row)
        return record(row.name, is_good=not resumes)

    monkeypatch.setattr(command, "attempt", attempted)
    parser = Parser()
    line = CommandLine(parser.add_subparsers(), Parser())
    for extension in extensions:
        extension(line)

    options = parser.parse_args(["matrix", "row", str(path), "k_plain"])
    assert options.run(options) == 0

    (order,) = [row.order for row in built]
    assert order is not None
    assert str(ROOT / "targets" / "lio" / "kernel.config") in order.base


def test_the_suite_gets_the_kernel_and_the_sources(tmp_path: Path) -> None:
    words = rows.command(load(tmp_path, WHOLE)[0])

    assert "--target=scst" in words
    assert "--kernel=debian_head_plain" in words
    assert "--scst-mode=debug" in words
    assert f"--scst-source={tmp_path / '..' / 'scst'}" in words
    assert words[-2:] == ["--area", "login"]


def test_a_kernel_is_combined_with_the_configurations_that_it_names(
    tmp_path: Path,
) -> None:
    (tmp_path / "own.config").touch()
    source = 'source = "linux.tar.xz"'
    text = WHOLE.replace(source, f'{source}\nconfigs = ["checked"]')

    assert [row.name for row in load(tmp_path, text)] == [
        "debian_head_plain",
        "debian_head_checked",
        "patched_head_checked",
    ]


def test_a_kernel_is_built_in_a_machine_where_it_says_so(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "debian"\nin_vm = true\n')

    assert row.order == Order("debian", in_vm=True)


@pytest.mark.parametrize(
    ("text", "expected_message"),
    [
        ("", "it names no kernel"),
        ("[[kernel]\n", "line 1"),
        (
            "[[kernels]]\n",
            "there is no table kernels; known: kernel, scst, config, target",
        ),
        ("[kernel]\nname = 'k'\n", r"write \[\[kernel\]\]"),
        ("[[kernel]]\nname = 'k'\n", "kernel 1 has no source"),
        ("[[kernel]]\nsource = 'debian'\n", "kernel 1 has no name"),
        (
            "[[kernel]]\nname='k'\nsource='debian'\npatch=['x']\n",
            "kernel 1 has an unknown key patch; known: configs, in_vm, name, patches",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\nconfigs=['fast']\n",
            "kernel k: there is no config fast; known: plain",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\nin_vm='yes'\n",
            "kernel k: in_vm is 'yes', not true or false",
        ),
        (
            "[[kernel]]\nname='k'\nsource='a'\n[[kernel]]\nname='k'\nsource='b'\n",
            "kernel k appears twice",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\n[suite]\ntarget='scst'\n",
            "target is scst, but there is no table scst",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\n[suite]\ntarget='tgt'\n",
            "target 'tgt' is not one of",
        ),
        ("[[target]]\nname = 'lio'\n", "it names no kernel for the target lio"),
        ("[[target]]\nname = 'x'\n", "the target x: 'x' is not one of reference"),
        (
            "[suite]\ntarget='lio'\n[[target]]\nname='tgt'\n",
            r"\[suite\] and \[\[target\]\] both name a target: keep one of them",
        ),
        (
            "[[target]]\nname='tgt'\ncores=0\n",
            "the target tgt: cores is 0, not a number above 0",
        ),
        (
            "[[target]]\nname='tgt'\n[[part]]\nname='a'\nsuite='interop'\n",
            "part a: 'interop' is not one of conformance, robustness",
        ),
        (
            "[[target]]\nname='tgt'\narguments='-x'\n",
            "the target tgt: arguments is not a list of strings",
        ),
        (TWICE, "two rows are named tgt_a_b"),
        (
            "[[target]]\nname='../x'\nkind='tgt'\n",
            r"'\.\./x' is not a valid name for a row",
        ),
        (
            "[[kernel]]\nname='k'\nsource='packaged'\nin_vm=true\n",
            "kernel k is Debian's package: there is no in_vm",
        ),
        (
            WHOLE.replace("modules", "magic"),
            "the way 'magic' is not one of classic, in-tree, modules",
        ),
    ],
)
def test_a_file_that_makes_no_sense(
    tmp_path: Path, text: str, expected_message: str
) -> None:
    with pytest.raises(LabError, match=expected_message) as caught:
        load(tmp_path, text)

    assert str(caught.value).startswith(str(tmp_path / "matrix.toml"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"matrix\.toml: No such file"):
        rows.load(tmp_path / "matrix.toml")


TARGETS = """
[[kernel]]
name = "debian"
source = "packaged"

[[kernel]]
name = "own"
source = "debian"

[[config]]
name = "plain"

[[config]]
name = "checked"
fragments = ["kasan"]

[[target]]
name = "lio"
cores = 1

[[target]]
name = "tgt"
arguments = ["--strict"]

[[part]]
name = "login"
arguments = ["--area", "login"]

[[part]]
name = "hostile"
suite = "robustness"

[suite]
arguments = ["-x"]
"""


def test_targets_without_a_kernel_are_not_combined_with_kernels(
    tmp_path: Path,
) -> None:
    matches = {row.name: row for row in load(tmp_path, TARGETS)}

    # Debian's package has no options of its own to be built with.
    assert sorted(matches) == [
        *("debian_plain_lio_hostile", "debian_plain_lio_login"),
        *("own_checked_lio_hostile", "own_checked_lio_login"),
        *("own_plain_lio_hostile", "own_plain_lio_login"),
        *("tgt_hostile", "tgt_login"),
    ]
    packaged, built = matches["debian_plain_lio_login"], matches["own_plain_lio_login"]
    assert (packaged.order, built.order) == (None, Order("debian"))
    assert not any("--kernel" in word for word in rows.command(packaged))
    assert "--kernel=own_plain_lio_login" in rows.command(built)
    assert (built.cores, built.memory) == (1, 1536)
    hostile = rows.command(matches["tgt_hostile"])
    assert "suites/robustness" in hostile
    assert hostile[-2:] == ["-x", "--strict"]
    assert matches["tgt_login"].arguments == ("-x", "--strict", "--area", "login")


def test_a_target_file_is_one_beside_the_matrix(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[target]]\nname = "mine"\nkind = "mine.toml"\n')

    assert f"--target={tmp_path / 'mine.toml'}" in rows.command(row)


def test_a_kernel_that_cannot_be_built_is_a_result(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "nowhere"\n')

    is_good, output = attempt.build_and_test(row)

    assert not is_good
    assert output.startswith("no kernel sources at nowhere")


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("kasan", ["lio-KASAN", "tgt-kasan_v6.1"]),
        ("not kasan", ["lio", "tgt_v6.1"]),
        ("lio and not kasan", ["lio"]),
        ("lio or v6.1 and kasan", ["lio", "lio-KASAN", "tgt-kasan_v6.1"]),
        ("(lio or v6.1) and kasan", ["lio-KASAN", "tgt-kasan_v6.1"]),
        ("not (not lio)", ["lio", "lio-KASAN"]),
    ],
)
def test_an_expression_chooses_names(text: str, fitting: list[str]) -> None:
    every = ["lio", "lio-KASAN", "tgt_v6.1", "tgt-kasan_v6.1"]

    fits = names.parse(text)

    assert [name for name in every if fits(name)] == fitting


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "its end"),
        ("and", "and"),
        ("a b", "b"),
        ("(a", "its end"),
        ("a)", r"\)"),
        ("a or", "its end"),
    ],
)
def test_a_wrong_expression_is_reported_in_one_line(text: str, where: str) -> None:
    with pytest.raises(LabError, match=f"has a syntax error at {where};") as caught:
        names.parse(text)

    assert "\n" not in str(caught.value)


def record(row: str, **changes: object) -> Record:
    new_record = Record(
        row=row,
        made_from="a",
        is_good=True,
        message="said",
        host="one",
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )
    return msgspec.structs.replace(new_record, **changes)


def left(place: Path, *records: Record) -> Path:
    """Write records as rows leave them."""
    for one in records:
        (place / one.row).mkdir(parents=True)
        folder.write(place / one.row, one)
    return place


def test_rows_of_two_hosts_are_those_of_one(tmp_path: Path) -> None:
    one, other = record("a"), record("b", is_good=False, message="x | y")
    at_once = left(tmp_path / "whole", one, other)
    first = left(tmp_path / "first", one)
    second = left(tmp_path / "second", msgspec.structs.replace(other, host="two"))

    page = collected.table(collected.newest([first, second]))

    assert page == collected.table(collected.newest([at_once]))
    assert "| a | ok |" in page
    assert "x \\| y" in page


def test_a_row_that_ran_twice_counts_once_and_the_later_one(tmp_path: Path) -> None:
    early = left(tmp_path / "early", record("a", is_good=False))
    late_command = left(
        tmp_path / "late", record("a", started="2026-01-02T00:00:00+00:00")
    )

    (records,) = collected.newest([late_command, early])

    assert records.record.is_good


def test_a_row_that_was_killed_counts_for_nothing(tmp_path: Path) -> None:
    killed = tmp_path / "a"
    killed.mkdir()
    (killed / folder.LOG).write_text("some checks")

    with pytest.raises(LabError, match="no finished row in"):
        collected.newest([tmp_path])


def test_a_damaged_record_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / folder.NAME).write_text("{")

    with pytest.raises(LabError, match=r"row\.json is not a record of a row") as caught:
        folder.read(tmp_path)

    assert "\n" not in str(caught.value)


def test_a_run_that_resumes_takes_what_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "debian"\n')
    row = replace(row, results=tmp_path / "k")
    tries: list[str] = []

    def build_and_test(tried: Row) -> tuple[bool, str]:
        tries.append(tried.name)
        return True, "all passed"

    monkeypatch.setattr(attempt, "build_and_test", build_and_test)
    first = attempt.attempt(row)

    assert attempt.attempt(row, resumes=True) == first
    assert tries == ["k_plain"]
    # Another row under the same name runs.
    changed = replace(row, arguments=("--area", "login"))
    attempt.attempt(changed, resumes=True)
    attempt.attempt(changed)
    assert len(tries) == 3
    assert attempt.ended(changed) is not None
    assert attempt.ended(row) is None


def test_the_longest_rows_come_first(tmp_path: Path) -> None:
    text = "\n".join(
        f'[[kernel]]\nname = "{name}"\nsource = "debian"\n' for name in "abc"
    )
    every = [replace(row, results=tmp_path / row.name) for row in load(tmp_path, text)]
    left(tmp_path, record("a_plain", seconds=5), record("c_plain", seconds=60))

    assert [row.name[0] for row in budget.longest_first(every)] == ["b", "c", "a"]
    # After an interrupted run, the results of the previous one remain.
    folder.begin(tmp_path / "c_plain")
    assert folder.read(tmp_path / "c_plain") is None
    assert [row.name[0] for row in budget.longest_first(every)] == ["b", "c", "a"]


def test_the_merged_page_knows_neither_hosts_nor_times(tmp_path: Path) -> None:
    one, other = record("a"), record("b", is_good=False, message="<b>")
    at_once = left(tmp_path / "whole", one, other)
    first = left(tmp_path / "first", msgspec.structs.replace(one, seconds=9.0))
    second = left(tmp_path / "second", msgspec.structs.replace(other, host="two"))

    merged = page.merged(collected.newest([first, second]))

    assert merged == page.merged(collected.newest([at_once]))
    assert "&lt;b&gt;" in merged
    assert "<b>" not in merged


@pytest.mark.integration
def test_rows_are_listed_for_a_ci(tmp_path: Path) -> None:
    path = tmp_path / "matrix.toml"
    path.write_text(WHOLE)

    def listed(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vmlab", "matrix", "list", path, *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    reported = json.loads(
        listed("--json", "--only", "checked", "--no", "patched").stdout
    )
    row = {"row": "debian_head_checked", "target": "scst", "cores": 2, "memory": 1536}
    assert reported == {"include": [row]}
    nothing = listed("--only", "windows")
    assert nothing.returncode == 3
    assert "no row of" in nothing.stderr
    assert len(nothing.stderr.splitlines()) == 1


@pytest.mark.integration
def test_an_engine_is_given_the_open_rows_the_longest_first(tmp_path: Path) -> None:
    path = tmp_path / "matrix.toml"
    path.write_text("\n".join(f'[[target]]\nname="{one}"\nkind="tgt"' for one in "abc"))
    results = tmp_path / "results"
    made_from = rows.load(path)[0].made_from
    left(results, record("a", made_from=made_from, seconds=9.0), record("b"))

    def listed(*options: str) -> list[str]:
        words = [sys.executable, "-m", "vmlab", "matrix", "list", str(path)]
        words += [f"--results={results}", *options]
        process = subprocess.run(
            words, capture_output=True, text=True, check=True, timeout=60
        )
        return process.stdout.split()

    assert listed() == ["a", "b", "c"]
    assert listed("--longest-first") == ["c", "a", "b"]
    # The row b has another definition now than when it ran.
    assert listed("--longest-first", "--open") == ["c", "b"]
    command = [sys.executable, "-m", "vmlab", "matrix", "plan", str(path)]
    plan = [*command, f"--results={results}", "--hosts=2", "--cores=1", "--memory=512"]
    output = subprocess.run(
        plan, capture_output=True, text=True, check=True, timeout=60
    )
    assert output.stdout == (
        "3 rows, one after the other: 15 s\n"
        "on 2 hosts with 1 cores and 512 MiB each: 9 s\n"
    )


def test_gitlab_has_a_job_a_row_and_runs_again_what_has_lost_its_runner(
    tmp_path: Path,
) -> None:
    pipeline = ci.pipeline(load(tmp_path, WHOLE), Path("my matrix.toml"))

    jobs = [name for name in pipeline if name.startswith("row ")]
    assert len(jobs) == 4
    job = pipeline["row patched_head_plain"]
    assert "runner_system_failure" in job["retry"]["when"]
    assert "'my matrix.toml' --row patched_head_plain --exit-zero" in job["script"][1]
