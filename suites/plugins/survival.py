# SPDX-License-Identifier: GPL-2.0-only
"""Whether the target has survived a check, and what brings it back."""

import time
from dataclasses import replace

import pytest

import targets
from initiator.expect import ConformanceFailure
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import names
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from suites.plugins.targets import TestedTarget

SLOW_LOGIN = 0.5
"""Seconds from which on a login after every check would cost more than it shows."""

ONE_LOGIN_SECONDS = 20.0
"""More than such a target takes to give up an unfinished login (LIO's default: 15)."""

_LOST = pytest.StashKey[str]()
"""Why the target cannot be brought back, in one line."""

DEATH_SECONDS = 0.1
"""How long after a failure a local target may still be seen to die."""


class Unserved(ConformanceFailure):
    """The target does not serve a login and a command after a check."""


def probe(tested: TestedTarget, timeout: float | None = None) -> None:
    """Log in once more: a target must have survived the check.

    Where a login takes long (istgt sleeps a second in each) only its process is looked
    at; the next check's login shows the rest. An explicit timeout overrides that.

    Raises:
        Unserved: it has not.
    """
    longest = SLOW_LOGIN if timeout is None else timeout
    if tested.login_seconds > longest and tested.running.is_alive():
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
        ending = await_end(tested)
        came: object = error
        if isinstance(error, ConformanceFailure):
            came = error.actual
        raise Unserved(
            "the target still serves a login and a command after the check",
            came if ending is None else f"the target died: {ending}",
            transcript,
        ) from error


def late_probe(tested: TestedTarget) -> str | None:
    """Probe when the check's own connections are closed; return what went wrong.

    An unfinished login of the check would hold up the probe's where a target handles
    one at a time. It gives such a login up by itself, so the probe has patience.
    """
    try:
        with tested.new_limit(2 * ONE_LOGIN_SECONDS).running():
            probe(tested, timeout=ONE_LOGIN_SECONDS)
    except ConformanceFailure as failure:
        return failure.actual
    return None


def await_end(
    tested: TestedTarget, seconds: float = DEATH_SECONDS
) -> targets.Ending | None:
    """Return how the target ended, None if it lives.

    A process that has just been killed takes a moment to be seen as dead.
    """
    ending = tested.running.ending()
    if ending is None and "restart" in tested.features:
        deadline = time.monotonic() + seconds
        while ending is None and time.monotonic() < deadline:
            time.sleep(DEATH_SECONDS / 20)
            ending = tested.running.ending()
    return ending


def revive(config: pytest.Config, tested: TestedTarget) -> None:
    """Start a dead target again, so that one death is one failure."""
    if not tested.running.is_alive():
        restart(config, tested, "after its death")


def restart(config: pytest.Config, tested: TestedTarget, when: str) -> None:
    """Start a target anew; if it does not come back, the run ends after this check."""
    if lost(config):
        return
    try:
        tested.restart()
    except targets.LabError as error:
        config.stash[_LOST] = f"the target cannot be restarted {when}: {error}"


def lost(config: pytest.Config) -> str:
    """Return why the target cannot be brought back, or nothing."""
    return config.stash.get(_LOST, "")
