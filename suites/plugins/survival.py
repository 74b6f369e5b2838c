# SPDX-License-Identifier: GPL-2.0-only
"""Tests whether the target has survived a check."""

import math
import time
from dataclasses import replace

import targets
from initiator.expect import ConformanceFailure
from initiator.login import LoginRefused
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import names
from iscsi.errors import ConnectionLost, ISCSIError, PeerTimeout
from iscsi.scsi import cdb
from suites.plugins.fullness import is_full
from suites.plugins.limits import CutShort
from suites.plugins.targets import TestedTarget

SLOW_LOGIN = 0.5
"""If logins take longer than these seconds, one after every check would cost too
much."""

ONE_LOGIN = "one-login-at-a-time"
"""The feature of a target that is probed only when a check's connections are closed."""

ONE_LOGIN_SECONDS = 20.0
"""Longer than such a target takes to drop an unfinished login (LIO's default: 15 s)."""

DEATH_SECONDS = 0.1
"""How long after a failure a local target is watched for its death."""

_SLOWER = 4
"""A login may take this many times as long as the first one; a busy host needs a
margin."""

_SILENCE = (PeerTimeout, ConnectionLost, LoginRefused, CutShort)
"""The behaviour of a target that serves no initiator. Any other error is a wrong
answer."""


class Unserved(ConformanceFailure):
    """The target does not serve a login and a command after a check."""


def probe(tested: TestedTarget) -> None:
    """Log in once more: a target must survive the check.

    If a login takes long (istgt sleeps a second in each), only the target's process is
    examined; the teardown of a failed check, or the beginning of the next one, shows
    more. A target without resources for another session is from then on probed when the
    check's own sessions are closed.

    Raises:
        Unserved: the target did not survive.
    """
    if tested.is_full:
        return
    if tested.login_seconds > SLOW_LOGIN and tested.running.control.is_alive():
        return
    transcript = Transcript()
    try:
        _log_in(tested, tested.timeout, transcript)
    except (ISCSIError, ConformanceFailure) as error:
        if isinstance(error, LoginRefused) and is_full(error.response):
            tested.is_full = True
            return
        ending = await_end(tested)
        served = "the target still serves a login and a command after the check"
        if ending is not None:
            died = f"the target died: {ending}"
            raise Unserved(served, died, transcript) from error
        if isinstance(error, ISCSIError):
            raise Unserved(served, error, transcript) from error
        # The PDU or the value received is the best source for clause and field.
        raise Unserved(
            served,
            error.offending or error.actual,
            transcript,
            requirement=error.requirement or None,
            field=error.field,
            answer=error.answer,
        ) from error


def try_once(tested: TestedTarget) -> None:
    """Find out before the first check whether a probe shows if the target serves."""
    if not tested.is_tried:
        tested.is_tried = True
        if late_probe(tested):
            tested.login_seconds = math.inf


def late_probe(tested: TestedTarget) -> str:
    """Log in when the check's own connections are closed; return what went wrong.

    If a target handles one login at a time, an unfinished one of the check delays the
    probe until the target drops it, so the probe has a long time limit. With a short
    one, a busy host may delay a login, so two are tried.
    """
    if math.isinf(tested.login_seconds):
        return ""  # no login to this target has ever succeeded
    why = unserved(tested, patience(tested))
    if why and ONE_LOGIN not in tested.features:
        why = unserved(tested, patience(tested))
    return why


def patience(tested: TestedTarget) -> float:
    """Return the seconds in which a serving target answers a login."""
    least = ONE_LOGIN_SECONDS if ONE_LOGIN in tested.features else tested.timeout
    return max(least, _SLOWER * tested.login_seconds)


def unserved(tested: TestedTarget, seconds: float) -> str:
    """Log in and send a command; return a text why the target does not serve it.

    Args:
        tested: the target.
        seconds: the time limit of each answer; the whole takes at most twice as long.

    Returns:
        An empty text if it answers, whether right or wrong.
    """
    try:
        with tested.new_limit(2 * seconds).running():
            _log_in(tested, seconds, Transcript())
    except _SILENCE as error:
        actual = error.actual if isinstance(error, CutShort) else str(error)
        return f"it serves no login: {actual}"
    except (ISCSIError, ConformanceFailure):
        return ""
    return ""


def _log_in(tested: TestedTarget, seconds: float, transcript: Transcript) -> None:
    units = tested.running.target.logical_units
    isid = names.isid(names.ISIDType.RANDOM, 0xA55AFF, 0xFFFF)
    with Session(
        tested.portal,
        replace(tested.options(), isid=isid),
        transcript=transcript,
        timeout=seconds,
        lun=units[0].lun if units else 0,
    ) as session:
        session.execute(cdb.test_unit_ready())


def await_end(
    tested: TestedTarget, seconds: float = DEATH_SECONDS
) -> targets.Ending | None:
    """Return how the target ended; None if it lives.

    It takes a moment until a killed process is seen as dead.
    """
    ending = tested.ending()
    if ending is None and "restart" in tested.features:
        deadline = time.monotonic() + seconds
        while ending is None and time.monotonic() < deadline:
            time.sleep(DEATH_SECONDS / 20)
            ending = tested.ending()
    return ending
