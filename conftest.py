# SPDX-License-Identifier: GPL-2.0-only
"""The plugins of a clone's pytest runs, whether or not the toolkit is installed."""

from suites.plugins.entry import pytest_plugin_registered, pytest_plugins

__all__ = ["pytest_plugin_registered", "pytest_plugins"]
