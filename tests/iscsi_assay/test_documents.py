# SPDX-License-Identifier: GPL-2.0-only
"""What documents tell a reader to type can be typed; their links lead somewhere."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from iscsi_assay import commands
from iscsi_assay.parser import Parser
from reports.suites import ROOT

PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", *(
    str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))
))  # fmt: skip

_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_OWN = re.compile(r"^(?:\S*/)?iscsi-assay(?=\s)")
_SHELLS = "|>;&"


def lines() -> Iterator[tuple[str, str]]:
    """Yield the command lines of all pages that begin with our command."""
    for page in PAGES:
        for block in _BLOCK.findall((ROOT / page).read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                if _OWN.match(line.strip()) and not re.search(r"…|\.\.\.$", line):
                    yield page, line.strip()


def words_of(line: str) -> list[str]:
    """Return the words of a command line up to what the shell does with it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_SHELLS)
    lexer.whitespace_split = True
    return list(takewhile(lambda word: not set(word) <= set(_SHELLS), lexer))


@cache
def parser() -> Parser:
    """Return the parser of all commands."""
    return commands.parser()


def test_there_are_many() -> None:
    assert len(list(lines())) > 40


@pytest.mark.parametrize(("page", "line"), sorted(set(lines())))
def test_a_command_line_of_a_page_is_understood(page: str, line: str) -> None:
    words = words_of(line)[1:]
    words = ["lab" if word == "COMMAND" else word for word in words]

    if words[0] == "run":
        # Options of pytest itself are not checked.
        assert parser().parse_known_args(words)[0].prog == "iscsi-assay run"
    elif "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            parser().parse_args(words)
    else:
        assert parser().parse_args(words).prog.startswith("iscsi-assay "), page


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    folder = Path(ROOT / page).parent
    targets = set(_LINK.findall((ROOT / page).read_text()))

    assert {name for name in targets if not (folder / name).exists()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_each_row_of_a_table_is_one_line(page: str) -> None:
    prose = _BLOCK.sub("", (ROOT / page).read_text()).splitlines()

    cut = [line for line in prose if line.startswith("|") and not line.endswith("|")]
    joined = [
        after
        for row, after in pairwise(prose)
        if row.startswith("|") and after and not after.startswith("|")
    ]

    assert cut == joined == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_make_have_a_line_each(page: str) -> None:
    blocks = "".join(_BLOCK.findall((ROOT / page).read_text()))
    commands_only = [line.partition("#")[0] for line in blocks.splitlines()]

    assert [
        line for line in blocks.splitlines() if line.rstrip().endswith(" make")
    ] == []
    assert [line for line in commands_only if line.count("make ") > 1] == []
