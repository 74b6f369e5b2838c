# SPDX-License-Identifier: GPL-2.0-only
"""Checks with every kind of verdict, whatever the target does."""

import os
import signal

import pytest

from initiator.connection import Connection
from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from suites.plugins.targets import TestedTarget

MUST, SHOULD = "RFC7143-11.19-02", "RFC7143-11.19-04"


@pytest.mark.requirement(MUST)
def test_met(session: Session) -> None:
    """The target answers a ping."""
    answer = session.ping(b"x")
    check(answer.data == b"x", ["an echo", "a longer echo"], answer)


@pytest.mark.requirement(MUST)
def test_must_broken(session: Session) -> None:
    """The target would have to say something else."""
    answer = session.ping(b"x")

    check(answer.data == b"y", "the ping data y", answer, session.transcript)


@pytest.mark.requirement(SHOULD)
def test_should_broken() -> None:
    """The target should do otherwise."""
    raise ConformanceFailure("otherwise", "as it does")


@pytest.mark.requirement(MUST)
def test_peer_error(connection: Connection) -> None:
    """The target sends something although it received nothing."""
    connection.receive(timeout=0.05)


@pytest.mark.requirement(MUST)
@pytest.mark.needs("time-travel")
def test_not_applicable() -> None:
    """The target answers before it is asked."""
    raise AssertionError


@pytest.mark.requirement(MUST)
def test_own_bug() -> None:
    """The check itself is broken."""
    raise ValueError("a bug of ours")


@pytest.mark.requirement(MUST)
def test_target_killed(target: TestedTarget) -> None:
    """The target survives."""
    os.kill(target.running.control.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]


@pytest.mark.requirement(MUST)
def test_killed_and_wrong(target: TestedTarget, session: Session) -> None:
    """The target survives an answer that is wrong."""
    os.kill(target.running.control.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    session.ping()


@pytest.mark.requirement(MUST)
def test_after_death(session: Session) -> None:
    """The target is there again."""
    session.ping()
