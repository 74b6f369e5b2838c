# SPDX-License-Identifier: GPL-2.0-only
"""Watches each check, and has what happened in it judged (`suites.judging`).

A check that failed is the target's failure only if the target is to blame
(`ConformanceFailure`, or an error of the peer); anything else is an error of ours.
After each check the target must still serve a login.
"""

from collections.abc import Callable, Generator
from functools import partial

import pytest

import targets
from initiator.expect import ConformanceFailure, failure_of, noting_choices
from iscsi.errors import ISCSIError
from reports.evidence import STEPS
from reports.model import Ending, EndingKind, Phase
from spec import Level
from suites.judging.account import drop_of, ending_value, failure_value, hang
from suites.judging.known import Deviation
from suites.judging.verdict import Happening, Reaction
from suites.plugins import targets as targets_plugin
from suites.plugins.accounts import account_of, react, settle
from suites.plugins.known import (
    check_name,
    crash_of,
    deviations_of,
    explanation,
    listed,
)
from suites.plugins.limits import CutShort, Limit
from suites.plugins.options import is_strict
from suites.plugins.proof import (
    LOG_MARK,
    keep_bundle,
    keep_evidence,
    keep_log,
    shown,
    steps_of,
    transcript_of,
)
from suites.plugins.requirements import is_check, requirements_of
from suites.plugins.survival import (
    DEATH_SECONDS,
    Unserved,
    await_end,
    late_probe,
    lost,
    probe,
    restart,
    revive,
)
from suites.plugins.targets import TestedTarget

ONE_LOGIN = "one-login-at-a-time"
"""The feature of a target that is probed when a check's connections are closed."""

DYING_SECONDS = 30.0
"""How long a target that is known to die may take: LIO holds a session for 20 s."""

_BEFORE = pytest.StashKey[pytest.Item]()
"""The check that has run last."""


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
    tested.limit = tested.new_limit(item.config.option.check_timeout)
    _judge_death_before(item, tested)
    steps: Callable[[], list[str]] = partial(steps_of, item)
    item.stash[STEPS] = steps
    item.stash[LOG_MARK] = tested.running.mark()
    for marker in item.iter_markers("needs"):
        for feature in marker.args:
            if feature not in tested.features:
                pytest.skip(f"not applicable: the target does not offer {feature}")
    try:
        with _limit_of(tested).running():
            return (yield)
    except (ISCSIError, ConformanceFailure) as error:
        keep_evidence(item, tested, error)
        failure = (
            error
            if isinstance(error, ConformanceFailure)
            else failure_of(error, transcript_of(item))
        )
        _judge_setup(item, tested, failure, str(error))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(
    pyfuncitem: pytest.Function,
) -> Generator[None, object, object]:
    """Run a check and have what happened judged."""
    if not is_check(pyfuncitem):
        return (yield)
    tested = targets_plugin.of(pyfuncitem.config)
    try:
        with _limit_of(tested).running(), noting_choices() as choices:
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
        _judge_call(pyfuncitem, tested, failure)
        raise
    for known in deviations_of(pyfuncitem):
        if known.always and not known.dies:
            _fail_for_unseen(pyfuncitem, known, Phase.CALL)
    account_of(pyfuncitem).choices = tuple(choices)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """See whether the end of the check's connections has killed the target."""
    if not is_check(item) or lost(item.config):
        return (yield)
    tested = targets_plugin.of(item.config)
    _limit_of(tested).grant_end()
    failure = None
    try:
        with _limit_of(tested).running():
            yield
    except CutShort as cut:
        failure = cut
    item.config.stash[_BEFORE] = item
    ending = _find_late_ending(item, tested)
    if failure is not None:
        keep_evidence(item, tested, failure)
    elif ending is not None:
        keep_log(item, tested)
    if ending is not None:
        _bring_back(item, tested, ending)
    if ending is not None or failure is not None:
        _judge_teardown(item, ending, failure)


def _find_late_ending(item: pytest.Item, tested: TestedTarget) -> Ending | None:
    """Return how the target ended since the check's own verdict, if it did."""
    phase = Phase.TEARDOWN
    if account_of(item).is_amiss:
        return _value(tested, await_end(tested), phase)
    ending = _value(tested, tested.running.ending(), phase)
    if ending is None and ONE_LOGIN in tested.features:
        actual = late_probe(tested)
        if actual is not None:
            # A kernel takes its time to report that it is locked up.
            found = _value(tested, await_end(tested, DYING_SECONDS), phase)
            ending = found or hang(actual, phase)
    deadly = [known for known in deviations_of(item) if known.dies]
    if ending is None and any(known.always for known in deadly):
        ending = _value(tested, await_end(tested, DYING_SECONDS), phase)
        if ending is None:
            _fail_for_unseen(item, deadly[0], phase)
    if ending is None and any(known.restarts for known in deadly):
        restart(item.config, tested, "since it may yet die of the check")
    return ending


def _await_known_death(item: pytest.Item, tested: TestedTarget) -> None:
    """Check early for a death that is a known deviation.

    Raises:
        ConformanceFailure: the target has died.
    """
    if any(known.dies for known in deviations_of(item)):
        ending = await_end(tested)
        if ending is not None:
            raise ConformanceFailure(
                "the target still serves after the check", f"it died: {ending}"
            )


