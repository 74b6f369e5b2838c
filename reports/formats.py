# SPDX-License-Identifier: GPL-2.0-only
"""Exports a run as CTRF (for dashboards), as SARIF (for code hosts) and for KCIDB.

Each is plain data, to be written as JSON.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from iscsi_assay.version import version
from reports.archive import revision_of
from reports.findings import Finding, findings
from reports.model import Check, Outcome, Run
from reports.printable import one_line, printable
from reports.severity import Severity
from spec import Requirement, load

_CTRF: Mapping[Outcome, str] = {
    Outcome.PASSED: "passed",
    Outcome.GONE: "failed",
    Outcome.BROKEN: "failed",
    Outcome.WARNED: "other",
    Outcome.DEVIATES: "other",
    Outcome.NOT_APPLICABLE: "skipped",
    Outcome.NOT_JUDGED: "other",
    Outcome.TROUBLE: "failed",
    Outcome.NOT_RUN: "pending",
}
_KCIDB: Mapping[Outcome, str] = {
    Outcome.PASSED: "PASS",
    # The requirement is met; our list of deviations is out of date.
    Outcome.GONE: "PASS",
    Outcome.BROKEN: "FAIL",
    # The result describes the target, but does not fail the run.
    Outcome.WARNED: "DONE",
    Outcome.NOT_JUDGED: "DONE",
    Outcome.DEVIATES: "FAIL",
    Outcome.NOT_APPLICABLE: "SKIP",
    Outcome.TROUBLE: "ERROR",
    Outcome.NOT_RUN: "MISS",
}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LONGEST = 1000
"""The maximum length of a message, in characters."""


def ctrf(run: Run) -> dict[str, Any]:
    """Return a run in the Common Test Report Format, version 0.0.0."""
    begun = _milliseconds(run.started)
    counts = Counter(_CTRF[check.outcome] for check in run.checks)
    words = ("passed", "failed", "pending", "skipped", "other")
    environment = {
        "testEnvironment": one_line(run.name),
        "extra": {key: printable(value) for key, value in run.environment.items()},
    }
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "results": {
            "tool": {"name": "iscsi-assay", "version": run.toolkit or "unknown"},
            "summary": {
                "tests": len(run.checks),
                **{word: counts[word] for word in words},
                "start": begun,
                "stop": begun + round(run.seconds * 1000),
            },
            "tests": [_ctrf_test(run, check) for check in run.checks],
            "environment": environment,
        },
    }


def _ctrf_test(run: Run, check: Check) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": one_line(check.check),
        "status": _CTRF[check.outcome],
        "duration": round(check.seconds * 1000),
        "suite": [run.suite, check.area],
        "rawStatus": str(check.outcome),
        "filePath": _file(run, check),
        "tags": list(check.requirements),
    }
    if check.detail:
        test["message"] = one_line(check.detail, _LONGEST)
    if check.transcript:
        test["trace"] = printable(check.transcript)
    return test


def sarif(
    run: Run, catalogue: Mapping[str, Requirement] | None = None
) -> dict[str, Any]:
    """Return the findings of a run as SARIF 2.1.0; a location is the file of a check.

    Known deviations are suppressed results.
    """
    requirements = load() if catalogue is None else catalogue
    run_findings = findings(run, requirements)
    clauses = sorted({_clause(finding) for finding in run_findings})
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "iSCSI Assay",
                        "version": version(),
                        "rules": [_rule(name, requirements) for name in clauses],
                    }
                },
                "automationDetails": {"id": f"{one_line(run.name)}/{run.suite}/"},
                "invocations": [{"executionSuccessful": run.is_complete}],
                "results": [_result(run, finding, clauses) for finding in run_findings],
            }
        ],
    }


def _clause(finding: Finding) -> str:
    return finding.clauses[0] if finding.clauses else "no-clause"


def _rule(name: str, catalogue: Mapping[str, Requirement]) -> dict[str, Any]:
    entry = catalogue.get(name)
    text = name if entry is None else entry.text
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": text}}
    if entry is not None and entry.url:
        rule["helpUri"] = entry.url
    return rule


def _result(run: Run, finding: Finding, clauses: list[str]) -> dict[str, Any]:
    expected = " or ".join(finding.expected)
    text = f"{finding.severity}: {finding.actual}. Expected: {expected}."
    causes = "\n".join(sorted(map(repr, finding.causes)))
    level = "warning" if finding.severity is Severity.SHOULD else "error"
    result: dict[str, Any] = {
        "ruleId": _clause(finding),
        "ruleIndex": clauses.index(_clause(finding)),
        "level": "note" if finding.is_known else level,
        "message": {"text": one_line(text, _LONGEST)},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": quote(file)}}}
            for file in sorted({_file(run, check) for check in finding.checks})[:10]
        ],
        "partialFingerprints": {
            "causes/v1": hashlib.sha256(causes.encode()).hexdigest()[:32]
        },
        "occurrenceCount": len(finding.checks),
    }
    if finding.is_known:
        why = one_line(finding.example.deviation or "a known deviation", _LONGEST)
        result["suppressions"] = [{"kind": "external", "justification": why}]
    return result


def kcidb(run: Run, *, origin: str, build: str) -> dict[str, Any]:
    """Return the checks of a run as tests of KCIDB, schema 5.0.

    A known deviation is an issue, with an incident for each test that shows it.

    Args:
        run: the run.
        origin: the CI system that submits, as KCIDB knows it.
        build: the ID of the build that was tested, such as `origin:1234`.

    Raises:
        ValueError: one of them is not valid.
    """
    if not re.fullmatch(r"[a-z0-9_]+", origin):
        raise ValueError(f"the origin {origin!r} is not a word of a-z, 0-9 and _")
    if not re.fullmatch(r"[a-z0-9_]+:[^\0]+", build):
        raise ValueError(f"the build {build!r} is not of the form ORIGIN:ID")
    revision = revision_of(run)
    identity = f"{run.started} {run.name} {run.suite} {revision}"
    key = hashlib.sha256(identity.encode(errors="backslashreplace")).hexdigest()[:16]
    begun = datetime.fromisoformat(run.started) if run.started else None
    tests, issues, incidents = [], {}, []
    for number, check in enumerate(run.checks, 1):
        test = {
            "id": f"{origin}:{key}-{number}",
            "origin": origin,
            "build_id": build,
            "path": f"iscsi_assay.{run.suite}.{_path(check.check)}",
            "status": _KCIDB[check.outcome],
            "duration": check.seconds,
            "environment": {"comment": one_line(run.name)},
            "misc": {
                "check": one_line(check.check),
                "outcome": str(check.outcome),
                "requirements": list(check.requirements),
            },
        }
        if check.title:
            test["comment"] = one_line(check.title)
        if begun is not None:
            test["start_time"] = begun.isoformat()
        if check.detail:
            test["log_excerpt"] = one_line(check.detail, _LONGEST)
        tests.append(test)
        if check.outcome is Outcome.DEVIATES:
            text = check.deviation or "a known deviation"
            name = hashlib.sha256(f"{run.kind} {text}".encode()).hexdigest()[:16]
            issue = f"{origin}:deviation-{name}"
            issues[issue] = {
                "id": issue,
                "version": 1,
                "origin": origin,
                "comment": one_line(text),
                "culprit": {"code": True, "tool": False, "harness": False},
            }
            incidents.append(
                {
                    "id": f"{origin}:{name}-{key}-{number}",
                    "origin": origin,
                    "issue_id": issue,
                    "issue_version": 1,
                    "test_id": test["id"],
                    "present": True,
                }
            )
    return {
        "version": {"major": 5, "minor": 0},
        "tests": tests,
        "issues": list(issues.values()),
        "incidents": incidents,
    }


def _path(name: str) -> str:
    """Return a check's name as words between dots; parameters are a word."""
    parts = re.split(r"[/:.\[]+", name.replace(".py", "").removesuffix("]"))
    return ".".join(re.sub(r"[^A-Za-z0-9_-]+", "_", part) or "_" for part in parts)


def _file(run: Run, check: Check) -> str:
    return f"suites/{run.suite}/{one_line(check.check.partition('::')[0])}"


def _milliseconds(started: str) -> int:
    if not started:
        return 0
    since = datetime.fromisoformat(started)
    epoch = datetime.fromtimestamp(0, tz=since.tzinfo)
    return (since - epoch) // timedelta(milliseconds=1)
