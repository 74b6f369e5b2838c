# SPDX-License-Identifier: GPL-2.0-only
"""Checks with an endless phase."""

from collections.abc import Iterator

import pytest

from initiator.session import Session

MUST = "RFC7143-11.19-02"


def ping_for_ever(session: Session) -> None:
    while True:
        session.ping()


@pytest.fixture
def endless_setup(session: Session) -> None:
    ping_for_ever(session)


@pytest.fixture
def endless_teardown(session: Session) -> Iterator[None]:
    yield
    ping_for_ever(session)


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("endless_setup")
def test_endless_setup() -> None:
    """The target lets a check begin."""


@pytest.mark.requirement(MUST)
def test_endless_call(session: Session) -> None:
    """The target comes to an end."""
    ping_for_ever(session)


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("endless_teardown")
def test_endless_teardown() -> None:
    """The target lets a check end."""


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("endless_teardown")
def test_endless_call_and_teardown(session: Session) -> None:
    """The target comes to an end, and lets the check end."""
    ping_for_ever(session)


@pytest.mark.requirement(MUST)
def test_afterwards(session: Session) -> None:
    """The target is there."""
    session.ping()
