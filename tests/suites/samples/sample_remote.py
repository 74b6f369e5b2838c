# SPDX-License-Identifier: GPL-2.0-only
"""A check that kills a target which cannot be restarted, and one after it."""

import os
import signal

import pytest

from initiator.session import Session

MUST = "RFC7143-11.19-02"


@pytest.mark.requirement(MUST)
def test_kills(session: Session) -> None:
    """The target survives."""
    os.kill(int(os.environ["ASSAY_VICTIM"]), signal.SIGKILL)
    session.ping()


@pytest.mark.requirement(MUST)
def test_comes_too_late(session: Session) -> None:
    """The target is there."""
    session.ping()
