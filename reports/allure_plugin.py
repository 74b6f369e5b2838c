# SPDX-License-Identifier: GPL-2.0-only
"""Writes checks in Allure's terms: labels, requirements, evidence, environment.

Only this module and `allure_lean` depend on Allure. Labels are added when a check
begins, attachments when a check is over, and files about the run at its end (Allure's
own --clean-alluredir would delete earlier ones).
"""

import gzip
import json
import platform
from collections.abc import Generator
from functools import cache
from pathlib import Path

import allure
import pytest
from allure_commons.model2 import Label, Link, Parameter, TestResult

from iscsi_assay.version import DISTRIBUTION, version
from reports.allure_lean import listener_of, make_lean, result_under_way
from reports.categories import CHECK, LABEL, by_status, settle, verdict
from reports.combinations import keys_of, provoking
from reports.evidence import (
    BUNDLE,
    ENVIRONMENT,
    EVIDENCE,
    QUIET,
    STEPS,
    Evidence,
    bundle_path,
)
from reports.model import Check
from reports.printable import one_line
from reports.recorder import RUN
from reports.run import revision
from reports.verdicts import carried
from spec import Level, UnknownRequirement, load

_SEVERITY = {
    Level.MUST: "critical",
    Level.SHOULD: "normal",
    Level.MAY: "minor",
}
_EXTENSIONS = {
    "text/plain": "txt",
    "application/vnd.tcpdump.pcap": "pcapng",
    "application/json": "json",
}

_LARGE = 32 << 10
"""Larger attachments are compressed; Wireshark and replay can read them. In bytes."""

_FIRST_FACTS = ("target", "target.version", "target.kernel", "target.patches")
"""The facts about the environment that a report shows first."""

_ATTACHED = pytest.StashKey[int]()
"""How many pieces of evidence a check's result already has."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make Allure's own plugins do less."""
    make_lean(config)


def _no_steps() -> list[str]:
    return []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a check whose requirement is not in the catalogue."""
    catalogue = load()
    for item in items:
        try:
            for name in _names(item):
                catalogue[name]
        except UnknownRequirement as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from error


def _names(item: pytest.Item) -> tuple[str, ...]:
    """Return the IDs of the requirements of a check."""
    return tuple(
        name for mark in item.iter_markers("requirement") for name in mark.args
    )


@cache
def _labels(names: tuple[str, ...]) -> tuple[list[Label], list[Link]]:
    """Return the labels and links of a check of some requirements."""
    requirements = [load()[name] for name in names]
    labels = [
        Label(name=kind, value=value)
        for entry in requirements
        for kind, value in (
            ("epic", entry.document),
            ("feature", f"{entry.section} {entry.heading}".strip()),
            ("story", f"{entry.id}: {entry.text}"),
        )
    ]
    if requirements:
        strongest = min(
            (entry.level.strength for entry in requirements),
            key=list(_SEVERITY).index,
        )
        labels.append(Label(name="severity", value=_SEVERITY[strongest]))
    links = [Link(type="link", url=one.url, name=one.id) for one in requirements]
    return labels, links


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Label a check by its requirements; a second try has the same result as the first.

    The labels are written directly into the result: every worker would read markers for
    every check, and several times for each one that runs.
    """
    listener = listener_of(item.config)
    result = None if listener is None else listener.result_of(item)
    if result is None:
        return
    labels, links = _labels(_names(item))
    result.labels[:] = labels
    result.links[:] = links
    function = getattr(item, "function", None)
    if labels and function is not None and function.__doc__:
        title = function.__doc__.strip().splitlines()[0].rstrip(".")
        function.__allure_display_name__ = title


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the evidence while the check's result is still open."""
    report = yield
    if item.stash.get(QUIET, False):
        return report
    is_over = call.when != "setup" or not report.passed
    if is_over and item.config.getoption("allure_report_dir", None):
        # The steps of checks that passed would cost more than they show.
        omits_steps = report.passed or call.when == "teardown"
        steps_of = _no_steps if omits_steps else item.stash.get(STEPS, _no_steps)
        for step in steps_of():
            with allure.step(step):
                pass
        check = carried(report)
        choices = check.choices if check is not None else ()
        if choices and call.when == "call":
            # Excluded from the identity: the target may choose another value in the
            # same check.
            allure.dynamic.parameter(
                "the target chose", "; ".join(choices), excluded=True
            )
        if check is not None and call.when == "teardown":
            result = result_under_way(item.nodeid)
            if result is not None:
                _label_verdict(result, check)
        pieces = item.stash.get(EVIDENCE, [])
        # Attach only the evidence that the teardown has added.
        attached = item.stash.get(_ATTACHED, 0)
        item.stash[_ATTACHED] = len(pieces)
        for piece in pieces[attached:]:
            _attach(piece)
            if piece.name == BUNDLE:
                path = bundle_path(
                    Path(item.config.option.allure_report_dir), item.nodeid
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(piece.content)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record the combination of a check, and the part that provokes its failure.

    Both are known when all of its phases are over. The controller of a parallel run has
    no results.
    """
    check = carried(report) if report.when == "teardown" else None
    if check is None or check.combination is None:
        return
    result = result_under_way(report.nodeid)
    if result is None:
        return
    facts = {"negotiated": keys_of(check.combination.varied)}
    if check.combination.search is not None:
        facts["provoked by"] = provoking(check.combination) or "the default"
    # Excluded from the identity: with another strength it is still the same check.
    result.parameters.extend(
        Parameter(name=name, value=value, excluded=True)
        for name, value in facts.items()
    )
    if not any(label.name == LABEL for label in result.labels):
        # Further runs of the check have reset its labels.
        _label_verdict(result, check)


def _label_verdict(result: TestResult, check: Check) -> None:
    result.labels.append(Label(name=LABEL, value=verdict(check, load())))
    result.labels.append(Label(name=CHECK, value=check.check))


def _attach(piece: Evidence) -> None:
    """Attach evidence, compressed if it is large."""
    extension = _EXTENSIONS.get(piece.mime_type, "bin")
    if len(piece.content) <= _LARGE:
        allure.attach(piece.content, piece.name, piece.mime_type, extension)
        return
    packed = gzip.compress(piece.content, mtime=0)
    allure.attach(packed, piece.name, "application/gzip", f"{extension}.gz")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the facts of the whole run."""
    config = session.config
    folder = config.getoption("allure_report_dir", None)
    if not folder or hasattr(config, "workerinput"):
        return
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    environment = config.stash.get(ENVIRONMENT, {})
    facts = {
        **{name: environment[name] for name in _FIRST_FACTS if name in environment},
        "toolkit": f"{DISTRIBUTION} {version()}, revision {revision() or 'unknown'}",
        **environment,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    lines = [f"{name}={one_line(value)}" for name, value in facts.items()]
    (path / "environment.properties").write_text("\n".join(lines) + "\n")
    (path / "categories.json").write_text(json.dumps(by_status(), indent=2))
    run = config.stash.get(RUN, None)
    if run is not None:
        settle(path, run.checks)
