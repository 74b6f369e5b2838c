# SPDX-License-Identifier: GPL-2.0-only
"""Observes each check, and has its events judged (`suites.judging`).

A failed check counts against the target only if the target is to blame
(`ConformanceFailure`, or an error of the peer); any other exception is an error of the
toolkit. After each check the target must still serve a login.
"""

from collections.abc import Callable, Generator
from functools import partial

import pytest

from initiator.expect import ConformanceFailure, failure_of, noting_choices
from iscsi.errors import ISCSIError
from reports.evidence import STEPS
from reports.model import Ending, EndingKind, Phase
from spec import Level
from suites.judging.account import drop_of, failure_value, hang
from suites.judging.known import Deviation
from suites.judging.verdict import Happening, Reaction
from suites.plugins import targets as targets_plugin
from suites.plugins.accounts import account_of, apply_verdict, settle
from suites.plugins.applicability import needs
from suites.plugins.deaths import (
    DYING_SECONDS,
    belongs_to_check_before,
    charge_before,
    find_ending_at_end,
    find_ending_at_start,
    judge_death_before,
    note_last,
    note_late,
    revive,
    value,
)
from suites.plugins.fullness import skip_if_full
from suites.plugins.known import (
    check_name,
    crash_of,
    deviations_of,
    explanation,
    listed,
)
from suites.plugins.limits import CutShort, Limit
from suites.plugins.lost import lost
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
from suites.plugins.revival import restart
from suites.plugins.strength import own_row
from suites.plugins.survival import (
    DEATH_SECONDS,
    ONE_LOGIN,
    Unserved,
    await_end,
    probe,
)
from suites.plugins.targets import TestedTarget


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "needs(*features): skip on a target without these features"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a check that needs a missing feature; blame a failed login on the target."""
    if not is_check(item):
        return (yield)
    tested = targets_plugin.of(item.config)
    tested.limit = tested.new_limit(item.config.option.check_timeout)
    judge_death_before(item, tested)
    steps: Callable[[], list[str]] = partial(steps_of, item)
    item.stash[STEPS] = steps
    item.stash[LOG_MARK] = tested.running.control.mark()
    for feature in needs(item):
        if feature not in tested.features:
            remedy = tested.running.remedies.get(feature)
            change = f": {remedy}" if remedy else ""
            pytest.skip(f"not applicable: the target does not offer {feature}{change}")
    try:
        with _limit_of(tested).running():
            return (yield)
    except (ISCSIError, ConformanceFailure) as error:
        skip_if_full(error, transcript_of(item))
        keep_evidence(item, tested, error)
        failure = (
            error
            if isinstance(error, ConformanceFailure)
            else failure_of(error, transcript_of(item))
        )
        _judge_setup(item, tested, error, failure)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(
    pyfuncitem: pytest.Function,
) -> Generator[None, object, object]:
    """Run a check and have its events judged."""
    if not is_check(pyfuncitem):
        return (yield)
    tested = targets_plugin.of(pyfuncitem.config)
    try:
        with _limit_of(tested).running(), noting_choices() as choices:
            try:
                _judge_slips(pyfuncitem)
                outcome = yield
            except ISCSIError as error:
                raise failure_of(error, transcript_of(pyfuncitem)) from error
            if ONE_LOGIN not in tested.features:
                probe(tested)
        _await_known_death(pyfuncitem, tested)
    except ConformanceFailure as failure:
        if failure.transcript is None:
            failure.transcript = transcript_of(pyfuncitem)
        skip_if_full(failure, failure.transcript)
        keep_evidence(pyfuncitem, tested, failure)
        keep_bundle(pyfuncitem, tested, failure)
        _judge_call(pyfuncitem, tested, failure)
        raise
    # A listed deviation has to show with the default values; a combination may avoid
    # it.
    always = [] if own_row(pyfuncitem) else deviations_of(pyfuncitem)
    for deviation in always:
        if deviation.always and not deviation.dies:
            _fail_for_missing_deviation(pyfuncitem, deviation, Phase.CALL)
    account_of(pyfuncitem).choices = tuple(choices)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Test whether the end of the check's connections has killed the target."""
    if not is_check(item) or lost(item.config):
        return (yield)
    tested = targets_plugin.of(item.config)
    _limit_of(tested).grant_end()
    error = None
    try:
        with _limit_of(tested).running():
            yield
    except (ISCSIError, ConformanceFailure, ExceptionGroup) as raised:
        error = _of_the_peer(raised)
        if error is None:
            raise
    note_last(item)
    has_time = nextitem is None or error is not None
    ending, is_spared = find_ending_at_end(item, tested, has_time=has_time)
    if error is not None:
        keep_evidence(item, tested, error)
    elif is_spared and not own_row(item):
        deadly = [deviation for deviation in deviations_of(item) if deviation.dies]
        _fail_for_missing_deviation(item, deadly[0], Phase.TEARDOWN)
    elif ending is not None:
        keep_log(item, tested)
    if ending is not None:
        revive(item, tested, ending)
    if error is not None and ending is None and not isinstance(error, CutShort):
        # The fixture's clean-up failed for a reason that is not in the check's marker.
        raise error
    if ending is not None or error is not None:
        _judge_teardown(item, ending, error)


def _of_the_peer(error: Exception) -> ISCSIError | ConformanceFailure | None:
    """Return an error for which the target may be to blame; the first of a group.

    pytest makes a group if the clean-up of several fixtures fails.
    """
    if isinstance(error, ExceptionGroup):
        causes = (_of_the_peer(one) for one in error.exceptions)
        return next((one for one in causes if one is not None), None)
    return error if isinstance(error, ISCSIError | ConformanceFailure) else None


