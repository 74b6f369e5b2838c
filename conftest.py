# SPDX-License-Identifier: GPL-2.0-only
"""The plugins of this project's pytest runs."""

pytest_plugins = [
    "suites.plugins.options",
    "suites.plugins.requirements",
    "suites.plugins.targets",
    "suites.plugins.sessions",
    "suites.plugins.accounts",
    "suites.plugins.known",
    "suites.plugins.verdicts",
    "suites.plugins.retry",
    "reports.recorder",
    "reports.summary",
    "reports.allure_plugin",
    "reports.progress",
    "reports.github",
]
