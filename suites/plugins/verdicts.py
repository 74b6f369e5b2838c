# SPDX-License-Identifier: GPL-2.0-only
"""From what happened in a check to its verdict, with the evidence.

A check that failed is the target's failure only if the target is to blame
(`ConformanceFailure`, or an error of the peer); anything else is a fault of ours and
stays one. After each check the target must still serve a login.
"""

import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import pytest

from initiator.expect import ConformanceFailure, failure_of, noting_choices
from iscsi.errors import ISCSIError
from reports.evidence import (
    CHOICE,
    DETAIL,
    KNOWN_DEVIATION,
    STEPS,
    TARGET_DIED,
    VERDICT,
    WARNING,
)
from suites.plugins import deviations
from suites.plugins import targets as targets_plugin
from suites.plugins.options import is_strict
from suites.plugins.proof import (
    LOG_MARK,
    keep_bundle,
    keep_evidence,
    keep_log,
    steps_of,
    trace_of,
    transcript_of,
)
from suites.plugins.requirements import is_check, requirements_of
from suites.plugins.survival import (
    DEATH_SECONDS,
    death,
    late_probe,
    probe,
    restart,
    revive,
)
from suites.plugins.targets import TestedTarget

CHECK_SECONDS = 60
"""No check lasts longer, whatever a target does."""

ONE_LOGIN = "one-login-at-a-time"
"""The feature of a target that is probed when a check's connections are closed."""

DYING_SECONDS = 30.0
"""How long it may take to, where that is known: LIO holds a lost session for 20 s."""

_DEVIATIONS = pytest.StashKey[list[deviations.Deviation]]()


def pytest_configure(config: pytest.Config) -> None:
    """Read the known deviations of the target under test.

    Raises:
        pytest.UsageError: their file is broken.
    """
    kind = config.option.profile or (
        (config.option.target or "reference").partition(":")[0].lower()
    )
    # A program does the same wherever it runs.
    own = deviations.FOLDER / f"{kind.removesuffix('-vm')}.toml"
    path = config.option.deviations or (own if own.exists() else None)
    try:
        config.stash[_DEVIATIONS] = deviations.load(path) if path else []
    except deviations.DeviationFileError as error:
        raise pytest.UsageError(str(error)) from error
    config.addinivalue_line(
        "markers", "needs(*features): skip on a target without these features"
    )


@pytest.fixture
def is_listed(request: pytest.FixtureRequest) -> bool:
    """Whether the check is listed among the known deviations of the target."""
    return bool(_deviations(request.node))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip what the target does not offer; blame a failed login on the target."""
    if not is_check(item):
        return (yield)
    tested = targets_plugin.of(item.config)
    # One that died after the check before it was over is no fault of this check.
    revive(tested)
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
        revive(tested)
        transcript = transcript_of(item)
        shown = "" if transcript is None else "\n" + transcript.render(12)
        pytest.fail(f"the check could not begin: {error}{shown}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(
    pyfuncitem: pytest.Function,
) -> Generator[None, object, object]:
    """Run a check and turn what happened into its verdict."""
    if not is_check(pyfuncitem):
        return (yield)
    tested = targets_plugin.of(pyfuncitem.config)
    try:
        with _time_limit(pyfuncitem), noting_choices() as choices:
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
    pyfuncitem.user_properties += [(CHOICE, what) for what in dict.fromkeys(choices)]
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """See whether the end of the check's connections has killed the target."""
    yield
    if not is_check(item):
        return
    tested = targets_plugin.of(item.config)
    has_failed = any(name == DETAIL for name, _ in item.user_properties)
    deaths = [] if has_failed else [one for one in _deviations(item) if one.dies]
    reason = death(tested) if has_failed else tested.running.exit_reason()
    is_stuck = False
    if reason is None and ONE_LOGIN in tested.features:
        reason = late_probe(tested)
        is_stuck = reason is not None
    if reason is None and any(known.always for known in deaths):
        reason = death(tested, DYING_SECONDS)
        if reason is None:
            _fail_for_no_deviation(deaths[0])
    if reason is None and any(known.restarts for known in deaths):
        restart(tested, "since it may yet die of the check")
    if reason is not None:
        trace = trace_of(item, tested, reason)
        if not has_failed:
            keep_log(item, tested)
        if is_stuck and "restart" in tested.features:
            # It may be up and serve nobody any more.
            restart(tested, "after it had got stuck")
        revive(tested)
        _judge_late_death(item, reason, trace, has_failed=has_failed)


