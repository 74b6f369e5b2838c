# SPDX-License-Identifier: GPL-2.0-only
"""A plugin: the worker that runs a certain check dies, as for want of memory."""

import os
import signal

import pytest


def pytest_runtest_call(item: pytest.Item) -> None:
    """Die, once in a run: a worker that takes the dead one's place has another name."""
    is_first = os.environ.get("PYTEST_XDIST_WORKER") == "gw0"
    if is_first and item.name == os.environ["ASSAY_DIES_IN"]:
        os.kill(os.getpid(), signal.SIGKILL)
