# SPDX-License-Identifier: GPL-2.0-only
"""Keeps what a target says from being obeyed by the terminal that pytest prints to.

What a check says of a target is printable by itself. An error of our own may quote the
target, and pytest prints it as it is.
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
