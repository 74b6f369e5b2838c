# SPDX-License-Identifier: GPL-2.0-only
"""Reads the checks of a run from its test reports, each of which carries its check."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from msgspec.structs import replace

from reports.model import Check, Outcome
from reports.run import encode
from reports.suites import name_of

CHECK = "assay_check"
"""The attribute of a report with its check as JSON, for the controller.

It is not a user property, since JUnit files would then repeat every transcript.
"""


@dataclass(frozen=True, slots=True)
class Selected:
    """The known facts about a check before it runs."""

    requirements: tuple[str, ...] = ()
    title: str = ""


def attach(report: pytest.TestReport, check: Check) -> None:
    """Attach the check's present verdict to a report."""
    setattr(report, CHECK, encode(check).decode())


def carried(report: pytest.TestReport) -> Check | None:
    """Return the check of a report; None for a test of the toolkit."""
    text = getattr(report, CHECK, None)
    return None if text is None else msgspec.json.decode(text, type=Check)


def checks_of(reports: Iterable[pytest.TestReport]) -> list[Check]:
    """Return the checks in the reports of a run, after their last phases.

    A check whose last phase is missing has no verdict unless it has failed: the run
    ended while it was under way.
    """
    last: dict[str, tuple[int, str]] = {}
    for report in reports:
        carried = getattr(report, CHECK, None)
        phase = _ORDER.get(report.when or "", 0)
        if carried is not None and phase >= last.get(report.nodeid, (0, ""))[0]:
            last[report.nodeid] = phase, carried
    return [
        _unless_cut(msgspec.json.decode(text, type=Check), phase)
        for phase, text in last.values()
    ]


_ORDER = {"setup": 0, "call": 1, "teardown": 2}
_NO_VERDICT = frozenset({Outcome.PASSED, Outcome.NOT_APPLICABLE})


def _unless_cut(check: Check, phase: int) -> Check:
    if phase == _ORDER["teardown"] or check.outcome not in _NO_VERDICT:
        return check
    return replace(
        check, outcome=Outcome.NOT_RUN, reason="the run ended while it was under way"
    )


def complete(
    checks: Sequence[Check],
    selected: Mapping[str, Selected],
    reports: Iterable[pytest.TestReport],
) -> list[Check]:
    """Return the checks of a run with those that were selected and have no verdict.

    Args:
        checks: the checks with a verdict.
        selected: the known facts about each selected check, by name.
        reports: the reports of the run. A failed one without a check comes from a
            worker that crashed.
    """
    judged = {check.check for check in checks}
    crashed = {
        name_of(report.nodeid): _last_line(report.longreprtext)
        for report in reports
        if report.failed and not hasattr(report, CHECK)
    }
    # Parameter sets of one check carry the same requirements.
    alike = {check.check.split("[")[0]: check for check in checks}
    missing = []
    for name, about in selected.items():
        if name in judged:
            continue
        like = alike.get(name.split("[")[0])
        missing.append(
            Check(
                check=name,
                outcome=Outcome.TROUBLE if name in crashed else Outcome.NOT_RUN,
                requirements=about.requirements or (like.requirements if like else ()),
                title=about.title or (like.title if like else ""),
                reason=crashed.get(name, "the run ended before it"),
            )
        )
    return [*checks, *missing]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
