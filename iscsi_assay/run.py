# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay run`: pytest with the suites of this toolkit, from any folder."""

import argparse
import re
from collections.abc import Generator, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from iscsi_assay.parser import Command, Parser, examples
from reports.suites import ANYWHERE, ROOT
from suites.plugins import entry

SUITES = ("conformance", "robustness", "interop")
"""What can be run by its name."""

PYTESTS_HELP = "--pytest-help"

_QUIET = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""The plugins have been asked for their options before pytest imports them."""

_FOLDER = ROOT / "suites"
_ERROR = re.compile(r"^\S+: error: (.*)$", re.MULTILINE)

_OF_PYTEST: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-k",), {"metavar": "EXPRESSION", "help": "run the checks whose names match"}),
    (("-m",), {"metavar": "EXPRESSION", "help": "run the checks whose markers match"}),
    (
        ("-n", "--numprocesses"),
        {"metavar": "N", "help": "run in N processes, each with a target of its own"},
    ),
    (
        ("-x", "--exitfirst"),
        {"action": "store_true", "help": "stop at the first failure"},
    ),
    (("--maxfail",), {"metavar": "N", "help": "stop after N failures"}),
    (
        ("--lf", "--last-failed"),
        {"action": "store_true", "help": "run only the checks that failed last time"},
    ),
    (
        ("--deselect",),
        {"metavar": "CHECK", "action": "append", "help": "leave out a check"},
    ),
    (
        ("--co", "--collect-only"),
        {"action": "store_true", "help": "list the checks and run none"},
    ),
    (("-q", "--quiet"), {"action": "count", "help": "print less"}),
    (("-v", "--verbose"), {"action": "count", "help": "print each check"}),
    (
        ("--strict",),
        {"action": "store_true", "help": "count a broken SHOULD as a failure"},
    ),
    (("--junitxml",), {"metavar": "FILE", "type": Path, "help": "write JUnit XML"}),
    (
        ("-o", "--override-ini"),
        {"metavar": "NAME=VALUE", "help": "override a setting of pytest"},
    ),
    (("-p",), {"metavar": "PLUGIN", "help": "load a plugin; no:NAME leaves one out"}),
    (
        ("-r",),
        {"metavar": "CHARS", "help": "list these outcomes at the end, as pytest does"},
    ),
    (("--tb",), {"metavar": "STYLE", "help": "style of pytest's tracebacks"}),
    (("--durations",), {"metavar": "N", "help": "list the N slowest checks"}),
)
"""Options of pytest that a run often needs; it takes all others, too."""

_OF_ALLURE = (
    ("--alluredir",),
    {
        "metavar": "FOLDER",
        "type": Path,
        "help": "write Allure results there, for `report`",
    },
)


class _Group:
    """What the plugins' `pytest_addoption` is given, to describe their options."""

    def __init__(self, group: "argparse._ArgumentGroup", flags: set[str]) -> None:
        self._group = group
        self._flags = flags

    def getgroup(self, *_names: str) -> "_Group":
        """Return the one group."""
        return self

    def addoption(self, *flags: str, **settings: Any) -> None:
        """Add an option, unless another plugin has it already."""
        if self._flags.isdisjoint(flags):
            self._flags |= set(flags)
            self._group.add_argument(*flags, **settings)