def _judge_slips(item: pytest.Item) -> None:
    """Have the slips judged whose clauses a check carries; ignore all others.

    Raises:
        ISCSIError: the target made such a slip before the check began.
    """
    transcript = transcript_of(item)
    if transcript is not None:
        transcript.slips.judge({entry.id for entry in requirements_of(item)})


def _await_known_death(item: pytest.Item, tested: TestedTarget) -> None:
    """Test early for a death that is a known deviation.

    Raises:
        ConformanceFailure: the target has died.
    """
    if any(deviation.dies for deviation in deviations_of(item)):
        ending = await_end(tested)
        if ending is not None:
            raise ConformanceFailure(
                "the target still serves after the check", f"it died: {ending}"
            )


def _judge_setup(
    item: pytest.Item,
    tested: TestedTarget,
    error: ISCSIError | ConformanceFailure,
    failure: ConformanceFailure,
) -> None:
    """Judge a check that could not begin.

    Raises:
        pytest.fail.Exception: always, unless a known crash is why.
        pytest.xfail.Exception: by a known crash.
        pytest.skip.Exception: the target died of the check before, for good.
    """
    ending = find_ending_at_start(tested)
    crash = crash_of(item, ending)
    if ending is not None and crash is None:
        _judge_late_death(item, tested, error, ending)
    words = str(error)
    if ending is not None:
        revive(item, tested, ending)
        words += f"; the target {_died(ending)}: {ending.reason}{shown(ending)}"
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
    apply_verdict(happening, verdict, f"the check could not begin: {words}{pdus}")


def _judge_late_death(
    item: pytest.Item,
    tested: TestedTarget,
    error: BaseException | None,
    ending: Ending,
) -> None:
    """Charge the previous check with a death that it caused, and retry this one.

    Raises:
        pytest.fail.Exception: it caused the death; this check is to be retried.
        pytest.skip.Exception: it did, and the target does not serve again.
    """
    if not belongs_to_check_before(item, error, ending.phase):
        return
    note_late(item)
    charge_before(item, tested, ending)
    happening = Happening(phase=ending.phase, is_late=True)
    apply_verdict(
        happening, settle(item, happening), "the target died of the check before"
    )


def _died(ending: Ending) -> str:
    return "hung" if ending.kind is EndingKind.HUNG else "died"


def _judge_call(
    item: pytest.Item, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Judge a failed expectation; return only if the check fails.

    Raises:
        pytest.xfail.Exception: a known deviation, or a broken SHOULD.
        pytest.skip.Exception: the target died of the check before, for good.
    """
    requirements = requirements_of(item)
    is_probe = isinstance(failure, Unserved)
    is_doomed = any(
        deviation.dies and deviation.always for deviation in deviations_of(item)
    )
    target_ending = await_end(tested, DYING_SECONDS if is_doomed else DEATH_SECONDS)
    ending = value(tested, target_ending, Phase.CALL)
    if ending is None and is_probe:
        ending = hang(failure.actual, Phase.CALL)
    crash = crash_of(item, ending)
    if ending is not None and crash is None and not is_probe:
        _judge_late_death(item, tested, failure.__cause__, ending)
    if ending is not None:
        revive(item, tested, ending)
        failure.add_note(
            f"the target {_died(ending)} during this check: "
            f"{ending.reason}{shown(ending)}"
        )
    for entry in requirements:
        failure.add_note(
            f"requirement: {entry.id} ({entry.level}, {entry.document} section "
            f"{entry.section}): {entry.text}\n             {entry.url}"
        )
    shown_by = failure_value(failure, requirements)
    happening = Happening(
        phase=Phase.CALL,
        failure=shown_by,
        ending=ending or drop_of(failure),
        deviation=explanation(item, ending, shown_by),
        crash=crash,
        is_provoked=crash is not None and crash.is_provoked_by(check_name(item)),
        is_should=all(entry.level.strength is not Level.MUST for entry in requirements),
        is_strict=is_strict(item.config),
    )
    verdict = settle(item, happening)
    deviation = happening.deviation
    if deviation is not None and deviation.restarts and "restart" in tested.features:
        restart(item.config, tested, "after a deviation that it does not survive whole")
    if verdict.reaction is Reaction.EXPECT:
        apply_verdict(happening, verdict, failure.actual)


def _judge_teardown(
    item: pytest.Item,
    ending: Ending | None,
    error: ISCSIError | ConformanceFailure | None,
) -> None:
    """Judge a death at the end of a check, or the lack of an expected death.

    Args:
        item: the check.
        ending: how the target ended; None if it serves.
        error: an error at the end of the check, such as of a fixture's clean-up during
            which the target died.

    Raises:
        pytest.fail.Exception: it is unknown, and the check has not failed yet.
    """
    words = []
    failure = error if isinstance(error, CutShort) else None
    if failure is not None:
        words.append(f"expected of the end of the check: {failure.expected[0]}")
        words.append(failure.actual)
    if ending is not None:
        words.append(f"the target {_died(ending)} when the check was over")
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
    apply_verdict(happening, settle(item, happening), ": ".join(words))


def _limit_of(tested: TestedTarget) -> Limit:
    """Return the time limit of the running check."""
    assert tested.limit is not None
    return tested.limit


def _fail_for_missing_deviation(
    item: pytest.Item, known: Deviation, phase: Phase
) -> None:
    """Fail if a listed deviation did not show: the list is out of date.

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
    apply_verdict(happening, settle(item, happening), words)
