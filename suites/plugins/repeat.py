# SPDX-License-Identifier: GPL-2.0-only
"""Prints which checks of --repeat changed their verdict, and how often."""

import pytest

from reports.model import Check
from reports.printable import one_line
from reports.recorder import RUN


def _unsteady_checks(config: pytest.Config) -> list[Check]:
    run = config.stash.get(RUN, None)
    return [] if run is None else [one for one in run.checks if len(one.repeats) > 1]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which a check changed its verdict."""
    if _unsteady_checks(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the checks whose verdict varies, with their rates."""
    for one in _unsteady_checks(terminalreporter.config):
        total = sum(one.repeats.values())
        parts = [f"{word} {count} of {total}" for word, count in one.repeats.items()]
        text = f"not steady: {one_line(one.check)}: {', '.join(parts)}"
        terminalreporter.write_line(text, red=True)
