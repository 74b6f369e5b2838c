# SPDX-License-Identifier: GPL-2.0-only
"""A check that a death not its own may have spoilt is tried once more.

A known crash of the target is a race that any check may meet; and the check before may
have left the target dead. The second try, on a target just started, gives the check's
own verdict; if the crash comes again, that is the verdict.
"""

import pytest

from reports.amend import carry
from suites.judging.verdict import Retry
from suites.plugins.accounts import account_of, begin_again
from suites.plugins.deaths import AMENDMENT
from suites.plugins.lost import lost
from suites.plugins.requirements import is_check
from suites.plugins.sessions import TRANSCRIPT


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """Run a check, twice if a death has spoilt it that is not its own."""
    if not is_check(item):
        return None
    hook, place = item.ihook, {"nodeid": item.nodeid, "location": item.location}
    hook.pytest_runtest_logstart(**place)
    before = list(item.user_properties)
    reports = _run(item, nextitem)
    if _is_spoilt(item, reports):
        _forget(item, before)
        reports = _run(item, nextitem)
    if AMENDMENT in item.stash:
        carry(reports[0], item.stash[AMENDMENT])
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(**place)
    return True


def _run(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run a check's phases without telling anybody of their reports.

    pytest has no public way to do so. This was read of pytest 9.0; constraints.txt pins
    the version.
    """
    from _pytest.runner import runtestprotocol  # noqa: PLC0415  # nowhere else

    return runtestprotocol(item, log=False, nextitem=nextitem)


def _is_spoilt(item: pytest.Item, reports: list[pytest.TestReport]) -> bool:
    """Tell whether another's death may be why a check has no verdict of its own."""
    if lost(item.config):
        return False
    retry = account_of(item).retry
    return retry is Retry.YES or (
        retry is Retry.IF_FAILED and any(report.failed for report in reports)
    )


def _forget(item: pytest.Item, before: list[tuple[str, object]]) -> None:
    """Forget a try but for the death that has spoilt it, and its evidence."""
    item.user_properties[:] = before
    begin_again(item)
    item._report_sections.clear()
    if TRANSCRIPT in item.stash:
        del item.stash[TRANSCRIPT]
