# SPDX-License-Identifier: GPL-2.0-only
"""Retries a check once if a death that another check caused may have disturbed it.

A known crash of the target is a race that may occur in any check, and the previous
check may have killed the target. The second try, on a restarted target, gives the
check's own verdict; if the crash occurs again, that is the verdict.
"""

import bdb
from collections.abc import Callable
from typing import Literal, cast

import pytest

from reports.amend import carry
from suites.judging.verdict import Retry
from suites.plugins.accounts import account_of, begin_again
from suites.plugins.deaths import AMENDMENT
from suites.plugins.lost import lost
from suites.plugins.passes import together
from suites.plugins.reduction import look_into
from suites.plugins.requirements import is_check
from suites.plugins.sessions import TRANSCRIPT


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """Run a check as often as --repeat says."""
    if not is_check(item):
        return None
    hook, place = item.ihook, {"nodeid": item.nodeid, "location": item.location}
    hook.pytest_runtest_logstart(**place)
    before = list(item.user_properties)
    passes: list[list[pytest.TestReport]] = []
    for remaining in reversed(range(item.config.option.repeat)):
        if passes:
            _forget(item, before)
            _renew(item)
        # Between two passes, tear down the check but keep the fixtures that it shares.
        following = cast("pytest.Item", item.parent) if remaining else nextitem
        passes.append(_attempt(item, following, before))
        if item.session.shouldfail or item.session.shouldstop or lost(item.config):
            break
    reports = together(passes)

    def run_again() -> list[pytest.TestReport]:
        _forget(item, before)
        _renew(item)
        return _run(item, nextitem)

    look_into(item, reports, run_again)
    if AMENDMENT in item.stash:
        carry(reports[0], item.stash[AMENDMENT])
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(**place)
    return True


def _attempt(
    item: pytest.Item, nextitem: pytest.Item | None, before: list[tuple[str, object]]
) -> list[pytest.TestReport]:
    """Run a check's phases; run them again if another check's death disturbed them."""
    reports = _run(item, nextitem)
    if _may_be_collateral(item, reports):
        _forget(item, before)
        _renew(item)
        reports = _run(item, nextitem)
    return reports


def _run(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run a check's phases as pytest does, without publishing their reports."""
    reports = [_run_phase(item, "setup")]
    if reports[0].passed and not item.config.getoption("setuponly", False):
        reports.append(_run_phase(item, "call"))
    is_last = item.session.shouldfail or item.session.shouldstop
    goes_on = None if is_last else nextitem
    reports.append(_run_phase(item, "teardown", nextitem=goes_on))
    # The objects of fixtures would otherwise live until the end of the run.
    getattr(item, "funcargs", {}).clear()
    return reports


def _run_phase(
    item: pytest.Item,
    when: Literal["setup", "call", "teardown"],
    **arguments: pytest.Item | None,
) -> pytest.TestReport:
    hook = item.ihook
    act = getattr(hook, f"pytest_runtest_{when}")
    ends: tuple[type[BaseException], ...] = (pytest.exit.Exception,)
    if not item.config.getoption("usepdb", False):
        ends += (KeyboardInterrupt,)
    call = pytest.CallInfo.from_call(
        lambda: act(item=item, **arguments), when=when, reraise=ends
    )
    report: pytest.TestReport = hook.pytest_runtest_makereport(item=item, call=call)
    if _is_for_a_debugger(call, report):
        hook.pytest_exception_interact(node=item, call=call, report=report)
    return report


def _is_for_a_debugger(
    call: pytest.CallInfo[object], report: pytest.TestReport
) -> bool:
    if call.excinfo is None or hasattr(report, "wasxfail"):
        return False
    return not isinstance(call.excinfo.value, (pytest.skip.Exception, bdb.BdbQuit))


def _renew(item: pytest.Item) -> None:
    """Let pytest create a check's fixtures a second time.

    The item stays the same object: Allure finds its result by the object of the node
    ID, so a copy of the item would leave the first try's result behind.
    pytest-rerunfailures resets its items in the same way; pytest has no public function
    for it.
    """
    renew: Callable[[], None] | None = getattr(item, "_initrequest", None)
    if renew is not None:
        renew()


def _may_be_collateral(item: pytest.Item, reports: list[pytest.TestReport]) -> bool:
    """Tell whether a death may explain that a check has no verdict of its own."""
    if lost(item.config):
        return False
    retry = account_of(item).retry
    return retry is Retry.YES or (
        retry is Retry.IF_FAILED and any(report.failed for report in reports)
    )


def _forget(item: pytest.Item, before: list[tuple[str, object]]) -> None:
    """Discard a try, except for the death that disturbed it, and its evidence."""
    item.user_properties[:] = before
    begin_again(item)
    if TRANSCRIPT in item.stash:
        del item.stash[TRANSCRIPT]
