# SPDX-License-Identifier: GPL-2.0-only
"""A check that crashes the kernel of its target, and one that comes after it."""

from contextlib import suppress

import pytest

from initiator.session import Session
from suites.plugins.targets import TestedTarget
from vmlab.console import Console
from vmlab.errors import LabError

MUST = "RFC7143-11.19-02"


@pytest.mark.requirement(MUST)
def test_the_kernel_crashes(target: TestedTarget, session: Session) -> None:
    """The target survives."""
    session.ping()
    name: str = target.running.control.name  # type: ignore[attr-defined]
    # The shell ends with the machine.
    with suppress(LabError), Console(name) as console:
        console.run("echo c > /proc/sysrq-trigger")
    session.ping()


@pytest.mark.requirement(MUST)
def test_the_machine_is_there_again(session: Session) -> None:
    """The target serves."""
    session.ping()
