# SPDX-License-Identifier: GPL-2.0-only
"""Checks in Allure's terms: document, section and requirement, evidence, environment.

Only this module and allure-pytest know of Allure: the labels go on as markers before
the run, the attachments when a check is over, the files about the run at its end
(Allure's own --clean-alluredir would wipe them earlier).
"""

import gzip
import json
import platform
from collections.abc import Generator
from importlib import metadata
from pathlib import Path
from typing import Any

import allure
import pytest

from reports.categories import CHECK, LABEL, by_status, settle, verdict
from reports.evidence import (
    BUNDLE,
    ENVIRONMENT,
    EVIDENCE,
    STEPS,
    Evidence,
    bundle_path,
)
from reports.model import Check
from reports.printable import one_line
from reports.recorder import RUN
from reports.run import revision
from reports.verdicts import carried
from spec import Level, Requirement, UnknownRequirement, load

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
"""Bytes beyond which an attachment is compressed; Wireshark and replay read it so."""

_FIRST_FACTS = ("target", "target.version", "target.kernel", "target.patches")
"""What a report's reader sees of the environment before all the rest."""

_ATTACHED = pytest.StashKey[int]()
"""How many pieces of evidence a check's result has already."""

_LISTENER = "allure_listener"
"""The name of allure-pytest's own plugin."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave fixtures out of the results.

    They tell a report's reader nothing, and a file for each of every check costs more
    than all the rest: the exchange is in the steps.
    """
    manager = config.pluginmanager
    listener = manager.get_plugin(_LISTENER)
    if listener is None:
        return
    manager.unregister(listener)
    # A hook that is no function is none; the object stays, as Allure's own knows it.
    listener.__class__ = type(
        "LeanListener",
        (type(listener),),
        {
            "pytest_fixture_setup": None,
            "pytest_fixture_post_finalizer": None,
            "_update_fixtures_children": lambda _self, _item: None,
        },
    )
    manager.register(listener, _LISTENER)


def _no_steps() -> list[str]:
    return []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Label each check by its requirements."""
    catalogue = load()
    for item in items:
        ids = [name for mark in item.iter_markers("requirement") for name in mark.args]
        try:
            _label(item, [catalogue[name] for name in ids])
        except UnknownRequirement as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from error


def _label(item: pytest.Item, requirements: list[Requirement]) -> None:
    for entry in requirements:
        heading = f"{entry.section} {entry.heading}".strip()
        for kind, value in (
            ("epic", entry.document),
            ("feature", heading),
            ("story", f"{entry.id}: {entry.text}"),
        ):
            item.add_marker(pytest.mark.allure_label(value, label_type=kind))
        item.add_marker(
            pytest.mark.allure_link(entry.url, link_type="link", name=entry.id)
        )
    if requirements:
        strongest = min(
            (entry.level.strength for entry in requirements),
            key=list(_SEVERITY).index,
        )
        item.add_marker(
            pytest.mark.allure_label(_SEVERITY[strongest], label_type="severity")
        )
        function = getattr(item, "function", None)
        if function is not None and function.__doc__:
            title = function.__doc__.strip().splitlines()[0].rstrip(".")
            function.__allure_display_name__ = title


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have a second try of a check not labelled twice: its result is the same one."""
    listener: Any = item.config.pluginmanager.get_plugin(_LISTENER)
    identity = None if listener is None else listener._cache.get(item.nodeid)  # noqa: SLF001  # there is no other way
    result = identity and listener.allure_logger.get_test(identity)
    if result:
        result.labels.clear()
        result.links.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the evidence while the check's result is still open."""
    report = yield
    is_over = call.when != "setup" or not report.passed
    if is_over and item.config.getoption("allure_report_dir", None):
        # Those of checks that hold would cost more than they tell.
        is_told = report.passed or call.when == "teardown"
        tell = _no_steps if is_told else item.stash.get(STEPS, _no_steps)
        for step in tell():
            with allure.step(step):
                pass
        check = carried(report)
        choices = check.choices if check is not None else ()
        if choices and call.when == "call":
            # Excluded: a target may choose otherwise and the check is still the same.
            allure.dynamic.parameter(
                "the target chose", "; ".join(choices), excluded=True
            )
        if check is not None and call.when == "teardown":
            _label_verdict(check)
        pieces = item.stash.get(EVIDENCE, [])
        # What the end of a check finds out comes on top.
        done = item.stash.get(_ATTACHED, 0)
        item.stash[_ATTACHED] = len(pieces)
        for piece in pieces[done:]:
            _attach(piece)
            if piece.name == BUNDLE:
                path = bundle_path(
                    Path(item.config.option.allure_report_dir), item.nodeid
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(piece.content)
    return report


def _label_verdict(check: Check) -> None:
    label: Any = allure.dynamic.label
    label(LABEL, verdict(check, load()))
    label(CHECK, check.check)


def _attach(piece: Evidence) -> None:
    """Attach evidence, compressed where it would swell the report."""
    extension = _EXTENSIONS.get(piece.mime_type, "bin")
    if len(piece.content) <= _LARGE:
        allure.attach(piece.content, piece.name, piece.mime_type, extension)
        return
    packed = gzip.compress(piece.content, mtime=0)
    allure.attach(packed, piece.name, "application/gzip", f"{extension}.gz")


def _version() -> str:
    try:
        return metadata.version("iscsi-assay")
    except metadata.PackageNotFoundError:
        return "of a checkout"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what is true of the whole run."""
    config = session.config
    folder = config.getoption("allure_report_dir", None)
    if not folder or hasattr(config, "workerinput"):
        return
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    found = config.stash.get(ENVIRONMENT, {})
    facts = {
        **{name: found[name] for name in _FIRST_FACTS if name in found},
        "toolkit": f"iscsi-assay {_version()}, revision {revision() or 'unknown'}",
        **found,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    lines = [f"{name}={one_line(value)}" for name, value in facts.items()]
    (path / "environment.properties").write_text("\n".join(lines) + "\n")
    (path / "categories.json").write_text(json.dumps(by_status(), indent=2))
    run = config.stash.get(RUN, None)
    if run is not None:
        settle(path, run.checks)
