# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for what a target does of its own accord."""

import pytest

from suites.plugins.targets import TestedTarget
from suites.support.operator import Operate, operator


@pytest.fixture
def operate(target: TestedTarget) -> Operate:
    """Give the target an order about a session."""
    return operator(target)
