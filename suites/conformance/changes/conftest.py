# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for units that change while the target runs."""

from collections.abc import Iterator

import pytest

from initiator.session import Session
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.changes import Operator, clear, disk_of, free_lun, skip_unless


@pytest.fixture
def operator(target: TestedTarget) -> Operator:
    """The operator that changes the units."""
    skip_unless(target, "add-unit", "remove-unit")
    return Operator(target)


@pytest.fixture
def new_lun(target: TestedTarget) -> int:
    """An unused logical unit number."""
    return free_lun(target)


@pytest.fixture
def others(open_session: OpenSession, session: Session) -> list[Session]:
    """Two nexuses with the unit of `session`, of two initiators."""
    name = session.options.initiator_name
    return [session, open_session(initiator_name=f"{name}.other")]


@pytest.fixture
def added(operator: Operator, session: Session, new_lun: int) -> Iterator[Disk]:
    """An added unit, removed at the end."""
    operator.add(new_lun)
    clear(session, new_lun)
    yield disk_of(session, new_lun)
    operator.remove(new_lun)
