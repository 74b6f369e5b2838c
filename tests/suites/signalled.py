# SPDX-License-Identifier: GPL-2.0-only
"""A plugin that sends its run a signal before the run has begun, or as it ends."""

import os

import pytest

_NUMBER = int(os.environ["ASSAY_SIGNAL"])
_WHEN = os.environ["ASSAY_WHEN"]


def pytest_plugin_registered(plugin_name: str) -> None:
    """Send the signal when the plugin of this name has been loaded."""
    if plugin_name == _WHEN:
        os.kill(os.getpid(), _NUMBER)


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Send the signal when all plugins have been loaded."""
    if _WHEN == "configure":
        os.kill(os.getpid(), _NUMBER)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Send the signal when the last check has ended."""
    if _WHEN == "finish":
        os.kill(os.getpid(), _NUMBER)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure() -> None:
    """Send the signal when the table and the files have been written."""
    if _WHEN == "unconfigure":
        os.kill(os.getpid(), _NUMBER)
