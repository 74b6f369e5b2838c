# SPDX-License-Identifier: GPL-2.0-only
"""Counts the requirements with a check, by section and by area.

pytest itself collects the suite in a separate process, so markers are found at any
place, also on parameters.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.suites import ANYWHERE, ROOT
from spec import Requirement, load, section_key

_SECONDS = 600
"""On an idle machine, collecting takes ten seconds."""


class CoverageError(Exception):
    """The suite cannot be collected; one line."""


class Recorder:
    """A pytest plugin that records which check names which requirement."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write the checks of each requirement, and one parameter set of each."""
        checks: dict[str, list[str]] = defaultdict(list)
        first: dict[str, str] = {}
        for item in session.items:
            first.setdefault(item.nodeid.split("[")[0], item.nodeid)
            for mark in item.iter_markers("requirement"):
                for name in mark.args:
                    check = item.nodeid.split("[")[0]
                    if check not in checks[name]:
                        checks[name].append(check)
        self.path.write_text(json.dumps({"checks": checks, "first": first}))


@dataclass(frozen=True, slots=True)
class Collected:
    """The checks of the suite."""

    checks: dict[str, list[str]]
    """The checks of each requirement ID, without their parameters."""
    first: dict[str, str]
    """The first of each check's parameter sets, as a node ID."""


def collect() -> dict[str, list[str]]:
    """Return the checks of each requirement ID.

    Raises:
        CoverageError: pytest cannot collect the suite.
    """
    return collect_items().checks


def collect_items() -> Collected:
    """Return the checks of each requirement ID, and a parameter set of each.

    Raises:
        CoverageError: pytest cannot collect the suite.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "covered.json"
        code = (
            "import sys, pathlib, pytest; from reports.coverage import Recorder; "
            "sys.exit(pytest.main(sys.argv[2:], [Recorder(pathlib.Path(sys.argv[1]))]))"
        )
        arguments = ["suites/conformance", "--collect-only", "-qq", *ANYWHERE]
        arguments += ["-p", "no:cacheprovider"]
        try:
            process = subprocess.run(  # noqa: S603  # our own interpreter
                [sys.executable, "-c", code, str(path), *arguments],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise CoverageError(
                f"the suite is not collected within {_SECONDS} s: is the machine busy?"
            ) from error
        if process.returncode or not path.exists():
            words = (process.stderr + process.stdout).strip().splitlines()
            raise CoverageError(
                f"the suite cannot be collected: {words[-1] if words else 'no message'}"
            )
        return Collected(**json.loads(path.read_text()))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a section or an area."""

    name: str
    requirements: int
    covered: int
    untestable: int

    @property
    def open(self) -> int:
        """The number of requirements with neither a check nor a reason."""
        return self.requirements - self.covered - self.untestable


def rows(
    requirements: Iterable[Requirement],
    checks: Mapping[str, list[str]],
    by: str,
) -> list[Row]:
    """Return a row for each value of a field (`section` or `area`)."""
    groups: dict[str, list[Requirement]] = defaultdict(list)
    for entry in requirements:
        groups[getattr(entry, by)].append(entry)
    order = section_key if by == "section" else str
    return [_row(name, groups[name], checks) for name in sorted(groups, key=order)]


def _row(name: str, entries: list[Requirement], checks: Mapping[str, list[str]]) -> Row:
    covered = [entry for entry in entries if entry.id in checks]
    excused = [e for e in entries if e.id not in checks and e.untestable]
    return Row(name, len(entries), len(covered), len(excused))


def report(checks: Mapping[str, list[str]], *, shows_open: bool = False) -> list[str]:
    """Return the tables of every document and, on request, the open requirements."""
    catalogue = load()
    lines: list[str] = []
    counted = catalogue.denominator()
    for document in dict.fromkeys(entry.document for entry in counted):
        entries = [entry for entry in counted if entry.document == document]
        for by in ("section", "area"):
            lines += ["", *_table(document, by, rows(entries, checks, by))]
        lines += _total(document, _row(document, entries, checks))
    if shows_open:
        lines += ["", "not covered:"]
        lines += [
            f"  {entry.id}  {entry.level}  {entry.text}"
            for entry in counted
            if entry.id not in checks and not entry.untestable
        ]
    return lines[1:]


def _table(document: str, by: str, rows: list[Row]) -> list[str]:
    title = f"{document} by {by}"
    width = max(len(row.name) for row in rows)
    width = max(width, len(title))
    lines = [f"{title:{width}}  requirements  covered  untestable  open"]
    lines += [
        f"{row.name:{width}}  {row.requirements:12}  {row.covered:7}"
        f"  {row.untestable:10}  {row.open:4}"
        for row in rows
    ]
    return lines


def _total(document: str, row: Row) -> list[str]:
    share = 100 * row.covered / row.requirements
    counts = f"{row.covered} of {row.requirements} requirements covered"
    rest = f"{row.untestable} untestable, {row.open} open"
    return [f"{document}: {counts} ({share:.1f} %), {rest}"]
