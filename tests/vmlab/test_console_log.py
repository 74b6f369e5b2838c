# SPDX-License-Identifier: GPL-2.0-only
"""A console that virtlogd cuts into several files."""

from pathlib import Path

from vmlab import console_log
from vmlab.console_log import ConsoleLog


def rename(console: Path, most: int = 3) -> None:
    """Do what virtlogd does with a file that has reached its size."""
    for number in range(most - 1, 0, -1):
        older = console.with_name(f"console.log.{number - 1}")
        if older.exists():
            older.rename(console.with_name(f"console.log.{number}"))
    console.rename(console.with_name("console.log.0"))


def test_positions_go_on_in_the_next_file(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("one\n")
    log = ConsoleLog(console)
    assert log.read() == b"one\n"
    mark = log.size()

    with console.open("a") as file:
        file.write("two\n")
    rename(console)
    console.write_text("three\n")

    assert log.read(mark) == b"two\nthree\n"
    assert log.size() == log.end == len("one\ntwo\nthree\n")
    assert log.read() == b"one\ntwo\nthree\n"


def test_what_was_thrown_away_still_counts(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    log = ConsoleLog(console)
    written = ""
    for number in range(20):
        line = f"line {number}\n"
        console.write_text(line)
        written += line
        assert log.size() == len(written)
        rename(console)

    mark = len(written) - len("line 19\n")
    assert log.read(mark) == b"line 19\n"
    assert log.read() == b"line 17\nline 18\nline 19\n"


def test_a_console_that_is_not_there_is_empty(tmp_path: Path) -> None:
    log = ConsoleLog(tmp_path / "console.log")

    assert log.read() == b""
    assert log.size() == 0


def test_all_files_are_removed(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    for _ in range(3):
        console.write_text("x")
        rename(console)
    console.write_text("x")

    console_log.remove(console)

    assert not list(tmp_path.iterdir())
