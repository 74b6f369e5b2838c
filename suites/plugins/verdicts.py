# SPDX-License-Identifier: GPL-2.0-only
"""From what happened in a check to its verdict, with the evidence.

A check that failed is the target's failure only if the target is to blame
(`ConformanceFailure`, or an error of the peer); anything else is a fault of ours and
stays one. After each check the target must still serve a login.
"""

from collections.abc import Callable, Generator
from functools import partial

import pytest

from initiator.expect import ConformanceFailure, failure_of, noting_choices
from iscsi.errors import ISCSIError
from reports.evidence import STEPS
from reports.model import Outcome, Phase
from spec import Level
from suites.judging.account import failure_value
from suites.plugins import targets as targets_plugin
from suites.plugins.accounts import account_of
from suites.plugins.again import cut_short
from suites.plugins.endings import (
    DYING_SECONDS,
    ONE_LOGIN,
    ending_value,
    fail_for_no_deviation,
    judge_early_death,
)
from suites.plugins.known import crash_of, deviations_of, explanation
from suites.plugins.options import is_strict
from suites.plugins.proof import (
    LOG_MARK,
    keep_bundle,
    keep_evidence,
    report_of,
    steps_of,
    trace_of,
    transcript_of,
)
from suites.plugins.requirements import is_check, requirements_of
from suites.plugins.survival import (
    DEATH_SECONDS,
    bounded,
    death,
    probe,
    restart,
    revive,
)
from suites.plugins.targets import TestedTarget

CHECK_SECONDS = 60
"""No check lasts longer, whatever a target does."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "needs(*features): skip on a target without these features"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip what the target does not offer; blame a failed login on the target."""
    if not is_check(item):
        return (yield)
    tested = targets_plugin.of(item.config)
    judge_early_death(item, tested)
    steps: Callable[[], list[str]] = partial(steps_of, item)
    item.stash[STEPS] = steps
    item.stash[LOG_MARK] = tested.running.mark()
    for marker in item.iter_markers("needs"):
        for feature in marker.args:
            if feature not in tested.features:
                pytest.skip(f"not applicable: the target does not offer {feature}")
    try:
        return (yield)
    except (ISCSIError, ConformanceFailure) as error:
        keep_evidence(item, tested, error)
        end = _judge_first_death(item, tested)
        transcript = transcript_of(item)
        shown = "" if transcript is None else "\n" + transcript.render(12)
        pytest.fail(f"the check could not begin: {error}{end}{shown}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(
    pyfuncitem: pytest.Function,
) -> Generator[None, object, object]:
    """Run a check and turn what happened into its verdict."""
    if not is_check(pyfuncitem):
        return (yield)
    tested = targets_plugin.of(pyfuncitem.config)
    try:
        with bounded(tested, CHECK_SECONDS), noting_choices() as choices:
            try:
                outcome = yield
            except ISCSIError as error:
                raise failure_of(error, transcript_of(pyfuncitem)) from error
            if ONE_LOGIN not in tested.features:
                probe(tested)
        _await_known_death(pyfuncitem, tested)
    except ConformanceFailure as failure:
        if failure.transcript is None:
            failure.transcript = transcript_of(pyfuncitem)
        keep_evidence(pyfuncitem, tested, failure)
        keep_bundle(pyfuncitem, tested, failure)
        _judge(pyfuncitem, tested, failure)
        raise
    _expect_no_deviation(pyfuncitem)
    account_of(pyfuncitem).choices = tuple(choices)
    return outcome


def _await_known_death(item: pytest.Item, tested: TestedTarget) -> None:
    """Look whether a target has died already that is known to.

    Raises:
        ConformanceFailure: it has died.
    """
    if any(known.dies for known in deviations_of(item)):
        reason = death(tested)
        if reason is not None:
            raise ConformanceFailure(
                "the target still serves after the check", f"it died: {reason}"
            )


def _judge_first_death(item: pytest.Item, tested: TestedTarget) -> str:
    """Bring a target back that has died before a check could begin; tell of it.

    Raises:
        pytest.xfail.Exception: by a known crash.
    """
    reason = death(tested)
    if reason is None:
        return ""
    report = report_of(tested, reason)
    revive(tested)
    crash = crash_of(item, reason, report)
    if crash is not None:
        cut_short(item, crash)
    account_of(item).ending = ending_value(reason, report, Phase.SETUP)
    return f"; the target died: {reason}{trace_of(tested, report)}"


def _judge(
    item: pytest.Item, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Name the requirements, and soften what is known or only a SHOULD.

    Raises:
        pytest.xfail.Exception: a known deviation, or a broken SHOULD.
    """
    is_doomed = any(known.dies and known.always for known in deviations_of(item))
    reason = death(tested, DYING_SECONDS if is_doomed else DEATH_SECONDS)
    account = account_of(item)
    account.failure = failure_value(failure, tuple(requirements_of(item)))
    report, crash = "", None
    if reason is not None:
        report = report_of(tested, reason)
        crash = crash_of(item, reason, report)
        failure.add_note(
            f"the target died during this check: {reason}{trace_of(tested, report)}"
        )
        account.ending = ending_value(reason, report, Phase.CALL)
    revive(tested)
    requirements = requirements_of(item)
    for entry in requirements:
        failure.add_note(
            f"requirement: {entry.id} ({entry.level}, {entry.document} section "
            f"{entry.section}): {entry.text}\n             {entry.url}"
        )
    known = explanation(item, reason, report)
    if known is not None:
        if known.restarts and "restart" in tested.features:
            restart(tested, "after a deviation that it does not survive whole")
        account.outcome, account.deviation = Outcome.DEVIATES, known.what
        pytest.xfail(f"known deviation ({known.requirement}): {known.what}")
    if crash is not None:
        cut_short(item, crash)
    is_should = all(entry.level.strength is not Level.MUST for entry in requirements)
    if is_should and reason is None and not is_strict(item.config):
        account.outcome = Outcome.WARNED
        pytest.xfail(f"warning, a SHOULD is not followed: {failure.actual}")


def _expect_no_deviation(item: pytest.Item) -> None:
    """Fail where a listed deviation did not show: the list is out of date."""
    __tracebackhide__ = True
    for known in deviations_of(item):
        if known.always and not known.dies:
            fail_for_no_deviation(known)
