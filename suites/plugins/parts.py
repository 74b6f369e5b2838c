# SPDX-License-Identifier: GPL-2.0-only
"""A part of a run: each N-th of the checks that the other options select.

A campaign and a soak are one check, whose time is divided (`suites.plugins.campaign`).
"""

import pytest

from suites.shards import shard


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Select the part that --shard names."""
    if not config.option.shard or config.option.campaign or config.option.soak:
        return
    chosen = {*shard([item.nodeid for item in items], config.option.shard)}
    dropped = [item for item in items if item.nodeid not in chosen]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item.nodeid in chosen]
