# SPDX-License-Identifier: GPL-2.0-only
"""Every page of help renders, fits the width, and has examples that parse."""

import argparse
import shlex
from collections.abc import Iterator
from functools import cache

import pytest

from initiator.__main__ import main as initiator
from iscsi_assay import commands
from iscsi_assay.parser import WIDTH, Parser
from reftarget.__main__ import main as reftarget
from reports.__main__ import main as reports
from suites.ledger import main as ledger
from suites.mutants import main as mutants
from suites.probe import main as probe
from vmlab.__main__ import main as lab

_LINE = "\n  "


def below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and all those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from below(one)


@cache
def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, by the words that run it."""
    return {one.prog: one for one in below(commands.parser())}


def pages() -> list[str]:
    """Return the words that run each command."""
    return list(parsers())


def page(name: str) -> str:
    """Return a page of help."""
    return parsers()[name].format_help()


def examples(name: str) -> list[str]:
    """Return the command lines that a page of help shows."""
    _, _, end = page(name).partition("\nexamples:\n")
    lines = [line.split("  #")[0].strip() for line in end.splitlines()]
    return [line for line in lines if line.startswith("iscsi-assay")]


@pytest.fixture(autouse=True)
def a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def test_the_pages_of_all_commands_are_listed() -> None:
    expected = {
        "run",
        "targets probe",
        "report compare",
        "lab matrix run",
        "lab up lio",
    }

    assert {f"iscsi-assay {name}" for name in expected} <= set(pages())
    assert len(pages()) > 30


@pytest.mark.parametrize("name", pages())
def test_a_page_fits_and_says_what_each_argument_is(name: str) -> None:
    text = page(name)

    assert max(len(line) for line in text.splitlines()) <= WIDTH
    parser = parsers()[name]
    assert parser.description
    assert parser.description.split("\n")[0].rstrip().endswith(".")
    for action in parser._actions:
        is_list = isinstance(action, argparse._SubParsersAction)
        assert action.help or is_list, f"{name}: {action.dest}"
    assert "%" not in text.replace("user%secret", "")


@pytest.mark.parametrize("name", pages())
def test_a_page_has_examples_that_can_be_typed(name: str) -> None:
    displayed = examples(name)

    assert displayed
    for line in displayed:
        assert line.startswith(name)
        words = shlex.split(line.split(" > ")[0].replace("COMMAND", "lab"))[1:]
        if {"--help", "--version"} & set(words):
            with pytest.raises(SystemExit, match="0"):
                parsers()["iscsi-assay"].parse_args(words)
        else:
            options = parsers()["iscsi-assay"].parse_args(words)
            assert options.prog == f"iscsi-assay {words[0]}" or callable(options.run)


@pytest.mark.parametrize("name", pages())
def test_no_page_names_a_package_to_python(name: str) -> None:
    assert "python -m" not in page(name)


@pytest.mark.parametrize(
    ("main", "words", "prog"),
    [
        (initiator, ["replay"], "python -m initiator replay"),
        (reports, ["findings"], "python -m reports findings"),
        (lab, ["down"], "python -m vmlab down"),
        (probe, ["probe"], "python -m targets probe"),
        (reftarget, ["--lun"], "python -m reftarget"),
        (mutants, ["--sample", "x"], "python -m suites.mutants"),
        (ledger, ["--odd"], "python -m suites.ledger"),
    ],
)
def test_a_package_complains_in_one_line_and_its_help_has_its_own_name(
    main: "object", words: list[str], prog: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(main)
    with pytest.raises(SystemExit, match="2"):
        main(words)
    complaint = capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main([words[0], "--help"] if " " in prog[len("python -m ") :] else ["--help"])
    text = capsys.readouterr().out

    assert complaint.startswith(f"{prog}: ")
    assert complaint.endswith(f"see {prog} --help\n")
    assert complaint.count("\n") == 1
    assert f"examples:{_LINE}" in text
    assert f"{prog} " in text.partition("examples:")[2] + " "


def test_prose_is_filled_and_examples_are_kept() -> None:
    parser = Parser(
        prog="x",
        description="One two\nthree.\n\nFour.",
        epilog="examples:\n  x a\n  x b",
    )

    text = parser.format_help()

    assert "One two three.\n\nFour.\n" in text
    assert text.endswith("examples:\n  x a\n  x b\n")
