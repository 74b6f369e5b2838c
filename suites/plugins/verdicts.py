# SPDX-License-Identifier: GPL-2.0-only
"""From what happened in a check to its verdict, with the evidence.

A check that failed is the target's failure only if the target is to blame
(`ConformanceFailure`, or an error of the peer); anything else is a fault of ours and
stays one. After each check the target must still serve a login.
"""

import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

import targets
from initiator import bundle
from initiator.capture import to_pcapng
from initiator.expect import ConformanceFailure, failure_of, noting_choices
from initiator.narrate import narrate
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import names
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from reports.evidence import (
    BUNDLE,
    CHOICE,
    DETAIL,
    EVIDENCE,
    KNOWN_DEVIATION,
    STEPS,
    TARGET_DIED,
    VERDICT,
    WARNING,
    Evidence,
    bundle_path,
)
from suites.plugins import deviations
from suites.plugins import targets as targets_plugin
from suites.plugins.options import is_strict
from suites.plugins.requirements import is_check, requirements_of
from suites.plugins.sessions import TRANSCRIPT
from suites.plugins.targets import TestedTarget

CHECK_SECONDS = 60
"""No check lasts longer, whatever a target does."""

SLOW_LOGIN = 0.5
"""Seconds from which on a login after every check would cost more than it shows."""

ONE_LOGIN = "one-login-at-a-time"
"""The feature of a target that is probed when a check's connections are closed."""

ONE_LOGIN_SECONDS = 20.0
"""More than such a target takes to give up an unfinished login (LIO's default: 15)."""

DEATH_SECONDS = 0.1
"""How long after a failure a local target may still be seen to die."""

DYING_SECONDS = 30.0
"""How long it may take to, where that is known: LIO holds a lost session for 20 s."""

_MOST_OF_A_TRACE = 40
"""Lines of a crash that a failure shows; its report has all of them."""

_DEVIATIONS = pytest.StashKey[list[deviations.Deviation]]()
_LOG_MARK = pytest.StashKey[int]()


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
    _revive(tested)
    steps: Callable[[], list[str]] = partial(_steps, item)
    item.stash[STEPS] = steps
    item.stash[_LOG_MARK] = tested.running.mark()
    for marker in item.iter_markers("needs"):
        for feature in marker.args:
            if feature not in tested.features:
                pytest.skip(f"not applicable: the target does not offer {feature}")
    try:
        return (yield)
    except (ISCSIError, ConformanceFailure) as error:
        _keep_evidence(item, tested, error)
        _revive(tested)
        transcript = _transcript(item)
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
                raise failure_of(error, _transcript(pyfuncitem)) from error
            if ONE_LOGIN not in tested.features:
                _probe(tested)
        _await_known_death(pyfuncitem, tested)
    except ConformanceFailure as failure:
        if failure.transcript is None:
            failure.transcript = _transcript(pyfuncitem)
        _keep_evidence(pyfuncitem, tested, failure)
        _keep_bundle(pyfuncitem, tested, failure)
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
    reason = _death(tested) if has_failed else tested.running.exit_reason()
    is_stuck = False
    if reason is None and ONE_LOGIN in tested.features:
        reason = _late_probe(tested)
        is_stuck = reason is not None
    if reason is None and any(known.always for known in deaths):
        reason = _death(tested, DYING_SECONDS)
        if reason is None:
            _fail_for_no_deviation(deaths[0])
    if reason is None and any(known.restarts for known in deaths):
        _restart(tested, "since it may yet die of the check")
    if reason is not None:
        trace = _trace(item, tested, reason)
        if not has_failed:
            _keep_log(item, tested)
        if is_stuck and "restart" in tested.features:
            # It may be up and serve nobody any more.
            _restart(tested, "after it had got stuck")
        _revive(tested)
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
            _transcript(item),
        )

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, CHECK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _probe(tested: TestedTarget, timeout: float | None = None) -> None:
    """Log in once more: a target must have survived the check.

    Where a login takes long (istgt sleeps a second in each) only its process is looked
    at; the next check's login shows the rest.

    Raises:
        ConformanceFailure: it has not.
    """
    if tested.login_seconds > SLOW_LOGIN and tested.running.is_alive():
        return
    transcript = Transcript()
    isid = names.isid(names.ISIDType.RANDOM, 0xA55AFF, 0xFFFF)
    units = tested.running.target.logical_units
    try:
        with Session(
            tested.portal,
            replace(tested.options(), isid=isid),
            transcript=transcript,
            timeout=timeout or tested.timeout,
            lun=units[0].lun if units else 0,
        ) as session:
            session.execute(cdb.test_unit_ready())
    except (ISCSIError, ConformanceFailure) as error:
        actual = error.actual if isinstance(error, ConformanceFailure) else str(error)
        reason = _death(tested)
        raise ConformanceFailure(
            "the target still serves a login and a command after the check",
            f"the target died: {reason}" if reason else actual,
            transcript,
        ) from error


def _late_probe(tested: TestedTarget) -> str | None:
    """Probe when the check's own connections are closed; return what went wrong.

    An unfinished login of the check would hold up the probe's where a target handles
    one at a time. It gives such a login up by itself, so the probe has patience.
    """
    try:
        _probe(tested, timeout=ONE_LOGIN_SECONDS)
    except ConformanceFailure as failure:
        return failure.actual
    return None


