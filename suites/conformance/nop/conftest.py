# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for pings of the target's own."""

import pytest

from suites.plugins.targets import TestedTarget
from suites.support.operator import Operate, operator


@pytest.fixture
def operate(target: TestedTarget) -> Operate:
    """Give the target an order about a session."""
    return operator(target)
