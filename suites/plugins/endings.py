# SPDX-License-Identifier: GPL-2.0-only
"""The deaths of a target that come with the end of a check, or after it."""

from collections.abc import Generator

import pytest

from reports.model import Ending, EndingKind, Outcome, Phase
from suites.plugins import targets as targets_plugin
from suites.plugins.accounts import account_of
from suites.plugins.again import note_crash
from suites.plugins.deviations import Deviation
from suites.plugins.known import crash_of, deviations_of, explanation
from suites.plugins.proof import keep_log, report_of, trace_of
from suites.plugins.requirements import is_check
from suites.plugins.survival import death, late_probe, restart, revive
from suites.plugins.targets import TestedTarget

ONE_LOGIN = "one-login-at-a-time"
"""The feature of a target that is probed when a check's connections are closed."""

DYING_SECONDS = 30.0
"""How long it may take to, where that is known: LIO holds a lost session for 20 s."""

_BEFORE = pytest.StashKey[pytest.Item]()
"""The check that has run last."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """See whether the end of the check's connections has killed the target."""
    yield
    if not is_check(item):
        return
    item.config.stash[_BEFORE] = item
    tested = targets_plugin.of(item.config)
    has_failed = account_of(item).is_judged
    deaths = [] if has_failed else [one for one in deviations_of(item) if one.dies]
    reason = death(tested) if has_failed else tested.running.exit_reason()
    is_stuck = False
    if reason is None and ONE_LOGIN in tested.features:
        reason = late_probe(tested)
        is_stuck = reason is not None and tested.running.is_alive()
        if is_stuck:
            # A kernel takes its time to say of itself that it is locked up.
            reason = death(tested, DYING_SECONDS) or reason
    if reason is None and any(known.always for known in deaths):
        reason = death(tested, DYING_SECONDS)
        if reason is None:
            fail_for_no_deviation(deaths[0])
    if reason is None and any(known.restarts for known in deaths):
        restart(tested, "since it may yet die of the check")
    if reason is not None:
        report = report_of(tested, reason)
        keep_log(item, tested)
        if is_stuck and "restart" in tested.features:
            # It may be up and serve nobody any more.
            restart(tested, "after it had got stuck")
        revive(tested)
        _judge_late_death(item, tested, reason, report)


def _judge_late_death(
    item: pytest.Item, tested: TestedTarget, reason: str, report: str
) -> None:
    """Judge a death that came with the end of a check.

    Raises:
        pytest.fail.Exception: it is not known, and the check has not failed yet.
    """
    account = account_of(item)
    has_failed = account.is_judged
    crash = crash_of(item, reason, report)
    if crash is not None:
        note_crash(item, crash)
    known = explanation(item, reason, report) or crash
    if known is not None:
        if not has_failed:
            account.outcome, account.deviation = Outcome.DEVIATES, known.what
        return
    account.ending = ending_value(reason, report, Phase.TEARDOWN)
    # What was expected of the check does not excuse what came after it.
    if has_failed and account.outcome not in (Outcome.DEVIATES, Outcome.WARNED):
        return
    trace = trace_of(tested, report)
    pytest.fail(
        f"the target died when the check was over: {reason}{trace}", pytrace=False
    )


def judge_early_death(item: pytest.Item, tested: TestedTarget) -> None:
    """Bring a target back that has died since the check before was over.

    Raises:
        pytest.fail.Exception: it is not known to, neither in that check nor in this.
    """
    reason = tested.running.exit_reason()
    if reason is None:
        return
    report = report_of(tested, reason)
    revive(tested)
    before = item.config.stash.get(_BEFORE, item)
    crash = crash_of(before, reason, report) or crash_of(item, reason, report)
    if crash is not None:
        account_of(item).crashes.append(crash.what)
    elif explanation(before, reason, report) is None:
        account_of(item).ending = ending_value(reason, report, Phase.AFTER)
        trace = trace_of(tested, report)
        pytest.fail(
            f"the target died after {before.nodeid}: {reason}{trace}", pytrace=False
        )


def ending_value(reason: str, report: str, phase: Phase) -> Ending:
    """Return how a target ended, as it is kept on file."""
    return Ending(
        kind=EndingKind.CRASHED if report else EndingKind.EXITED,
        reason=reason,
        phase=phase,
        report=report,
    )


def fail_for_no_deviation(known: Deviation) -> None:
    """Fail where a listed deviation did not show: the list is out of date.

    Raises:
        pytest.fail.Exception: always.
    """
    __tracebackhide__ = True
    pytest.fail(
        f"the known deviation from {known.requirement} did not show (it was seen in "
        f"version {known.version}): remove it from suites/deviations",
        pytrace=False,
    )
