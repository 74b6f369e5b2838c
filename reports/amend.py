# SPDX-License-Identifier: GPL-2.0-only
"""Changes the outcome of a check after its reports, for a death that it caused.

A target may die a moment after the check that killed it is over. The next check's first
report carries the amendment, also from a worker to the controller, where it becomes one
more report of the charged check.
"""

from typing import Any

import msgspec
import pytest

from reports.evidence import VERDICT
from reports.model import Check, Outcome
from reports.verdicts import attach

AMENDED = "assay_amended"
"""The attribute of a report with the amendment of another check, as JSON."""


class Amendment(msgspec.Struct, frozen=True):
    """The amended outcome of a finished check."""

    nodeid: str
    file: str
    line: int | None
    name: str
    """The check's place with file and line, as in pytest's reports."""
    words: str
    check: Check


def amendment(item: pytest.Item, check: Check, words: str) -> Amendment:
    """Return the amended verdict of a check.

    Args:
        item: its item.
        check: the check in its present state.
        words: the reason, for the detailed output.
    """
    return Amendment(item.nodeid, *item.location, words, check)


def carry(report: pytest.TestReport, amended: Amendment) -> None:
    """Attach an amendment to a report."""
    setattr(report, AMENDED, msgspec.json.encode(amended).decode())


class _Amender:
    """Turns each amendment into a report: failed, or expected to fail."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Publish the amendment in a report."""
        text = getattr(report, AMENDED, None)
        if text is None:
            return
        amendment = msgspec.json.decode(text, type=Amendment)
        is_new = amendment.check.outcome is Outcome.BROKEN
        xfail: dict[str, Any] = (
            {} if is_new else {"wasxfail": amendment.check.deviation}
        )
        amended = pytest.TestReport(
            nodeid=amendment.nodeid,
            location=(amendment.file, amendment.line, amendment.name),
            keywords={},
            outcome="failed" if is_new else "skipped",
            longrepr=amendment.words,
            when="teardown",
            user_properties=[(VERDICT, str(amendment.check.outcome))],
            **xfail,
        )
        attach(amended, amendment.check)
        self._config.hook.pytest_runtest_logreport(report=amended)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin where reports are collected."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Amender(config))
