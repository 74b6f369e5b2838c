# SPDX-License-Identifier: GPL-2.0-only
"""`python -m reports`: what can be made of the results of runs, and coverage."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from reports import compare, coverage, html, statement
from reports.model import Run
from reports.run import RunFileError, read

_RESULTS = "the folder that --alluredir named, or the file of --verdicts"


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (RunFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    page = commands.add_parser("html", help="build the HTML report of Allure results")
    page.add_argument("results", type=Path, help="the folder that --alluredir named")
    page.add_argument("-o", "--output", type=Path, required=True, help="where it goes")
    page.set_defaults(run=_html)
    covered = commands.add_parser("coverage", help="count the requirements with checks")
    covered.add_argument("--open", action="store_true", help="list those without")
    covered.set_defaults(run=_coverage)
    stated = commands.add_parser(
        "statement", help="write a conformance statement: HTML, Markdown, JSON, a badge"
    )
    stated.add_argument("results", type=Path, help=_RESULTS)
    stated.add_argument(
        "-o", "--output", type=Path, help="the folder; RESULTS/../statement by default"
    )
    stated.set_defaults(run=_statement)
    compared = commands.add_parser(
        "compare",
        help="put several runs side by side; exit code 1 for a regression",
        description="Writes a page with a matrix of requirements and runs. Runs of the "
        "same kind of target count as builds, the older ones first: what held in one "
        "and is broken in the next is a regression (exit code 1).",
    )
    compared.add_argument("results", type=Path, nargs="+", help=_RESULTS)
    compared.add_argument(
        "-o", "--output", type=Path, default=Path("compare.html"), help="the page"
    )
    compared.set_defaults(run=_compare)
    return parser


def _html(options: argparse.Namespace) -> int:
    """Build the page; a run is worth its verdict also without one."""
    results: Path = options.results
    try:
        found = html.build(results, options.output)
    except html.ReportError as error:
        print(f"no HTML report: {error}")
        print(f"Allure results: {results}")
        return 0 if results.is_dir() else 2
    print(f"report: {found}")
    return 0


def _coverage(options: argparse.Namespace) -> int:
    try:
        checks = coverage.collect()
    except coverage.CoverageError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(coverage.report(checks, shows_open=options.open)))
    return 0


def _statement(options: argparse.Namespace) -> int:
    results: Path = options.results
    run = read(results)
    base = results if results.is_dir() else results.parent
    folder = options.output or base.resolve().parent / "statement"
    for path in statement.write(run, folder):
        print(path)
    return 0


def _compare(options: argparse.Namespace) -> int:
    runs: list[Run] = [read(path) for path in options.results]
    compare.write(runs, options.output)
    print(options.output)
    found = compare.regressions(runs)
    if found:
        print(f"regressions: {len(found)}")
        print("\n".join(compare.lines(found)))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
