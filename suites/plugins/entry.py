# SPDX-License-Identifier: GPL-2.0-only
"""The list of plugins that pytest loads: the entry point of the installed distribution.

In a clone that is not installed, `conftest.py` of the root hands pytest the same list.
pytest registers each plugin by the name of its module, so none is registered twice.
"""

from importlib.util import find_spec

import pytest

from suites.plugins import early

# Allure is Apache-2.0 and can be left out (docs/licences.md).
_ALLURE = "allure_plugin" if find_spec("allure_pytest") else "without_allure"

pytest_plugins = [
    "suites.plugins.places",
    "suites.plugins.options",
    "suites.plugins.permission",
    "suites.plugins.campaign",
    "suites.plugins.requirements",
    "suites.plugins.parts",
    "suites.plugins.applicability",
    "suites.plugins.lost",
    "suites.plugins.targets",
    "suites.plugins.strength",
    "suites.plugins.secrecy",
    "suites.plugins.visible",
    "suites.plugins.sessions",
    "suites.plugins.accounts",
    "suites.plugins.known",
    "suites.plugins.revival",
    "reports.amend",
    "suites.plugins.verdicts",
    "suites.plugins.retry",
    "reports.recorder",
    "suites.plugins.repeat",
    "reports.summary",
    f"reports.{_ALLURE}",
    "reports.progress",
    "reports.github",
]


def pytest_plugin_registered(manager: pytest.PytestPluginManager) -> None:
    """Let signals end the run while the plugins above are loaded, which takes long."""
    early.watch(manager)