def _judge_late_death(
    item: pytest.Item, reason: str, trace: str, *, has_failed: bool
) -> None:
    """Judge a death that came with the end of a check.

    Raises:
        pytest.fail.Exception: nothing else has failed, and it is not known.
    """
    if has_failed:
        if (VERDICT, KNOWN_DEVIATION) not in item.user_properties:
            item.user_properties.append((VERDICT, TARGET_DIED))
        return
    known = _explanation(item, reason, trace)
    if known is not None:
        item.user_properties += [(VERDICT, KNOWN_DEVIATION), (DETAIL, known.what)]
        return
    item.user_properties += [(VERDICT, TARGET_DIED), (DETAIL, reason)]
    pytest.fail(
        f"the target died when the check was over: {reason}{trace}", pytrace=False
    )


@contextmanager
def _time_limit(item: pytest.Item) -> Iterator[None]:
    def strike(_number: int, _frame: FrameType | None) -> None:
        raise ConformanceFailure(
            f"the exchange comes to an end within {CHECK_SECONDS} s",
            "it has not",
            transcript_of(item),
        )

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, CHECK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _await_known_death(item: pytest.Item, tested: TestedTarget) -> None:
    """Look whether a target has died already that is known to.

    Raises:
        ConformanceFailure: it has died.
    """
    if any(known.dies for known in _deviations(item)):
        reason = death(tested)
        if reason is not None:
            raise ConformanceFailure(
                "the target still serves after the check", f"it died: {reason}"
            )


def _judge(
    item: pytest.Item, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Name the requirements, and soften what is known or only a SHOULD.

    Raises:
        pytest.xfail.Exception: a known deviation, or a broken SHOULD.
    """
    is_doomed = any(known.dies and known.always for known in _deviations(item))
    reason = death(tested, DYING_SECONDS if is_doomed else DEATH_SECONDS)
    item.user_properties.append((DETAIL, failure.actual))
    trace = ""
    if reason is not None:
        trace = trace_of(item, tested, reason)
        failure.add_note(f"the target died during this check: {reason}{trace}")
        item.user_properties += [(VERDICT, TARGET_DIED), (DETAIL, reason)]
    revive(tested)
    requirements = requirements_of(item)
    for entry in requirements:
        failure.add_note(
            f"requirement: {entry.id} ({entry.level}, {entry.document} section "
            f"{entry.section}): {entry.text}\n             {entry.url}"
        )
    known = _explanation(item, reason, trace)
    if known is not None:
        if known.restarts and "restart" in tested.features:
            restart(tested, "after a deviation that it does not survive whole")
        item.user_properties += [(VERDICT, KNOWN_DEVIATION), (DETAIL, known.what)]
        pytest.xfail(f"known deviation ({known.requirement}): {known.what}")
    is_should = all(entry.level.startswith(("SHOULD", "MAY")) for entry in requirements)
    if is_should and reason is None and not is_strict(item.config):
        item.user_properties += [(VERDICT, WARNING), (DETAIL, failure.actual)]
        pytest.xfail(f"warning, a SHOULD is not followed: {failure.actual}")


def _explanation(
    item: pytest.Item, reason: str | None, trace: str
) -> deviations.Deviation | None:
    """Return the deviation that is what happened, if one is.

    Who is known to do something else is not known to die of it, nor the other way.
    """
    for known in _deviations(item):
        if (reason is None and not known.dies) or (
            reason is not None and known.dies and known.dies in reason + trace
        ):
            return known
    return None


def _expect_no_deviation(item: pytest.Item) -> None:
    """Fail where a listed deviation did not show: the list is out of date."""
    __tracebackhide__ = True
    for known in _deviations(item):
        if known.always and not known.dies:
            _fail_for_no_deviation(known)


def _fail_for_no_deviation(known: deviations.Deviation) -> None:
    __tracebackhide__ = True
    pytest.fail(
        f"the known deviation from {known.requirement} did not show (it was seen in "
        f"version {known.version}): remove it from suites/deviations",
        pytrace=False,
    )


def _deviations(item: pytest.Item) -> list[deviations.Deviation]:
    check = item.nodeid.removeprefix("suites/conformance/")
    return [entry for entry in item.config.stash[_DEVIATIONS] if entry.concerns(check)]
