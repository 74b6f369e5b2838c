# SPDX-License-Identifier: GPL-2.0-only
"""The verdicts of a run as JSON, for programs: `--verdicts FILE`."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from reports.verdicts import Judged, Verdict, judge


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("iscsi").addoption(
        "--verdicts",
        type=Path,
        metavar="FILE",
        help="write each check's verdict and requirements as JSON",
    )


class _Collector:
    """Keeps the reports of a run, on the controller of a parallel one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one report."""
        self.reports.append(report)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        rows = [asdict(item) for item in judge(self.reports)]
        self.path.write_text(json.dumps(rows, indent=1))


def pytest_configure(config: pytest.Config) -> None:
    """Keep reports only if somebody wants them."""
    if config.option.verdicts and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collector(config.option.verdicts))


def read(path: Path) -> list[Judged]:
    """Return the verdicts in a file.

    Raises:
        OSError: there is no such file.
        ValueError: it is no such file.
    """
    return [
        Judged(
            check=row["check"],
            verdict=Verdict(row["verdict"]),
            requirements=tuple(row["requirements"]),
            detail=row["detail"],
            has_killed=row["has_killed"],
        )
        for row in json.loads(path.read_text())
    ]
