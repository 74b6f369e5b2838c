# SPDX-License-Identifier: GPL-2.0-only
"""Output for GitHub Actions: annotations of findings, and a job summary."""

import os
from pathlib import Path

import pytest

from reports.gone import sentence
from reports.markdown import title as rule_of
from reports.printable import one_line
from reports.recorder import RUN
from reports.severity import Severity
from reports.statement import Statement, markdown, state
from reports.terminal import count

_ACTIONS = "GITHUB_ACTIONS"
_SUMMARY = "GITHUB_STEP_SUMMARY"
_MOST_SUMMARY = 900_000
"""The maximum size of a summary in bytes; GitHub accepts a MiB for each step."""


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the annotations and write the summary, if GitHub runs this."""
    run = terminalreporter.config.stash.get(RUN, None)
    if not os.environ.get(_ACTIONS) or run is None or not run.checks:
        return
    stated = state(run)
    for line in annotations(stated):
        terminalreporter.line(line)
    path = os.environ.get(_SUMMARY)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown(stated)[:_MOST_SUMMARY])


def annotations(stated: Statement) -> list[str]:
    """Return a workflow command for each new finding, and each deviation that is gone.

    A known deviation has no command.
    """
    return [
        f"::{'warning' if one.severity is Severity.SHOULD else 'error'} "
        f"title={_escape(one_line(f'{one.clauses[0]} {one.severity}'), title=True)}::"
        + _escape(
            f"{rule_of(one, stated.catalogue)}\n"
            f"expected: {' or '.join(map(one_line, one.expected))}\n"
            f"actual: {one_line(one.actual)}\n"
            f"in {count(len(one.checks), 'check')}, "
            f"such as {one_line(one.example.check)}"
        )
        for one in stated.new
    ] + [
        "::error title=a listed deviation did not show::" + _escape(sentence(one))
        for one in stated.gone
    ]


def _escape(text: str, *, title: bool = False) -> str:
    """Return text escaped for GitHub's workflow commands."""
    for raw, coded in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(raw, coded)
    return text.replace(":", "%3A").replace(",", "%2C") if title else text
