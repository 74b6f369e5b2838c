# SPDX-License-Identifier: GPL-2.0-only
"""Checks of a target that says what a terminal or a page would obey."""

import os
import signal

import pytest

from initiator.expect import ConformanceFailure, check, chose
from initiator.session import Session
from suites.plugins.targets import TestedTarget

MUST, SHOULD = "RFC7143-11.19-02", "RFC7143-11.19-04"
EVIL = (
    "\x1b]0;owned\x07\x1b[2J\x00\x9b31m\u202e</script><img src=x onerror=alert(1)>"
    "]]>\r\n::error::owned\n"
)
WIRE = EVIL.encode() + b"\xff"


@pytest.mark.requirement(MUST)
def test_data(session: Session) -> None:
    """The target would have to say something else."""
    answer = session.ping(WIRE)
    check(answer.data == b"y", "the ping data y", answer, session.transcript)


@pytest.mark.requirement(MUST)
def test_keys(session: Session) -> None:
    """The target would have to understand a key."""
    pairs = session.text({"X-org.example.key": EVIL.replace("\0", "")})
    raise ConformanceFailure(EVIL, pairs, session.transcript, field=EVIL, answer=EVIL)


@pytest.mark.requirement(SHOULD)
def test_words() -> None:
    """The target should do otherwise."""
    chose(EVIL)
    raise ConformanceFailure([EVIL, "b"], EVIL)


@pytest.mark.requirement(MUST)
def test_own_bug() -> None:
    """The check itself is broken by what came."""
    raise ValueError(EVIL)


@pytest.mark.requirement(MUST)
def test_death(target: TestedTarget, session: Session) -> None:
    """The target survives."""
    log = target.running.control.process.log.path  # type: ignore[attr-defined]
    with log.open("ab") as file:
        file.write(WIRE)
    os.kill(target.running.control.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    session.ping()
