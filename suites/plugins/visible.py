# SPDX-License-Identifier: GPL-2.0-only
"""Escapes a target's output, so that the terminal of pytest does not obey it.

The messages of checks are printable already. An error of the toolkit may quote the
target, and pytest prints it unchanged.
"""

from collections.abc import Generator

import pytest

from reports.printable import printable
from suites.plugins.requirements import is_check


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape unprintable characters in a check's report before it is used."""
    report = yield
    if not is_check(item):
        return report
    if report.failed:
        text = report.longreprtext
        escaped = printable(text)
        if escaped != text.replace("\t", " "):
            report.longrepr = escaped
    report.sections = [(name, printable(content)) for name, content in report.sections]
    return report
