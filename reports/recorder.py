# SPDX-License-Identifier: GPL-2.0-only
"""Keeps a run for other reports, beside Allure's results, and as `--verdicts` says."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports import run
from reports.evidence import ENVIRONMENT
from reports.model import FORMAT, Run
from reports.verdicts import checks_of

RUN = pytest.StashKey[Run]()
"""Where a configuration keeps its run, once all checks are over."""

_NO_FACTS: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("iscsi").addoption(
        "--verdicts",
        type=Path,
        metavar="FILE",
        help="write the run as JSON: verdicts, requirements and PDUs",
    )


class _Recorder:
    """Keeps the reports of a run, on the controller of a parallel one."""

    def __init__(self, config: pytest.Config, paths: list[Path]) -> None:
        self._config = config
        self._paths = paths
        self._reports: list[pytest.TestReport] = []
        self._begun = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one report."""
        self._reports.append(report)

    def pytest_sessionfinish(self) -> None:
        """Keep the run, and write the files."""
        checks = tuple(checks_of(self._reports))
        if not checks and not self._paths:
            return
        facts = self._config.stash.get(ENVIRONMENT, _NO_FACTS)
        found = Run(
            format=FORMAT,
            environment=dict(facts),
            toolkit=run.revision(),
            started=self._started,
            seconds=round(time.monotonic() - self._begun, 1),
            checks=checks,
        )
        self._config.stash[RUN] = found
        for path in self._paths:
            run.write(path, found)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the reports, but for a worker: the controller gets them all."""
    if hasattr(config, "workerinput"):
        return
    paths = [config.option.verdicts] if config.option.verdicts else []
    folder = config.getoption("allure_report_dir", None)
    if folder:
        paths.append(Path(folder) / run.NAME)
    config.pluginmanager.register(_Recorder(config, paths))
