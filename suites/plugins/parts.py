# SPDX-License-Identifier: GPL-2.0-only
"""A part of a run: of all that other options have left, each N-th check."""

import pytest

from suites.shards import shard


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Keep the part that --shard names."""
    if not config.option.shard:
        return
    chosen = {*shard([item.nodeid for item in items], config.option.shard)}
    dropped = [item for item in items if item.nodeid not in chosen]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item.nodeid in chosen]
