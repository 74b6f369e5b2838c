# SPDX-License-Identifier: GPL-2.0-only
"""Prints the table by area and the worst findings at the end of a run.

pytest's own list of failures is left out if findings cover them, since it prints the
code of checks. `--full-failures`, `-v`, `--tb` and `-r` print it. Errors of the toolkit
are always shown in full.
"""

import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reports.again import options_without_killers
from reports.baseline import baseline
from reports.findings import Finding, findings
from reports.model import Outcome, Run
from reports.printable import printable
from reports.recorder import RUN
from reports.terminal import Line, finding_lines, gone_lines, head, others, table
from reports.verdicts import carried
from spec import load

_LINES_OF_A_FINDING = 6
_LEAST, _MOST = 3, 8
"""The minimum number of findings shown; a higher terminal shows more."""

_KINDS = ("failed", "error")
_FINDINGS = pytest.StashKey[tuple[Finding, ...]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("iscsi")
    group.addoption(
        "--full-failures",
        action="store_true",
        help="print each failed check in full, in addition to the findings",
    )
    group.addoption(
        "--write-deviations",
        type=Path,
        metavar="FILE",
        help="write the findings as a new file of known deviations, one entry each, "
        "for later runs with --deviations FILE",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuse to overwrite a file of deviations before anything runs.

    Raises:
        pytest.UsageError: the file exists, or its folder does not.
    """
    path: Path | None = config.option.write_deviations
    if path is None or hasattr(config, "workerinput"):
        return
    if path.exists() or path.is_symlink():
        raise pytest.UsageError(
            f"--write-deviations: {path} exists: name another file, or delete it"
        )
    if not path.parent.is_dir():
        raise pytest.UsageError(f"--write-deviations: there is no folder {path.parent}")


def findings_of(config: pytest.Config) -> tuple[Finding, ...]:
    """Return the findings of a configuration's run."""
    cached = config.stash.get(_FINDINGS, None)
    if cached is None:
        cached = config.stash[_FINDINGS] = findings(config.stash[RUN])
    return cached


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
    exitstatus: pytest.ExitCode,
    config: pytest.Config,
) -> Generator[None]:
    """Print table and findings last, instead of pytest's list of failures."""
    run = config.stash.get(RUN, None)
    is_refused = exitstatus == pytest.ExitCode.USAGE_ERROR
    if run is None or not run.checks or is_refused:
        # pytest itself prints one line about a wrong option.
        return (yield)
    if _is_full(config):
        result = yield
    else:
        with _without_failures(terminalreporter):
            result = yield
    terminalreporter.section(run.suite)
    for line in _lines(run, findings_of(config), config):
        terminalreporter.write_line(printable(line.text), **line.looks)
    path: Path | None = config.option.write_deviations
    if path is not None:
        terminalreporter.write_line(_write(path, run, findings_of(config)))
    return result


def _lines(
    run: Run, findings: tuple[Finding, ...], config: pytest.Config
) -> Iterator[Line]:
    size = shutil.get_terminal_size()
    width = size.columns if sys.stdout.isatty() else max(size.columns, 100)
    results = _results(config)
    overview = [
        *table(run.checks),
        *others(run.checks),
        Line("", {}),
        *head(run, findings),
    ]
    yield from overview
    yield from gone_lines(run, width)
    new = [one for one in findings if not one.is_known]
    room = (size.lines - len(overview)) // _LINES_OF_A_FINDING
    number = min(max(room, _LEAST), _MOST)
    catalogue = load()
    for one in new[:number]:
        yield from finding_lines(one, run, catalogue, width, results)
    if not new:
        return
    where = results or config.option.verdicts
    how = f"iscsi-assay report findings {where}"
    if where is None:
        how = "run with --verdicts=FILE, then iscsi-assay report findings FILE"
    more = f"and {len(new) - number} more; all" if len(new) > number else "all of them"
    yield Line(f"{more} with their PDUs: {how}", {"bold": True})
    killers = options_without_killers(run)
    if killers:
        yield Line(f"to leave out what killed the target: {killers}", {})


def _results(config: pytest.Config) -> Path | None:
    folder = config.getoption("allure_report_dir", None)
    return Path(folder) if folder else None


def _write(path: Path, run: Run, findings: tuple[Finding, ...]) -> str:
    """Write the deviations; return the line to print about it."""
    if not run.is_complete:
        return f"{path} is not written: the run is incomplete"
    try:
        # Another process may have created the file since the run began.
        with path.open("x", encoding="utf-8") as file:
            file.write(baseline(run, findings))
    except OSError as error:
        return f"{path} is not written: {error.strerror}"
    return f"wrote {path}: the next run with --deviations {path} is green"


def _is_full(config: pytest.Config) -> bool:
    """Tell whether the user requested pytest's own lists."""
    is_requested = config.option.full_failures or config.option.verbose > 0
    is_other_style = config.option.tbstyle != "auto"
    return bool(is_requested or is_other_style) or any(
        argument.startswith("-r") for argument in config.invocation_params.args
    )


@contextmanager
def _without_failures(reporter: pytest.TerminalReporter) -> Iterator[None]:
    """Hide the failures that the findings cover, and the list of names."""
    saved = {kind: reporter.stats.get(kind, []) for kind in _KINDS}
    chars, reporter.reportchars = reporter.reportchars, ""
    for kind, reports in saved.items():
        if reports:
            reporter.stats[kind] = [one for one in reports if not _is_printed(one)]
    try:
        yield
    finally:
        reporter.reportchars = chars
        reporter.stats.update(
            {kind: reports for kind, reports in saved.items() if reports}
        )


def _is_printed(report: object) -> bool:
    check = carried(report) if isinstance(report, pytest.TestReport) else None
    return check is not None and check.outcome in (Outcome.BROKEN, Outcome.GONE)
