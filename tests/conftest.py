# SPDX-License-Identifier: GPL-2.0-only
"""Settings of all tests."""

from pathlib import Path

import pytest
from hypothesis import settings

_TESTS = Path(__file__).parent

LONGEST = (
    "suites/test_deaths.py",
    "vmlab/test_kernels.py",
    "vmlab/test_builds.py",
    "suites/test_interop.py",
    "hostile/test_flood.py",
    "suites/test_tgt_vm.py",
    "suites/test_ledger.py",
    "vmlab/test_machines.py",
    "reftarget/test_hostile_input.py",
    "targets/scst/test_machine.py",
)
"""The files that take longest; a file of the lab runs on one worker.

They come first, so that no worker waits at the end for another one's.
"""

# The time of an example depends on the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest files run first."""
    ranks = {_TESTS / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
