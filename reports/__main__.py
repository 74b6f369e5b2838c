# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay report`, also as `python -m reports`: pages of runs, and coverage."""

import argparse
import sys
from pathlib import Path

from iscsi_assay.parser import USAGE, Command, Failures, Parser, examples
from reports import archive, compare, coverage, html, nights, statement
from reports.archive import ArchiveError
from reports.findings import findings
from reports.findings_page import findings_page
from reports.markdown import findings_markdown
from reports.printable import printable
from reports.run import RunFileError, read

_FAILURES: Failures = {
    RunFileError: (USAGE, str),
    ArchiveError: (USAGE, str),
    coverage.CoverageError: (USAGE, str),
    html.NoResults: (USAGE, str),
}


def describe(parser: Parser) -> None:
    """Fill the parser of `report`."""
    parser.description = (
        "Makes reports of a run, from the folder of its --alluredir or the file of "
        "its --verdicts. docs/ci.md shows them in a CI."
    )
    parser.epilog = examples(
        "%(prog)s findings results/tgt/allure-results -o findings.md",
        "%(prog)s compare old/allure-results new/allure-results",
        "%(prog)s coverage --open",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        command.add(commands, name)


def _describe_html(parser: Parser) -> None:
    parser.description = (
        "Builds the HTML report of Allure results with Node.js. Without Node.js it "
        "prints how to view the results."
    )
    parser.epilog = examples(
        "%(prog)s results/tgt/allure-results -o results/tgt/report"
    )
    parser.add_argument("results", type=Path, help="the folder given to --alluredir")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the folder for the report"
    )
    parser.set_defaults(run=_html)


def _describe_coverage(parser: Parser) -> None:
    parser.description = "Counts the requirements with a check, by section and by area."
    parser.epilog = examples("%(prog)s", "%(prog)s --open")
    parser.add_argument(
        "--open", action="store_true", help="list the requirements without a check"
    )
    parser.set_defaults(run=_coverage)


def _describe_statement(parser: Parser) -> None:
    parser.description = (
        "Writes a conformance statement of one run: a page, Markdown, JSON and a badge."
    )
    parser.epilog = examples("%(prog)s results/tgt/allure-results -o results/pages")
    parser.add_argument("results", type=Path, help=nights.RESULTS)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the folder (default: `statement` beside the results)",
    )
    parser.set_defaults(run=_statement)


def _describe_findings(parser: Parser) -> None:
    parser.description = (
        "Writes the findings of a run, a section for each: its clause, its PDUs and "
        "the command that reproduces it."
    )
    parser.epilog = examples(
        "%(prog)s results/tgt/allure-results",
        "%(prog)s results/tgt/allure-results -o findings.html",
    )
    parser.add_argument("results", type=Path, help=nights.RESULTS)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the file: HTML if its name ends in .html, else Markdown (default: "
        "standard output)",
    )
    parser.set_defaults(run=_findings)


def _describe_compare(parser: Parser) -> None:
    parser.description = (
        "Compares runs and writes a page of their findings and requirements. Runs of "
        "one target (the same --label, or else the same kind) count as its builds, "
        "the older ones first: a check with a worse verdict in a later build is a "
        "regression. A check that is new, is missing or did not run is not a "
        "regression.\n\nExit codes: 0 no regression, 1 a regression, 2 a file does "
        "not hold a run."
    )
    parser.epilog = examples(
        "%(prog)s old/allure-results new/allure-results -o compare.html",
        "%(prog)s new/allure-results --last-green nights",
    )
    parser.add_argument("results", type=Path, nargs="+", help=nights.RESULTS)
    parser.add_argument(
        "--last-green",
        type=Path,
        metavar="ARCHIVE",
        help="compare with the newest green run of this target in the archive that "
        "is older than the results",
    )
    nights.add_place(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("compare.html"),
        help="the page (default: %(default)s)",
    )
    parser.set_defaults(run=_compare)


def _html(options: argparse.Namespace) -> int:
    """Build the page; without Node.js, print where the results are."""
    results: Path = options.results
    if not html.has_results(results):
        what = "holds no Allure results" if results.exists() else "does not exist"
        raise html.NoResults(f"{results} {what}: name the folder of --alluredir")
    try:
        page = html.build(results, options.output)
    except html.ReportError as error:
        print(printable(f"no HTML report: {error}"))
        print(printable(f"Allure results: {results}"))
        return 0
    print(f"report: {page}")
    return 0


def _coverage(options: argparse.Namespace) -> int:
    checks = coverage.collect()
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
    """Return the folder of the results, also if a file in it is given."""
    return results if results.is_dir() else results.parent


def _compare(options: argparse.Namespace) -> int:
    runs = [read(path) for path in options.results]
    if options.last_green is not None:
        archived = archive.load(options.last_green, branch=options.branch)
        runs.insert(0, archive.last_green(archived, runs[0]))
    compared = compare.compare(runs)
    compare.write(compared, options.output)
    print(options.output)
    print("\n".join(compare.lines(compared)))
    return int(compared.has_regressed)


_COMMANDS = {
    "html": Command(
        "build the HTML report of Allure results", _describe_html, _FAILURES
    ),
    "coverage": Command(
        "count the requirements with checks", _describe_coverage, _FAILURES
    ),
    "statement": Command(
        "write a conformance statement: HTML, Markdown, JSON, a badge",
        _describe_statement,
        _FAILURES,
    ),
    "findings": Command(
        "write the findings as Markdown or HTML",
        _describe_findings,
        _FAILURES,
    ),
    "compare": Command(
        "compare runs; exit code 1 for a regression",
        _describe_compare,
        _FAILURES,
    ),
    "archive": Command(
        "append runs to a folder or a git branch", nights.describe_archive, _FAILURES
    ),
    "export": Command(
        "write a run as CTRF, SARIF or KCIDB's JSON",
        nights.describe_export,
        _FAILURES,
    ),
    "history": Command(
        "show since when each finding, check and clause has its present verdict",
        nights.describe_history,
        _FAILURES,
    ),
}

REPORT = Command("make reports of finished runs; count coverage", describe, _FAILURES)


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    return REPORT.run("python -m reports", arguments)


if __name__ == "__main__":
    sys.exit(main())
