# SPDX-License-Identifier: GPL-2.0-only
"""`python -m reports`: what can be made of the results of runs, and coverage."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from reports import compare, coverage, html, statement
from reports.findings import findings
from reports.findings_page import findings_page
from reports.markdown import findings_markdown
from reports.printable import printable
from reports.run import RunFileError, read

_RESULTS = "the folder that --alluredir named, or the file of --verdicts"


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except RunFileError as error:
        print(printable(str(error)), file=sys.stderr)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(printable(f"{place}{error.strerror or error}"), file=sys.stderr)
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
    told = commands.add_parser(
        "findings", help="write the findings as Markdown or HTML, a section for each"
    )
    told.add_argument("results", type=Path, help=_RESULTS)
    told.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the file, a page if it ends in .html; else they are printed",
    )
    told.set_defaults(run=_findings)
    compared = commands.add_parser(
        "compare",
        help="put several runs side by side; exit code 1 for a regression",
        description="Writes a page with findings and requirements by runs. Runs of one "
        "target (the same --label, or else the same kind) count as its builds, the "
        "older ones first: a check that comes to something worse in a later one is a "
        "regression (exit code 1). A check that is new, gone or was not carried out "
        "is none.",
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
    if not html.has_results(results):
        what = "holds no Allure results" if results.exists() else "does not exist"
        words = f"{results} {what}: give the folder that --alluredir named"
        print(printable(words), file=sys.stderr)
        return 2
    try:
        found = html.build(results, options.output)
    except html.ReportError as error:
        print(printable(f"no HTML report: {error}"))
        print(printable(f"Allure results: {results}"))
        return 0
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
    folder = options.output or _folder(results).resolve().parent / "statement"
    for path in statement.write(run, folder, _folder(results)):
        print(path)
    return 0


def _findings(options: argparse.Namespace) -> int:
    run = read(options.results)
    results, output = _folder(options.results), options.output
    is_page = output is not None and output.suffix == ".html"
    text = (
        findings_page(run, results)
        if is_page
        else findings_markdown(run, findings(run), results)
    )
    if output is None:
        print(text, end="")
        return 0
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    print(output)
    return 0


def _folder(results: Path) -> Path:
    """Return the folder of the results, of which a file may have been named."""
    return results if results.is_dir() else results.parent


def _compare(options: argparse.Namespace) -> int:
    compared = compare.compare([read(path) for path in options.results])
    compare.write(compared, options.output)
    print(options.output)
    print("\n".join(compare.lines(compared)))
    return int(compared.has_regressed)


if __name__ == "__main__":
    sys.exit(main())
