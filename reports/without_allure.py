# SPDX-License-Identifier: GPL-2.0-only
"""Replaces `reports.allure_plugin` if allure-pytest is not installed.

A run does not need Allure: the terminal, and `--verdicts` with the pages built from it,
contain everything.
"""

import pytest

MISSING = (
    "--alluredir needs allure-pytest, which is not installed: run `pip install "
    "allure-pytest`, or write the results by --verdicts FILE instead"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Accept the option, so that its error can say which package it needs."""
    parser.getgroup("iscsi", "iSCSI Assay").addoption(
        "--alluredir",
        dest="allure_report_dir",
        metavar="DIR",
        help="write Allure results (allure-pytest is not installed)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse the option, since no results would be written.

    Raises:
        pytest.UsageError: Allure results are asked for.
    """
    if config.option.allure_report_dir is not None:
        raise pytest.UsageError(MISSING)
