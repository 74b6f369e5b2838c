# SPDX-License-Identifier: GPL-2.0-only
"""From the test reports of a run to its checks: each report carries its check."""

from collections.abc import Iterable

import msgspec
import pytest

from reports.model import Check

CHECK = "assay_check"
"""The attribute by which a report carries its check, as JSON, to the controller.

It is no user property, since JUnit files would repeat every transcript.
"""


def attach(report: pytest.TestReport, check: Check) -> None:
    """Have a report carry what is known of its check so far."""
    setattr(report, CHECK, msgspec.json.encode(check).decode())


def carried(report: pytest.TestReport) -> Check | None:
    """Return the check that a report carries, None for a test of the toolkit."""
    text = getattr(report, CHECK, None)
    return None if text is None else msgspec.json.decode(text, type=Check)


def reports_of(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    """Return the reports of a run, of every phase of its checks."""
    return [
        report
        # Without a name: beginnings and ends that went well, but may have more to say.
        for kind in ("passed", "failed", "skipped", "xfailed", "error", "")
        for report in reporter.stats.get(kind, [])
        if isinstance(report, pytest.TestReport)
    ]


def checks_of(reports: Iterable[pytest.TestReport]) -> list[Check]:
    """Return the checks among the reports of a run, as their last phases left them."""
    order = {"setup": 0, "call": 1, "teardown": 2}
    last: dict[str, tuple[int, str]] = {}
    for report in reports:
        carried = getattr(report, CHECK, None)
        phase = order.get(report.when or "", 0)
        if carried is not None and phase >= last.get(report.nodeid, (0, ""))[0]:
            last[report.nodeid] = phase, carried
    return [msgspec.json.decode(text, type=Check) for _, text in last.values()]
