# SPDX-License-Identifier: GPL-2.0-only
"""Rows run in parallel within a budget, and end with `matrix run`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from suites.matrix import folder, schedule
from suites.matrix.board import Board, words
from suites.matrix.budget import Budget, expected, predict_end
from suites.matrix.folder import Record
from suites.matrix.rows import Row
from tests.suites.runs import ENV
from vmlab import guard
from vmlab.poll import poll

ROOT = Path(__file__).parents[2]
SECONDS = 60.0


def row(place: Path, name: str, cores: int = 1, memory: int = 1) -> Row:
    return Row(name, None, "tgt", (), (), place / name, cores=cores, memory=memory)


@dataclass
class Notes:
    """Notes who runs beside whom."""

    beside: list[set[str]] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    whys: dict[str, str] = field(default_factory=dict)

    def begins(self, row: Row) -> None:
        self.running.add(row.name)
        self.beside.append(set(self.running))

    def ends(self, row: Row, record: Record | None, why: str) -> None:
        self.running.remove(row.name)
        self.whys[row.name] = why if record is None else "a record"

    def waits(self, running: Sequence[tuple[Row, float]], rest: Sequence[Row]) -> None:
        pass


LEAVES = """
import sys
from pathlib import Path
from suites.matrix import folder
record = folder.Record(row=sys.argv[2], made_from="", is_good=True, message="well",
    host="h", started="2026-01-01T00:00:00+00:00", seconds=1.0)
folder.write(Path(sys.argv[1]), record)
"""


def leaves(row: Row) -> list[str]:
    return [sys.executable, "-c", LEAVES, str(row.results), row.name]


@pytest.mark.integration
def test_rows_run_side_by_side_within_the_budget(tmp_path: Path) -> None:
    every = [
        row(tmp_path, "huge", cores=9),
        row(tmp_path, "wide", cores=2),
        row(tmp_path, "fat", memory=3),
        row(tmp_path, "small"),
    ]
    notes = Notes()

    records = schedule.run(every, leaves, Budget(2, 3), notes)

    assert len(records) == 4
    assert set(notes.whys.values()) == {"a record"}
    # A row that exceeds the budget runs, but alone.
    assert {"huge"} in notes.beside
    assert not any("huge" in subset and len(subset) > 1 for subset in notes.beside)
    assert not any("wide" in subset and len(subset) > 1 for subset in notes.beside)
    assert not any({"fat", "small"} <= subset for subset in notes.beside)


@pytest.mark.integration
def test_a_row_whose_process_dies_is_reported_and_the_others_run(
    tmp_path: Path,
) -> None:
    def command(row: Row) -> list[str]:
        if row.name == "a":
            return ["sh", "-c", "echo the last word; kill -9 $$"]
        return leaves(row)

    notes = Notes()
    records = schedule.run(
        [row(tmp_path, "a"), row(tmp_path, "b")], command, Budget(1, 1), notes
    )

    assert [record is None for record in records] == [True, False]
    assert "code 137 and has left no record: the last word" in notes.whys["a"]


def test_the_time_left_is_that_of_the_rows_side_by_side(tmp_path: Path) -> None:
    a, b, c = (row(tmp_path, name) for name in "abc")
    took = {"a": 100.0, "b": 60.0, "c": 30.0}

    def seconds(row: Row) -> float:
        return expected(row, took)

    assert predict_end([a, b, c], seconds, Budget(1, 9)) == 190
    assert predict_end([a, b, c], seconds, Budget(2, 9)) == 100
    assert predict_end([a, b, c], seconds, Budget(2, 1)) == 190
    assert predict_end([a, b, c], seconds, Budget(1, 9), hosts=3) == 100
    assert predict_end([c], seconds, Budget(2, 9), running=[(a, 5.0), (b, 50.0)]) == 50
    # The estimate for a row that has never run is the mean of the others.
    assert expected(row(tmp_path, "new"), took) == pytest.approx(190 / 3)
    assert expected(a, {}) == 15 * 60


def test_the_progress_does_not_promise_an_end_that_is_overdue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = row(tmp_path, "one")
    board = Board([one], {}, {"one": 60.0}, Budget(1, 1), tmp_path / "matrix.html")
    board._is_terminal = True
    board.begins(one)

    board.waits([(one, 20.0)], [])
    assert "0 of 1 rows, about 40 s left: one 20 s" in capsys.readouterr().out
    board.waits([(one, 90.0)], [])
    assert "0 of 1 rows, longer than expected: one 90 s" in capsys.readouterr().out


def test_a_row_has_a_line_and_the_page_fills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = row(tmp_path, "first"), row(tmp_path, "second")
    path = tmp_path / "matrix.html"
    board = Board([first, second], {}, {}, Budget(1, 1), path)

    assert "2 waiting" in path.read_text()
    board.begins(first)
    running = path.read_text()
    assert "1 running" in running
    assert 'http-equiv="refresh"' in running
    valid = Record(
        row="first",
        made_from="",
        is_good=True,
        message="all \x1b[31mwell",
        host="h",
        started="",
        seconds=75.0,
    )
    board.ends(first, valid, "")
    board.begins(second)
    board.ends(second, None, "it died")
    board.close(is_complete=False)

    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("ok          75 s  first: all ")
    assert "\x1b" not in printed[0]
    assert printed[1] == "DIED    second: it died"
    assert printed[2] == f"{path}; continue with --resume"
    over = path.read_text()
    assert "1 DIED" in over
    assert "1 ok" in over
    assert 'http-equiv="refresh"' not in over
    assert words(75) == "1 min 15 s"
    assert words(3700) == "1 h 1 min"


MATRIX = """
[[kernel]]
name = "k"
source = "tree"