def _judge_death_before(item: pytest.Item, tested: TestedTarget) -> None:
    """Bring a target back that has died since the check before was over; judge that.

    Raises:
        pytest.fail.Exception: it is not known to, neither in that check nor in this.
    """
    ending = _value(tested, tested.running.ending(), Phase.AFTER)
    if ending is None:
        return
    _bring_back(item, tested, ending)
    before = item.config.stash.get(_BEFORE, item)
    happening = Happening(
        phase=Phase.AFTER,
        ending=ending,
        crash=crash_of(before, ending) or crash_of(item, ending),
        deviation=explanation(before, ending),
    )
    verdict = settle(item, happening)
    react(
        happening,
        verdict,
        f"the target died after {before.nodeid}: {ending.reason}{shown(ending)}",
    )


def _judge_setup(
    item: pytest.Item, tested: TestedTarget, failure: ConformanceFailure, words: str
) -> None:
    """Judge a check that could not begin.

    Raises:
        pytest.fail.Exception: always, unless a known crash is why.
        pytest.xfail.Exception: by a known crash.
    """
    ending = _value(tested, await_end(tested), Phase.SETUP)
    if ending is not None:
        _bring_back(item, tested, ending)
        words += f"; the target died: {ending.reason}{shown(ending)}"
    crash = crash_of(item, ending)
    happening = Happening(
        phase=Phase.SETUP,
        failure=failure_value(failure, requirements_of(item)),
        ending=ending,
        crash=crash,
        is_provoked=crash is not None and crash.is_provoked_by(check_name(item)),
    )
    verdict = settle(item, happening)
    transcript = transcript_of(item)
    pdus = "" if transcript is None else "\n" + transcript.render(12)
    account_of(item).reason = f"the check could not begin: {failure.actual}"
    react(happening, verdict, f"the check could not begin: {words}{pdus}")


def _judge_call(
    item: pytest.Item, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Judge an expectation that was not met; return if the check fails.

    Raises:
        pytest.xfail.Exception: a known deviation, or a broken SHOULD.
    """
    requirements = requirements_of(item)
    is_doomed = any(known.dies and known.always for known in deviations_of(item))
    found = await_end(tested, DYING_SECONDS if is_doomed else DEATH_SECONDS)
    death = _value(tested, found, Phase.CALL)
    ending = death
    if death is None and isinstance(failure, Unserved):
        ending = hang(failure.actual, Phase.CALL)
    if ending is not None:
        _bring_back(item, tested, ending)
        what = "hangs" if ending.kind is EndingKind.HUNG else "died"
        failure.add_note(
            f"the target {what} during this check: {ending.reason}{shown(ending)}"
        )
    for entry in requirements:
        failure.add_note(
            f"requirement: {entry.id} ({entry.level}, {entry.document} section "
            f"{entry.section}): {entry.text}\n             {entry.url}"
        )
    crash = crash_of(item, death)
    happening = Happening(
        phase=Phase.CALL,
        failure=failure_value(failure, requirements),
        ending=ending or drop_of(failure),
        deviation=explanation(item, death),
        crash=crash,
        is_provoked=crash is not None and crash.is_provoked_by(check_name(item)),
        is_should=all(entry.level.strength is not Level.MUST for entry in requirements),
        is_strict=is_strict(item.config),
    )
    verdict = settle(item, happening)
    known = happening.deviation
    if known is not None and known.restarts and "restart" in tested.features:
        restart(item.config, tested, "after a deviation that it does not survive whole")
    if verdict.reaction is Reaction.EXPECT:
        react(happening, verdict, failure.actual)


def _judge_teardown(
    item: pytest.Item, ending: Ending | None, failure: ConformanceFailure | None
) -> None:
    """Judge a death that came with the end of a check, or an end that did not come.

    Raises:
        pytest.fail.Exception: it is not known, and the check has not failed yet.
    """
    words = []
    if failure is not None:
        words.append(f"expected of the end of the check: {failure.expected[0]}")
        words.append(failure.actual)
    if ending is not None:
        words.append("the target died when the check was over")
        words.append(f"{ending.reason}{shown(ending)}")
    happening = Happening(
        phase=Phase.TEARDOWN,
        failure=None
        if failure is None
        else failure_value(failure, requirements_of(item)),
        ending=ending,
        crash=crash_of(item, ending),
        deviation=explanation(item, ending),
        before=account_of(item).outcome,
    )
    react(happening, settle(item, happening), ": ".join(words))


def _limit_of(tested: TestedTarget) -> Limit:
    """Return the limit of the check that runs."""
    assert tested.limit is not None
    return tested.limit


def _fail_for_unseen(item: pytest.Item, known: Deviation, phase: Phase) -> None:
    """Fail where a listed deviation did not show: the list is out of date.

    Raises:
        pytest.fail.Exception: always.
    """
    __tracebackhide__ = True
    entry = listed(item, known)
    happening = Happening(phase=phase, unseen=entry)
    words = (
        f"the known deviation from {entry.requirement} did not show (it was seen in "
        f"version {entry.version}): correct {entry.file}"
    )
    account_of(item).reason = words
    react(happening, settle(item, happening), words)


def _value(
    tested: TestedTarget, ending: targets.Ending | None, phase: Phase
) -> Ending | None:
    """Return an ending as it is kept on file."""
    return (
        None if ending is None else ending_value(ending, phase, tested.running.decode)
    )


def _bring_back(item: pytest.Item, tested: TestedTarget, ending: Ending) -> None:
    """Start a target again that has died, or that serves nobody any more."""
    if ending.kind is EndingKind.HUNG and "restart" in tested.features:
        restart(item.config, tested, "after it had got stuck")
    revive(item.config, tested)
