# SPDX-License-Identifier: GPL-2.0-only
"""Checks that end the run, or have their target get stuck."""

import os
import signal
import socket
import threading
import time

import pytest

from initiator.session import Session
from suites.plugins.targets import TestedTarget

MUST = "RFC7143-11.19-02"


@pytest.fixture
def stuck_session(target: TestedTarget, session: Session) -> Session:
    os.kill(target.running.control.process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]
    session.ping()
    return session


@pytest.mark.requirement(MUST)
def test_first(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_signalled() -> None:
    """The run is asked to end, twice, as by `timeout`."""
    controller = os.getpid()
    if "PYTEST_XDIST_WORKER" in os.environ:
        controller = os.getppid()
    number = int(os.environ["ASSAY_SIGNAL"])
    second = threading.Timer(0.2, os.kill, (controller, number))
    second.daemon = True
    second.start()
    os.kill(controller, number)
    time.sleep(2)


@pytest.mark.requirement(MUST)
def test_not_restarted(target: TestedTarget) -> None:
    """The lab cuts the power, and cannot start the target again at its port."""
    target.running.control.process.kill()  # type: ignore[attr-defined]
    with socket.create_server((target.portal.host, target.portal.port)):
        target.power_cycle()


@pytest.mark.requirement(MUST)
def test_stuck(target: TestedTarget, session: Session) -> None:
    """The target's process lives, and does nothing more."""
    os.kill(target.running.control.process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]
    session.ping()


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("stuck_session")
def test_stuck_in_setup() -> None:
    """The target's process gets stuck in the set-up of a check."""


@pytest.mark.requirement(MUST)
def test_stuck_late(target: TestedTarget) -> None:
    """The target's process hangs between two probes."""
    os.kill(target.running.control.process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]


@pytest.mark.requirement(MUST)
def test_stuck_unseen(target: TestedTarget) -> None:
    """Logins take so long that none is tried after a check that passes."""
    target.login_seconds = 1.0
    os.kill(target.running.control.process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]


@pytest.mark.requirement(MUST)
def test_last(session: Session) -> None:
    """The target answers a ping."""
    session.ping()
