# SPDX-License-Identifier: GPL-2.0-only
"""From test reports to verdicts: one check, one verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import pytest

from reports.evidence import (
    CHOICE,
    CRASH,
    DETAIL,
    KNOWN_DEVIATION,
    REQUIREMENT,
    TARGET_DIED,
    TITLE,
    VERDICT,
    WARNING,
)


class Verdict(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    BROKEN = "broken"
    WARNED = "warned"
    DEVIATES = "known deviation"
    NOT_APPLICABLE = "not applicable"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Judged:
    """One check and its verdict."""

    check: str
    """The check's node ID below suites/conformance."""
    verdict: Verdict
    requirements: tuple[str, ...]
    detail: str
    """What the target did, or why the check did not run."""
    has_killed: bool = False
    """The target died."""
    title: str = ""
    """The rule in words."""
    transcript: str = ""
    """The PDUs, if something is amiss."""
    seconds: float = 0.0
    choices: tuple[str, ...] = ()
    """What the target chose where the requirement permits several outcomes."""
    crashes: tuple[str, ...] = ()
    """Known crashes of the target that have struck, though it may hold all the same."""

    @property
    def area(self) -> str:
        """The folder of the check."""
        return self.check.partition("/")[0]


_FOLDER = "suites/conformance/"


def reports_of(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    """Return the reports of a run, of every phase of its checks."""
    return [
        report
        # Without a name: beginnings and ends that went well, but may have more to say.
        for kind in ("passed", "failed", "skipped", "xfailed", "error", "")
        for report in reporter.stats.get(kind, [])
        if isinstance(report, pytest.TestReport)
    ]


def judge(reports: Iterable[pytest.TestReport]) -> list[Judged]:
    """Return the verdict of each check among the reports of a run."""
    by_check: dict[str, list[pytest.TestReport]] = {}
    for report in reports:
        if any(name == REQUIREMENT for name, _ in report.user_properties):
            by_check.setdefault(report.nodeid, []).append(report)
    return [_judge(name, phases) for name, phases in by_check.items()]


def _judge(name: str, phases: list[pytest.TestReport]) -> Judged:
    properties = [pair for phase in phases for pair in phase.user_properties]
    named = dict(properties)
    return Judged(
        check=name.removeprefix(_FOLDER),
        verdict=_verdict(
            phases, str(named.get(VERDICT, "")), has_detail=DETAIL in named
        ),
        requirements=_values(properties, REQUIREMENT),
        detail=str(named.get(DETAIL, "")) or _reason(phases),
        has_killed=named.get(VERDICT) == TARGET_DIED,
        title=str(named.get(TITLE, "")),
        transcript="".join(getattr(phase, "assay_transcript", "") for phase in phases),
        seconds=round(sum(phase.duration for phase in phases), 3),
        choices=_values(properties, CHOICE),
        crashes=_values(properties, CRASH),
    )


def _values(properties: list[tuple[str, object]], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for key, value in properties if key == name))


def _verdict(
    phases: list[pytest.TestReport], told: str, *, has_detail: bool
) -> Verdict:
    if any(phase.failed for phase in phases):
        # Only what the target did has a detail; a failure without one is our own.
        is_target_s = has_detail and any(p.failed and p.when == "call" for p in phases)
        blames = is_target_s or told == TARGET_DIED
        return Verdict.BROKEN if blames else Verdict.TROUBLE
    if told == KNOWN_DEVIATION:
        return Verdict.DEVIATES
    if told == WARNING:
        return Verdict.WARNED
    if any(phase.skipped for phase in phases):
        return Verdict.NOT_APPLICABLE
    return Verdict.PASSED


def _reason(phases: list[pytest.TestReport]) -> str:
    for phase in phases:
        if phase.skipped and isinstance(phase.longrepr, tuple):
            return phase.longrepr[2].removeprefix("Skipped: ")
        if phase.failed:
            return (phase.longreprtext.strip().splitlines() or [""])[-1]
    return ""
