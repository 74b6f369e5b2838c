# SPDX-License-Identifier: GPL-2.0-only
"""Text of a target may hold anything; no surface obeys it, and none fails by it."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from reports import compare, statement
from reports.__main__ import main
from reports.again import options_without_killers
from reports.baseline import baseline
from reports.findings import findings
from reports.github import annotations
from reports.markdown import findings_markdown
from reports.model import Check, Ending, EndingKind, Entry, Failure, Outcome
from reports.printable import one_line, printable
from reports.run import NAME, read, write
from reports.terminal import finding_lines, gone_lines, head, others, table
from spec import load
from tests.reports.samples import ECHO, run_of

EVIL = (
    "\x1b]0;owned\x07\x1b[2J\x00\x9b31m\u202e`</script><!--<script>alert(1)</script>"
    "<img src=x onerror=alert(1)>\r\n::error::{{ 1 }}|[a](javascript:b)\n\n# head #*_"
)
"""Escape sequences, NUL, text that runs backwards, HTML, Markdown, GitHub."""

UNDECODED = EVIL + "\udcff"
"""The same with a byte of invalid UTF-8, as Python keeps it."""


def checked(name: str, **others: object) -> Check:
    return replace(
        Check(
            check=f"nop/{name}{EVIL}",
            outcome=Outcome.BROKEN,
            requirements=(ECHO, EVIL),
            broken=(ECHO, EVIL),
            failure=Failure(
                requirement=ECHO,
                expected=(EVIL, EVIL),
                actual=UNDECODED,
                pdu=EVIL,
                field=EVIL,
                answer=EVIL,
            ),
            deviation=EVIL,
            rests_on=EVIL,
            reason=UNDECODED,
            title=EVIL,
            transcript=UNDECODED,
            bundle=EVIL,
            choices=(EVIL,),
            crashes=(EVIL,),
        ),
        **others,
    )


def ended(kind: EndingKind, *functions: str) -> Ending:
    return Ending(
        kind=kind,
        reason=UNDECODED,
        report_kind=EVIL,
        functions=functions,
        report=UNDECODED,
        closed_by=EVIL,
    )


FACTS = (
    *("target", "target.version", "target.description", "target.features", EVIL),
    *("target.kernel", "target.names", "target.portals", "negotiated.X", "patches"),
)
RUN = run_of(
    [
        checked("a"),
        checked("b", requirements=(EVIL,), failure=None, broken=(EVIL,)),
        checked("c", ending=ended(EndingKind.CRASHED, EVIL)),
        checked("d", ending=ended(EndingKind.EXITED)),
        checked("e", ending=ended(EndingKind.HUNG)),
        checked(
            "f",
            outcome=Outcome.GONE,
            gone=Entry(requirement=EVIL, what=EVIL, version=EVIL, file=EVIL),
        ),
        *(
            checked(one.name.lower(), outcome=one, failure=None)
            for one in Outcome
            if one is not Outcome.GONE
        ),
    ],
    suite=EVIL,
    label=EVIL,
    environment=dict.fromkeys(FACTS, UNDECODED),
    toolkit=EVIL,
    started=EVIL,
    is_complete=False,
    why_incomplete=UNDECODED,
)
BEFORE = replace(
    RUN, checks=tuple(replace(one, outcome=Outcome.PASSED) for one in RUN.checks[1:])
)
FOUND = findings(RUN)
STATED = statement.state(RUN, Path(EVIL))
COMPARED = compare.compare([BEFORE, RUN])


def terminal() -> str:
    lines = [*table(RUN.checks), *others(RUN.checks), *head(RUN, FOUND)]
    lines += gone_lines(RUN, 100)
    for one in FOUND:
        lines += finding_lines(one, RUN, load(), 100, Path(EVIL))
    # The plugin that prints findings does the same.
    return "\n".join(printable(line.text) for line in lines)


SURFACES: Mapping[str, Callable[[], str]] = {
    "terminal": terminal,
    "findings.md": lambda: findings_markdown(RUN, FOUND, Path(EVIL)),
    "statement.md": lambda: statement.markdown(STATED),
    "statement.html": lambda: statement.page(STATED),
    "statement.json": lambda: json.dumps(statement.as_data(STATED)),
    "badge.svg": lambda: statement.badge(STATED.rows),
    "compare.html": lambda: compare.page(COMPARED),
    "compare": lambda: "\n".join(compare.lines(COMPARED)),
    "github": lambda: "\n".join(annotations(STATED)),
    "leave out": lambda: one_line(options_without_killers(RUN)),
}


@pytest.mark.parametrize("name", SURFACES)
def test_no_surface_shows_what_a_terminal_obeys(name: str) -> None:
    text = SURFACES[name]()

    assert all(line.isprintable() for line in text.split("\n"))
    assert name == "badge.svg" or "owned" in text


@pytest.mark.parametrize("name", ["findings.md", "statement.md"])
def test_no_text_is_markup_in_markdown(name: str) -> None:
    tokens = MarkdownIt("commonmark").parse(SURFACES[name]())

    flat = [inner for one in tokens for inner in (one, *(one.children or ()))]
    assert not [one.content for one in flat if one.type.startswith("html")]
    links = [str(one.attrs["href"]) for one in flat if one.type == "link_open"]
    assert all(link.startswith("https://") for link in links)
    headings = {
        tokens[number + 1].content
        for number, one in enumerate(tokens)
        if one.type == "heading_open"
    }
    assert not [text for text in headings if text.startswith("head")]


@pytest.mark.parametrize("name", ["statement.html", "compare.html"])
def test_no_text_is_an_element_of_a_page(name: str) -> None:
    text = SURFACES[name]()

    assert text.count("<script") == text.count("</script") in (0, 2)
    assert "<img" not in text
    assert "<!--" not in text


def test_no_text_is_a_command_of_github() -> None:
    for line in SURFACES["github"]().split("\n"):
        command, _, _ = line.removeprefix("::").partition("::")
        assert re.fullmatch(r"(error|warning) title=[^:,\r\n]*", command)
    assert not re.search("^::", SURFACES["compare"](), re.MULTILINE)


def test_a_baseline_is_toml_whatever_a_target_sends() -> None:
    text = baseline(RUN, FOUND)

    entries = tomllib.loads(text)["deviation"]
    assert all(one["what"].isprintable() for one in entries)
    deaths = [one["dies"] for one in entries if "dies" in one]
    assert deaths
    assert all(part.isprintable() and part in UNDECODED for part in deaths)


def test_a_run_can_be_kept_and_read_whatever_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / NAME, RUN)

    assert read(tmp_path).checks[0].check == RUN.checks[0].check
    assert read(tmp_path).why_incomplete == EVIL + "\\udcff"
    assert main(["findings", str(tmp_path)]) == 0
    (tmp_path / NAME).write_text('{"format": "iscsi-assay-run-1\x7f\u202e"}')
    assert main(["findings", str(tmp_path)]) == 2
    out = capsys.readouterr()
    assert all(line.isprintable() for line in (out.out + out.err).split("\n"))