def _death(tested: TestedTarget, seconds: float = DEATH_SECONDS) -> str | None:
    """Return how the target ended, None if it lives.

    A process that has just been killed takes a moment to be seen as dead.
    """
    reason = tested.running.exit_reason()
    if reason is None and "restart" in tested.features:
        deadline = time.monotonic() + seconds
        while reason is None and time.monotonic() < deadline:
            time.sleep(DEATH_SECONDS / 20)
            reason = tested.running.exit_reason()
    return reason


def _await_known_death(item: pytest.Item, tested: TestedTarget) -> None:
    """Look whether a target has died already that is known to.

    Raises:
        ConformanceFailure: it has died.
    """
    if any(known.dies for known in _deviations(item)):
        reason = _death(tested)
        if reason is not None:
            raise ConformanceFailure(
                "the target still serves after the check", f"it died: {reason}"
            )


def _trace(item: pytest.Item, tested: TestedTarget, reason: str) -> str:
    """Return what the target's log says of its death, if it says anything."""
    log = tested.running.log_since(item.stash.get(_LOG_MARK, 0))
    _, line, rest = log.partition(reason.removeprefix("the target died: "))
    shown = (line + rest).splitlines()[:_MOST_OF_A_TRACE]
    return "".join(f"\n    {one}" for one in shown)


def _judge(
    item: pytest.Item, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Name the requirements, and soften what is known or only a SHOULD.

    Raises:
        pytest.xfail.Exception: a known deviation, or a broken SHOULD.
    """
    is_doomed = any(known.dies and known.always for known in _deviations(item))
    reason = _death(tested, DYING_SECONDS if is_doomed else DEATH_SECONDS)
    item.user_properties.append((DETAIL, failure.actual))
    trace = ""
    if reason is not None:
        trace = _trace(item, tested, reason)
        failure.add_note(f"the target died during this check: {reason}{trace}")
        item.user_properties += [(VERDICT, TARGET_DIED), (DETAIL, reason)]
    _revive(tested)
    requirements = requirements_of(item)
    for entry in requirements:
        failure.add_note(
            f"requirement: {entry.id} ({entry.level}, {entry.document} section "
            f"{entry.section}): {entry.text}\n             {entry.url}"
        )
    known = _explanation(item, reason, trace)
    if known is not None:
        if known.restarts and "restart" in tested.features:
            _restart(tested, "after a deviation that it does not survive whole")
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


def _revive(tested: TestedTarget) -> None:
    """Start a dead target again, so that one death is one failure."""
    if not tested.running.is_alive():
        _restart(tested, "after its death")


def _restart(tested: TestedTarget, when: str) -> None:
    try:
        tested.running.restart()
    except targets.LabError as error:
        pytest.exit(f"the target cannot be restarted {when}: {error}", 3)


def _steps(item: pytest.Item) -> list[str]:
    """Tell the exchange of a check in words."""
    transcript = _transcript(item)
    return [] if transcript is None else narrate(transcript)


def _transcript(item: pytest.Item) -> Transcript | None:
    return item.stash.get(TRANSCRIPT, None)


def _keep_bundle(
    item: pytest.Function, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Keep what it takes to send the same PDUs again."""
    transcript = _transcript(item)
    if transcript is None or not transcript.entries:
        return
    running = tested.running
    units = running.target.logical_units
    made = bundle.of_transcript(
        transcript,
        check=item.nodeid.removeprefix("suites/conformance/"),
        rule=(item.function.__doc__ or "").strip().partition("\n")[0],
        requirements=tuple(
            {
                "id": entry.id,
                "level": entry.level,
                "document": entry.document,
                "section": entry.section,
                "text": entry.text,
                "url": entry.url,
            }
            for entry in requirements_of(item)
        ),
        expected=tuple(failure.expected),
        actual=failure.actual,
        target=f"{running.kind} {running.version}",
        target_name=running.target.name,
        lun=units[0].lun if units else 0,
    )
    evidence = Evidence(BUNDLE, "application/json", made.encode())
    item.stash.setdefault(EVIDENCE, []).append(evidence)
    folder = item.config.getoption("allure_report_dir", None)
    if folder:
        failure.add_note(
            f"to send it again: python -m initiator replay "
            f"{bundle_path(Path(folder), item.nodeid)} --target iscsi://..."
        )


def _keep_evidence(
    item: pytest.Item, tested: TestedTarget, error: ISCSIError | ConformanceFailure
) -> None:
    """Put what passed, and what the target logged meanwhile, beside the verdict."""
    kept = item.stash.setdefault(EVIDENCE, [])
    transcript = _transcript(item)
    if transcript is not None and transcript.entries:
        kept.append(Evidence("transcript", "text/plain", transcript.render().encode()))
        failure = (
            error
            if isinstance(error, ConformanceFailure)
            else failure_of(error, transcript)
        )
        names = [entry.id for entry in requirements_of(item)]
        capture = to_pcapng(
            transcript,
            check=f"{item.nodeid.removeprefix('suites/conformance/')}: "
            f"{', '.join(names)}",
            expected=" or ".join(failure.expected),
            actual=failure.actual,
        )
        kept.append(Evidence("capture", "application/vnd.tcpdump.pcap", capture))
    _keep_log(item, tested)


def _keep_log(item: pytest.Item, tested: TestedTarget) -> None:
    """Put what the target has logged during a check beside its verdict."""
    log = tested.running.log_since(item.stash.get(_LOG_MARK, 0))
    if log:
        piece = Evidence("target log", "text/plain", log.encode())
        item.stash.setdefault(EVIDENCE, []).append(piece)
