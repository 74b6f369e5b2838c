# SPDX-License-Identifier: GPL-2.0-only
"""Discovery sessions at any portal, under any initiator port."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import targets
from initiator.connection import Portal
from initiator.login import LoginOptions
from initiator.session import Session
from initiator.transcript import Transcript
from suites.plugins.targets import TestedTarget

Discover = Callable[..., Session]


@pytest.fixture
def discover(
    target: TestedTarget, transcript: Transcript, options: LoginOptions
) -> Iterator[Discover]:
    """Open Discovery sessions: `discover(portal, target_name=...)`.

    All have one initiator name and one ISID, and are unnamed by default.
    """
    opened: list[Session] = []

    def open_one(at: targets.Portal | None = None, **changes: Any) -> Session:
        values = {
            "is_discovery": True,
            "target_name": None,
            **target.discovery_credentials(),
            **changes,
        }
        portal = target.portal if at is None else Portal(at.host, at.port)
        session = Session(
            portal,
            replace(options, **values),
            transcript=transcript,
            timeout=target.timeout,
        )
        opened.append(session)
        return session

    yield open_one
    for session in reversed(opened):
        session.end()
