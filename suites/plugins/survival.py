# SPDX-License-Identifier: GPL-2.0-only
"""Whether the target has survived a check."""

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
"""Seconds from which on a login after every check would cost more than it shows."""

ONE_LOGIN = "one-login-at-a-time"
"""The feature of a target that is probed when a check's connections are closed."""

ONE_LOGIN_SECONDS = 20.0
"""More than such a target takes to give up an unfinished login (LIO's default: 15)."""

DEATH_SECONDS = 0.1
"""How long after a failure a local target may still be seen to die."""

_SLOWER = 4
"""A login takes no longer than as many times the first one; a busy host has a share."""

_SILENCE = (PeerTimeout, ConnectionLost, LoginRefused, CutShort)
"""What a target does that serves no initiator. Any other error is a wrong answer."""


class Unserved(ConformanceFailure):
    """The target does not serve a login and a command after a check."""


def probe(tested: TestedTarget) -> None:
    """Log in once more: a target must have survived the check.

    Where a login takes long (istgt sleeps a second in each) only its process is looked
    at: the end of a check that fails shows more, or the beginning of the next one. A
    target that has no resources for another session is probed when the check's own are
    closed, from then on.

    Raises:
        Unserved: it has not.
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
    """Find out before the first check whether a probe can tell if the target serves."""
    if not tested.is_tried:
        tested.is_tried = True
        if late_probe(tested):
            tested.login_seconds = math.inf


def late_probe(tested: TestedTarget) -> str:
    """Log in when the check's own connections are closed; return what went wrong.

    An unfinished login of the check would hold up the probe's where a target handles
    one at a time. It gives such a login up by itself, so the probe has patience. Where
    it has less, a busy host may hold up one login, so that two are tried.
    """
    if math.isinf(tested.login_seconds):
        return ""  # no login to this target has ever worked
    why = unserved(tested, patience(tested))
    if why and ONE_LOGIN not in tested.features:
        why = unserved(tested, patience(tested))
    return why


def patience(tested: TestedTarget) -> float:
    """Return in how many seconds a target that serves takes a login."""
    least = ONE_LOGIN_SECONDS if ONE_LOGIN in tested.features else tested.timeout
    return max(least, _SLOWER * tested.login_seconds)


def unserved(tested: TestedTarget, seconds: float) -> str:
    """Log in and send a command; return in words why the target does not serve it.

    Args:
        tested: the target.
        seconds: how long each answer may take; all of it takes at most twice as long.

    Returns:
        Nothing where it answers, be it wrongly.
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
    """Return how the target ended, None if it lives.

    A process that has just been killed takes a moment to be seen as dead.
    """
    ending = tested.ending()
    if ending is None and "restart" in tested.features:
        deadline = time.monotonic() + seconds
        while ending is None and time.monotonic() < deadline:
            time.sleep(DEATH_SECONDS / 20)
            ending = tested.ending()
    return ending
