# SPDX-License-Identifier: GPL-2.0-only
"""What is found out of a check when its reports are gone: the death that it has caused.

A target may die a moment after the check that killed it is over. The next check's first
report carries the amendment, from a worker to the controller too; there it becomes one
more report of the check that is charged.
"""

from typing import Any

import msgspec
import pytest

from reports.evidence import VERDICT
from reports.model import Check, Outcome
from reports.verdicts import attach

AMENDED = "assay_amended"
"""The attribute by which a report carries the amendment of another check, as JSON."""


class Amendment(msgspec.Struct, frozen=True):
    """What has become of a check that was over."""

    nodeid: str
    file: str
    line: int | None
    name: str
    """With file and line the check's place, as pytest's reports have it."""
    words: str
    check: Check


def amendment(item: pytest.Item, check: Check, words: str) -> Amendment:
    """Return the amended verdict of a check.

    Args:
        item: its item.
        check: the check as it stands now.
        words: why, for who reads the run in full.
    """
    return Amendment(item.nodeid, *item.location, words, check)


def carry(report: pytest.TestReport, amended: Amendment) -> None:
    """Have a report carry an amendment."""
    setattr(report, AMENDED, msgspec.json.encode(amended).decode())


class _Amender:
    """Makes a report of each amendment: failed, or expected to fail."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report what a report carries of another check."""
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
    """Take amendments where reports are collected."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Amender(config))
