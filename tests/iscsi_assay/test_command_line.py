# SPDX-License-Identifier: GPL-2.0-only
"""What the command does with a command line: which command, which code, which words."""

import subprocess
import sys
from pathlib import Path

import pytest

from iscsi_assay import commands
from iscsi_assay.__main__ import main
from iscsi_assay.commands import COMMANDS, OTHER_NAMES
from iscsi_assay.parser import Command, Misuse, Parser, guarded
from iscsi_assay.run import arguments
from reports.suites import ANYWHERE, ROOT

CONFORMANCE = str(ROOT / "suites" / "conformance")


def refuse(_parser: Parser) -> None:
    raise Misuse("it makes no sense\x1b[31m")


@pytest.mark.parametrize("name", [*COMMANDS, *OTHER_NAMES])
def test_each_command_shows_its_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])

    expected = OTHER_NAMES.get(name, name)
    assert f"iscsi-assay {expected}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "iscsi-assay: the following arguments are required: COMMAND; "),
        (["replai"], "iscsi-assay: argument COMMAND: invalid choice: 'replai'"),
        (
            ["replay"],
            "iscsi-assay replay: the following arguments are required: ",
        ),
        (["lab", "down"], "iscsi-assay lab down: one of the arguments NAME --all is"),
        (
            ["completion", "dos"],
            "iscsi-assay completion: argument shell: invalid",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line_and_code_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)

    printed = capsys.readouterr().err
    assert printed.startswith(complaint)
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["decode", "no-file"],
        [
            "replay",
            "no-file",
            "--target",
            "iscsi://127.0.0.1/iqn.2026-01.org.example:x",
        ],
        ["report", "findings", "no-file"],
        ["report", "html", "no-file", "-o", "out"],
        ["reftarget", "--config", "no-file"],
        ["targets", "probe", "no-target"],
        ["faults", "no-fault"],
        ["ledger", "--shard", "3/2"],
    ],
)
def test_what_is_not_there_is_one_line_and_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2

    printed = capsys.readouterr().err
    assert printed.startswith(f"iscsi-assay {words[0]}")
    assert printed.count("\n") == 1


def test_an_error_in_a_description_is_reported_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = Command("text", refuse).run("python -m x", [])

    assert code == 2
    assert capsys.readouterr().err == "python -m x: it makes no sense\\x1b[31m\n"


def test_ctrl_c_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert guarded("x", {}, interrupted) == 2
    assert capsys.readouterr().err == "x: interrupted\n"


def test_so_is_ctrl_c_while_a_command_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_name: str) -> Command:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "command", interrupted)

    assert main(["replay", "file"]) == 2
    assert capsys.readouterr().err == "iscsi-assay: interrupted\n"


def test_a_bug_of_ours_stays_one() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded("x", {}, lambda: 1 // 0)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = subprocess.run(
        [
            *("bash", "-c", '"$0" -m iscsi_assay reftarget --list-habits | head -n 1'),
            sys.executable,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )

    assert process.stderr == ""
    assert process.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ([], "conformance"),
        (["--target", "robustness"], "conformance"),
        (["-k", "interop", "--target=tgt"], "conformance"),
        (["robustness"], "robustness"),
        (["-n", "2", "interop"], "interop"),
        (["conformance/login/test_plain.py::x"], "conformance/login/test_plain.py::x"),
        (["suites/conformance/nop/"], "conformance/nop"),
    ],
)
def test_a_suite_is_run_wherever_one_is(
    words: list[str], path: str, tmp_path: Path
) -> None:
    pytest_words = arguments(words, tmp_path)

    assert f"{ROOT}/suites/{path}" in pytest_words
    assert [one for one in pytest_words if one.startswith(f"{ROOT}/suites/")] == [
        f"{ROOT}/suites/{path}"
    ]
    assert set(ANYWHERE) <= set(pytest_words)
    assert f"cache_dir={tmp_path}/.pytest_cache" in pytest_words


def test_a_file_that_is_an_options_value_is_no_test(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").touch()

    words = arguments(["--target", "mine.toml"], tmp_path)

    assert words[:3] == [CONFORMANCE, "--target", "mine.toml"]


def test_tests_of_ones_own_run_by_ones_own_settings(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").touch()

    words = arguments(["test_own.py::test_x", "--target=tgt"], tmp_path)

    assert words == ["test_own.py::test_x", "--target=tgt"]
    both = arguments(["conformance", "test_own.py"], tmp_path)
    assert both == [CONFORMANCE, "test_own.py"]


def test_what_is_neither_is_left_to_pytest(tmp_path: Path) -> None:
    words = arguments(["conformance/none.py", "nofile"], tmp_path)

    assert words[:3] == [CONFORMANCE, "conformance/none.py", "nofile"]
