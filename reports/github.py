# SPDX-License-Identifier: GPL-2.0-only
"""What GitHub Actions shows: annotations of broken clauses, and a job summary."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from reports.evidence import ENVIRONMENT
from reports.model import FORMAT, Run
from reports.standing import Row, Standing, rows
from reports.statement import markdown
from reports.verdicts import checks_of, reports_of
from spec import load

_ACTIONS = "GITHUB_ACTIONS"
_SUMMARY = "GITHUB_STEP_SUMMARY"
_MOST_SUMMARY = 900_000
"""Bytes; GitHub takes a MiB a step."""

_COMMANDS = {Standing.BROKEN: "error", Standing.WARNED: "warning"}
_NO_FACTS: dict[str, str] = {}


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the annotations and write the summary, where GitHub reads them."""
    if not os.environ.get(_ACTIONS):
        return
    reports = reports_of(terminalreporter)
    checks = checks_of(reports)
    if not checks:
        return
    found = rows(checks, load())
    for line in annotations(found):
        terminalreporter.line(line)
    path = os.environ.get(_SUMMARY)
    if path:
        facts = terminalreporter.config.stash.get(ENVIRONMENT, _NO_FACTS)
        text = markdown(
            Run(format=FORMAT, environment=facts, checks=tuple(checks)), found
        )
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text[:_MOST_SUMMARY])


def annotations(found: Sequence[Row]) -> list[str]:
    """Return a workflow command for each requirement that is broken or warned of."""
    return [
        f"::{_COMMANDS[row.standing]} title={_escape(row.requirement.id, title=True)}::"
        + _escape(
            f"{row.requirement.level}, {row.requirement.document} section "
            f"{row.requirement.section}: {row.requirement.text}\n"
            + "\n".join(f"{check.check}: {check.detail}" for check in row.amiss)
        )
        for row in found
        if row.standing in _COMMANDS
    ]


def _escape(text: str, *, title: bool = False) -> str:
    """Return text as GitHub's workflow commands want it."""
    for raw, coded in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(raw, coded)
    return text.replace(":", "%3A").replace(",", "%2C") if title else text
