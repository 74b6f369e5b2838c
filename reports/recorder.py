# SPDX-License-Identifier: GPL-2.0-only
"""Writes the run beside Allure's results and to the file of `--verdicts`."""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports import run
from reports.evidence import ENVIRONMENT, REQUIREMENT, SETTLE, TITLE
from reports.model import FORMAT, Outcome, Run
from reports.suites import SUITES, name_of, suite_of
from reports.verdicts import Selected, checks_of, complete

RUN = pytest.StashKey[Run]()
"""The key of a configuration for its run, once all checks are over."""

_LONGEST_LABEL = 80
"""The maximum length of a label, in characters."""

_NO_FACTS: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("iscsi")
    group.addoption(
        "--label",
        type=_label,
        metavar="NAME",
        help="the target's name in reports; runs with the same label are builds of "
        "one target",
    )
    group.addoption(
        "--verdicts",
        type=Path,
        metavar="FILE",
        help="write the run as JSON: verdicts, requirements and PDUs",
    )


def _label(text: str) -> str:
    """Return the value of --label.

    Raises:
        argparse.ArgumentTypeError: it is empty, too long, or cannot be printed.
    """
    name = " ".join(text.split())
    if not name or not name.isprintable() or len(name) > _LONGEST_LABEL:
        raise argparse.ArgumentTypeError(
            f"{text[:_LONGEST_LABEL]!r} is not a name of 1 to {_LONGEST_LABEL} "
            "printable characters"
        )
    return name


class _Recorder:
    """Collects the reports of a run, on the controller of a parallel one."""

    def __init__(self, config: pytest.Config, paths: list[Path]) -> None:
        self._config = config
        self._paths = paths
        self._reports: list[pytest.TestReport] = []
        self._selected: dict[str, Selected] = {}
        self._suites: set[str] = set()
        self._why = ""
        self._unwritten: list[str] = []
        self._begun = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one report."""
        self._reports.append(report)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the selected checks."""
        self._suites |= {suite_of(item.nodeid) for item in session.items}
        for item in session.items:
            properties = item.user_properties
            ids = tuple(str(one) for key, one in properties if key == REQUIREMENT)
            title = next((str(one) for key, one in properties if key == TITLE), "")
            if ids:
                self._selected[name_of(item.nodeid)] = Selected(ids, title)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Record the selected checks if workers collect them."""
        self._suites |= {suite_of(nodeid) for nodeid in ids}
        for nodeid in ids:
            if suite_of(nodeid):
                self._selected.setdefault(name_of(nodeid), Selected())

    def pytest_keyboard_interrupt(
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> None:
        """Record why the run ends early."""
        self._why = " ".join(str(excinfo.value).split()) or "interrupted"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Store the run, and write the files."""
        checks = complete(checks_of(self._reports), self._selected, self._reports)
        if not checks and not self._paths:
            return
        settle = self._config.stash.get(SETTLE, tuple)
        facts = self._config.stash.get(ENVIRONMENT, _NO_FACTS)
        is_cut = bool(self._why) or any(
            check.outcome is Outcome.NOT_RUN for check in checks
        )
        why = self._why or session.shouldfail or session.shouldstop
        record = Run(
            format=FORMAT,
            suite=self._suite(),
            label=self._config.option.label or "",
            environment=dict(facts),
            toolkit=run.revision(),
            strength=self._config.getoption("strength", 1),
            shard=self._config.getoption("shard", "") or "",
            started=self._started,
            seconds=round(time.monotonic() - self._begun, 1),
            is_complete=not is_cut,
            why_incomplete=str(why or "the run ended early") if is_cut else "",
            checks=settle(checks),
        )
        self._config.stash[RUN] = record
        for path in self._paths:
            try:
                run.write(path, record)
            except OSError as error:
                self._unwritten.append(f"{path}: {error.strerror}")
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Print which file could not be written, although the first test succeeded."""
        for line in self._unwritten:
            terminalreporter.write_line(f"the run is not kept: {line}", red=True)

    def _suite(self) -> str:
        """Return the suite of the run: conformance if it has several."""
        suites = self._suites - {""}
        return suites.pop() if len(suites) == 1 else SUITES[0]


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collect the reports, except in a worker: the controller gets them all."""
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(_Recorder(config, _paths(config)))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Check that the output paths can be written, before Allure creates its folder.

    Raises:
        pytest.UsageError: a path cannot be written.
    """
    for path in _paths(config):
        try:
            run.try_to_write(path)
        except OSError as error:
            raise pytest.UsageError(f"{path}: {error.strerror}") from error


def _paths(config: pytest.Config) -> list[Path]:
    """Return the files of the run."""
    paths = [config.option.verdicts] if config.option.verdicts else []
    folder = config.getoption("allure_report_dir", None)
    if folder:
        paths.append(Path(folder) / run.NAME)
    return paths
