# SPDX-License-Identifier: GPL-2.0-only
"""Each check's account: kept while it runs, and carried by its reports."""

from collections.abc import Generator

import pytest

from reports.evidence import EVIDENCE, VERDICT
from reports.verdicts import attach
from suites.judging.account import Account
from suites.plugins.requirements import is_check, requirements_of

_ACCOUNT = pytest.StashKey[Account]()
_FOLDER = "suites/conformance/"


def account_of(item: pytest.Item) -> Account:
    """Return a check's account."""
    return item.stash.setdefault(_ACCOUNT, Account())


def begin_again(item: pytest.Item) -> None:
    """Begin a new account; only the known crashes that struck stay in it."""
    item.stash[_ACCOUNT] = Account(crashes=account_of(item).crashes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have each report of a check carry what is known of it so far."""
    report = yield
    if not is_check(item):
        return report
    account = account_of(item)
    account.seconds += report.duration
    account.has_failed |= report.failed
    if report.skipped and not hasattr(report, "wasxfail"):
        account.outcome = account.outcome.NOT_APPLICABLE
    account.reason = account.reason or _reason(report)
    if report.when != "teardown" and report.outcome != "passed":
        account.transcript = "".join(
            piece.content.decode(errors="replace")
            for piece in item.stash.get(EVIDENCE, [])
            if piece.name == "transcript"
        )
    function = item.function if isinstance(item, pytest.Function) else None
    rule = (function.__doc__ or "") if function is not None else ""
    check = account.to_check(
        item.nodeid.removeprefix(_FOLDER),
        rule.strip().partition("\n")[0],
        tuple(requirements_of(item)),
    )
    attach(report, check)
    if report.when == "teardown":
        report.user_properties.append((VERDICT, str(check.outcome)))
    return report


def _reason(report: pytest.TestReport) -> str:
    """Return in one line why a check was skipped or failed by our own fault."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    if report.failed:
        return (report.longreprtext.strip().splitlines() or [""])[-1]
    return ""
