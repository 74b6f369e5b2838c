# SPDX-License-Identifier: GPL-2.0-only
"""A check that a known crash of the target may have spoilt is tried once more.

The crash is a race that any check may meet. The second try, on a target just started,
gives the check's own verdict; if the crash comes again, that is the verdict.
"""

from collections.abc import Generator

import pytest

from suites.judging.verdict import Retry
from suites.plugins import survival
from suites.plugins.accounts import account_of, begin_again
from suites.plugins.known import has_crashes
from suites.plugins.requirements import is_check
from suites.plugins.sessions import TRANSCRIPT
from suites.plugins.targets import LAB_TROUBLE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the run after a check whose target cannot be brought back.

    Raises:
        pytest.exit.Exception: it cannot; the check has its verdict.
    """
    done = yield
    reason = survival.lost(item.config)
    if reason:
        # pytest prints no summary where it ends with the code of lab trouble.
        is_worker = hasattr(item.config, "workerinput")
        code = LAB_TROUBLE if is_worker else pytest.ExitCode.INTERRUPTED
        pytest.exit(f"{item.nodeid}: {reason}", code)
    return done


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End a run whose target is gone with the code of lab trouble."""
    if survival.lost(session.config):
        session.exitstatus = LAB_TROUBLE


class Retries:
    """The plugin for targets that are known to crash."""

    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> object:
        """Run a check, twice if a known crash has spoilt it."""
        if not is_check(item):
            return None
        hook, place = item.ihook, {"nodeid": item.nodeid, "location": item.location}
        hook.pytest_runtest_logstart(**place)
        before = list(item.user_properties)
        reports = _run(item, nextitem)
        if _is_spoilt(item, reports):
            _forget(item, before)
            reports = _run(item, nextitem)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(**place)
        return True


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Try again only where a crash is known."""
    if has_crashes(config):
        config.pluginmanager.register(Retries())


def _run(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run a check's phases without telling anybody of their reports.

    pytest has no public way to do so. This was read of pytest 9.0; constraints.txt pins
    the version.
    """
    from _pytest.runner import runtestprotocol  # noqa: PLC0415  # nowhere else

    return runtestprotocol(item, log=False, nextitem=nextitem)


def _is_spoilt(item: pytest.Item, reports: list[pytest.TestReport]) -> bool:
    """Tell whether a known crash may be why a check has no verdict of its own."""
    if survival.lost(item.config):
        return False
    retry = account_of(item).retry
    return retry is Retry.YES or (
        retry is Retry.IF_FAILED and any(report.failed for report in reports)
    )


def _forget(item: pytest.Item, before: list[tuple[str, object]]) -> None:
    """Forget a try but for the crash that has spoilt it, and its evidence."""
    item.user_properties[:] = before
    begin_again(item)
    item._report_sections.clear()
    if TRANSCRIPT in item.stash:
        del item.stash[TRANSCRIPT]