def describe(parser: Parser) -> None:
    """Fill the parser of `run`, for its help and for shells."""
    parser.description = (
        "Runs the checks of a suite against a target: `conformance` (the default), "
        "`robustness` or `interop`, from any folder. The command runs pytest and "
        f"accepts all of its options; `%(prog)s {PYTESTS_HELP}` lists them.\n\nExit "
        "codes: 0 no check failed, 1 a check failed, 2 ended by Ctrl-C or SIGTERM, 3 "
        "there is no target to test, 4 a wrong option, 5 no check was selected, 7 "
        "the target died and serves no logins again."
    )
    parser.epilog = examples(
        "%(prog)s --target=reference",
        "%(prog)s --target=tgt -n 2 --area login --alluredir=results/tgt",
        "%(prog)s robustness --target=tgt -n 2",
        "%(prog)s conformance/login/test_plain.py --target=mine.toml -x",
        "%(prog)s --target=help",
    )
    parser.add_argument(
        "what",
        nargs="*",
        metavar="SUITE|PATH",
        help=f"{', '.join(SUITES)}, a file or a check below one of them, or tests of "
        "your own (default: conformance)",
    )
    flags: set[str] = set()
    group = _Group(parser.add_argument_group("what is tested, and how"), flags)
    for name in entry.pytest_plugins:
        add = getattr(import_module(name), "pytest_addoption", None)
        if add is not None:
            add(cast(pytest.Parser, group))
    usual = _Group(parser.add_argument_group("often used options of pytest"), flags)
    for names, settings in (*_OF_PYTEST, _OF_ALLURE):
        usual.addoption(*names, **settings)


def run(words: Sequence[str]) -> int:
    """Run pytest; return its exit code."""
    if PYTESTS_HELP in words:
        return int(pytest.main(["--help", *ANYWHERE, *_QUIET]))
    pytest_words = arguments(words)
    return int(pytest.main([*pytest_words, *_QUIET], [_OneLine()]))


class _OneLine:
    """Has pytest tell a wrong option in one line, as the other commands do."""

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_parse(self) -> Generator[None, pytest.Config, pytest.Config]:
        """Shorten what is wrong with the command line.

        Raises:
            pytest.UsageError: in one line.
        """
        try:
            return (yield)
        except pytest.UsageError as error:
            match = _ERROR.search(str(error))
            if match is None:
                raise
            raise pytest.UsageError(f"{match[1]}; see iscsi-assay run --help") from None


def arguments(words: Sequence[str], folder: Path | None = None) -> list[str]:
    """Return the arguments of pytest.

    Suites and what lies below them are given by their paths. Where nothing else is
    tested, settings and cache of the project at hand are ignored.

    Args:
        words: the command line.
        folder: the folder that paths begin in; the current one by default.
    """
    start = folder or Path.cwd()
    pytest_words, names, own = [], 0, 0
    for word, is_value in _words(words):
        path = None if is_value or word.startswith("-") else _within(word, start)
        names += path is not None
        own += not is_value and path is None and _is_there(word, start)
        pytest_words.append(path or word)
    if not names and not own:
        pytest_words.insert(0, str(_FOLDER / SUITES[0]))
    if own:
        return pytest_words
    return [*pytest_words, *ANYWHERE, "-o", f"cache_dir={start / '.pytest_cache'}"]


def _words(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the words of a command line, and whether each is the value of an option."""
    parser = Parser()
    describe(parser)
    valued = {
        flag
        for action in parser._actions  # noqa: SLF001  # nothing public lists them
        for flag in action.option_strings
        if action.nargs is None
    }
    is_value = False
    for word in words:
        yield word, is_value
        is_value = not is_value and word in valued


def _within(word: str, here: Path) -> str | None:
    """Return the path of a suite, or of something in one; None if it is neither."""
    name, colons, test_name = word.partition("::")
    if _is_there(word, here):
        inside = (here / name).resolve().is_relative_to(_FOLDER.resolve())
        return word if inside else None
    path = name.removeprefix("suites/").removesuffix("/")
    if path.split("/")[0] not in SUITES:
        return None
    below = _FOLDER / path
    return f"{below}{colons}{test_name}" if below.exists() else None


def _is_there(word: str, here: Path) -> bool:
    return not word.startswith("-") and (here / word.partition("::")[0]).exists()


RUN = Command(
    "run the checks of a suite against a target, with pytest",
    describe,
    {pytest.UsageError: (int(pytest.ExitCode.USAGE_ERROR), str)},
)
