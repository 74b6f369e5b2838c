# SPDX-License-Identifier: GPL-2.0-only
"""Checks that are not steady: one accuses the target each fifth time."""

import itertools

import pytest

from initiator.expect import check
from initiator.session import Session

_TIMES = itertools.count(1)
_SEEN = set[int]()


@pytest.mark.requirement("RFC7143-11.19-02")
def test_every_fifth() -> None:
    """The target is accused each fifth time."""
    check(next(_TIMES) % 5 != 0, expected="four of five", actual="a fifth")


@pytest.mark.requirement("RFC7143-11.19-02")
def test_always(session: Session) -> None:
    """Each pass has a session of its own."""
    check(
        id(session.transcript) not in _SEEN, expected="a new one", actual="an old one"
    )
    session.ping(b"once")
    _SEEN.add(id(session))
