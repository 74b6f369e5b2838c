# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for PDUs that a target sends without a request."""

import pytest

from suites.plugins.targets import TestedTarget
from suites.support.operator import Operate, operator


@pytest.fixture
def operate(target: TestedTarget) -> Operate:
    """Order the target to do something to a session."""
    return operator(target)
