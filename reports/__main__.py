# SPDX-License-Identifier: GPL-2.0-only
"""`python -m reports`: the HTML report of a run, and the coverage of requirements."""

import argparse
import sys
from pathlib import Path

from reports import coverage, html


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    page = commands.add_parser("html", help="build the HTML report of Allure results")
    page.add_argument("results", type=Path, help="the folder that --alluredir named")
    page.add_argument("-o", "--output", type=Path, required=True, help="where it goes")
    covered = commands.add_parser("coverage", help="count the requirements with checks")
    covered.add_argument(
        "--open", action="store_true", help="list those that have none"
    )
    options = parser.parse_args(arguments)
    if options.command == "html":
        return _html(options.results, options.output)
    return _coverage(shows_open=options.open)


def _html(results: Path, output: Path) -> int:
    """Build the page; a run is worth its verdict also without one."""
    try:
        found = html.build(results, output)
    except html.ReportError as error:
        print(f"no HTML report: {error}")
        print(f"Allure results: {results}")
        return 0 if results.is_dir() else 2
    print(f"report: {found}")
    return 0


def _coverage(*, shows_open: bool) -> int:
    try:
        checks = coverage.collect()
    except coverage.CoverageError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(coverage.report(checks, shows_open=shows_open)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
