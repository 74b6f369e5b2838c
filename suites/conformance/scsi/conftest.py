# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for commands to the medium."""

import pytest

from initiator.session import Session
from suites.plugins.sessions import Disk
from suites.support.media import Medium


@pytest.fixture
def medium(session: Session, scratch_disk: Disk) -> Medium:
    """A disk whose data may be lost."""
    return Medium(session, scratch_disk)