[[target]]
name = "lio"

[[target]]
name = "reference"
arguments = ["--area", "nop", "-k", "test_ping or echo"]
"""

MAKEFILE = """
VERSION = 6
PATCHLEVEL = 1
SUBLEVEL = 1
tinyconfig:
\t@setsid sh -c 'echo begun > $(PLACE)/begun; sleep 600; echo done > $(PLACE)/d' & \\
\techo $$$$ > $(PLACE)/pid; sleep 600
"""


def begun(tmp_path: Path) -> "subprocess.Popen[str]":
    """Start a matrix whose kernel builds for ever; return when that is under way."""
    tree = tmp_path / "tree"
    tree.mkdir(exist_ok=True)
    (tree / "Kconfig").touch()
    (tree / "Makefile").write_text(MAKEFILE.replace("$(PLACE)", str(tmp_path)))
    (tmp_path / "matrix.toml").write_text(MATRIX)
    (tmp_path / "begun").unlink(missing_ok=True)
    process = subprocess.Popen(
        command(tmp_path), stdout=subprocess.PIPE, text=True, env=environment(tmp_path)
    )
    for _ in poll(SECONDS):
        has_ended = (tmp_path / "results" / "reference" / folder.NAME).exists()
        if (tmp_path / "begun").exists() and has_ended:
            return process
    process.kill()
    pytest.fail("the build did not begin")


def command(tmp_path: Path, *options: str) -> list[str]:
    # What a shell starts in the background ignores SIGINT, and so would the run.
    words = [ENV, "--default-signal=INT", sys.executable]
    words += ["-m", "vmlab", "matrix", "run"]
    words += [str(tmp_path / "matrix.toml"), f"--results={tmp_path / 'results'}"]
    return [*words, "--cores=3", "--memory=9999", *options]


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "ISCSI_ASSAY_CACHE": str(tmp_path / "cache")}


def left_running(tmp_path: Path) -> list[str]:
    """Return the commands that still have our cache in their environment."""
    mark = f"ISCSI_ASSAY_CACHE={tmp_path / 'cache'}".encode()
    matches = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdecimal() and mark in (path / "environ").read_bytes():
                matches.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return matches


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_goes_on_when_a_matrix_is_ended(tmp_path: Path, number: int) -> None:
    process = begun(tmp_path)
    assert any("sleep 600" in words for words in left_running(tmp_path))

    process.send_signal(number)
    output, _ = process.communicate(timeout=SECONDS)

    for _ in poll(guard.GRACE_SECONDS + SECONDS):
        if not left_running(tmp_path):
            break
    assert left_running(tmp_path) == []
    assert not (tmp_path / "d").exists()
    if number != signal.SIGKILL:
        assert process.returncode == 2
        assert "continue with --resume" in output


@pytest.mark.integration
def test_a_matrix_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    process = begun(tmp_path)
    process.kill()
    process.communicate(timeout=SECONDS)
    before = folder.read(tmp_path / "results" / "reference")
    assert before is not None
    assert before.is_good
    # The build ends now, with an error.
    makefile = tmp_path / "tree" / "Makefile"
    makefile.write_text(makefile.read_text().partition("tinyconfig:")[0])

    second = subprocess.run(
        command(tmp_path, "--resume", "--exit-zero"),
        capture_output=True,
        text=True,
        check=False,
        env=environment(tmp_path),
        timeout=SECONDS,
    )

    assert second.returncode == 0, second.stdout + second.stderr
    assert folder.read(tmp_path / "results" / "reference") == before
    killed = folder.read(tmp_path / "results" / "k_plain_lio")
    assert killed is not None
    assert "does not build" in killed.message
    lines = second.stdout.splitlines()
    assert sum(line.startswith("FAILED") for line in lines) == 1
    assert not any("reference" in line for line in lines)


@pytest.mark.integration
def test_a_signal_before_the_end_ends_in_time(tmp_path: Path) -> None:
    """What ignores SIGTERM is killed after the time that the others have to end."""
    words = [
        "sh",
        "-c",
        f"trap '' TERM; echo > {tmp_path / 'on'}; while :; do sleep 1; done",
    ]
    begin = time.monotonic()
    one = guard.start(words)
    for _ in poll(SECONDS):
        if (tmp_path / "on").exists():
            break
    one.let_go()

    assert one.wait() == 128 + signal.SIGTERM
    assert time.monotonic() - begin >= guard.GRACE_SECONDS
