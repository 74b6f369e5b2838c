# SPDX-License-Identifier: GPL-2.0-only
"""Restarts a target after its death, or ends the run."""

import math
import time

import pytest

import targets
from initiator.deadline import Deadline
from suites.plugins.lost import lose, lost
from suites.plugins.options import WAIT_SECONDS
from suites.plugins.survival import patience, unserved
from suites.plugins.targets import TestedTarget

_PAUSE = 0.25
"""Seconds between two tries."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("iscsi").addoption(
        "--wait-for-target",
        type=float,
        metavar="SECONDS",
        help="time limit for a dead target to serve logins again, by itself or after "
        "a restart; beyond it the run ends (default: the `wait` of its file, or "
        f"{WAIT_SECONDS:g})",
    )


def bring_back(config: pytest.Config, tested: TestedTarget, *, hangs: bool) -> None:
    """Have a target that died serve again, so that one death is one failure.

    Args:
        config: the run's configuration; the run ends if the target is lost.
        tested: the target.
        hangs: whether it still runs, as far as its provider knows.
    """
    if lost(config):
        return
    is_ours = bool(tested.not_restarted)
    is_gone = hangs or is_ours or not tested.running.control.is_alive()
    if "restart" in tested.features and is_gone:
        when = "when it was tried again" if is_ours else ""
        restart(config, tested, "after it had got stuck" if hangs else when)
        return
    await_service(config, tested, "has died and")


def restart(config: pytest.Config, tested: TestedTarget, why: str = "") -> None:
    """Restart a target; if it does not serve again, the run ends after this check.

    Args:
        config: the run's configuration.
        tested: the target.
        why: the message if the restart fails; by default, that it failed after a death.
    """
    if lost(config):
        return
    try:
        tested.revive()
    except targets.LabError as error:
        when = why or "after its death"
        lose(config, f"the target cannot be restarted {when}: {error}")
        return
    await_service(config, tested, "was restarted, but")


def await_service(config: pytest.Config, tested: TestedTarget, what: str) -> None:
    """Wait until a target serves logins again; if it never does, end the run.

    Args:
        config: the run's configuration.
        tested: the target.
        what: the event that made it unavailable; a part of the reason.
    """
    if math.isinf(tested.login_seconds):
        return  # no login to this target has ever succeeded
    deadline = Deadline(config.option.wait_for_target)
    while why := _trouble(tested, deadline):
        if deadline.is_over:
            lose(
                config,
                f"the target {what} serves no login within {deadline.seconds:g} s: "
                f"{why} (--wait-for-target SECONDS waits longer)",
            )
            return
        time.sleep(deadline.within(_PAUSE))
    tested.not_restarted = ""


def _trouble(tested: TestedTarget, deadline: Deadline) -> str:
    """Return why a target does not serve, or an empty text."""
    ending = tested.running.control.ending()
    if ending is not None:
        return str(ending)
    # Even after the deadline, the last try gets a short time.
    return unserved(tested, max(deadline.within(patience(tested)), _PAUSE))
