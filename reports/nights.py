# SPDX-License-Identifier: GPL-2.0-only
"""The commands of nightly runs: `report archive`, `history` and `export`."""

import argparse
import json
from pathlib import Path

from iscsi_assay.parser import Misuse, Parser, examples
from reports import archive, formats, history
from reports.history import Kind
from reports.run import read

RESULTS = "the folder given to --alluredir, or the file of --verdicts"
"""The help of arguments that name a run."""


def add_place(parser: Parser) -> None:
    """Add the option that names the branch of an archive."""
    parser.add_argument(
        "--branch",
        default="",
        metavar="NAME",
        help="use this branch of the git repository as the archive",
    )


def describe_archive(parser: Parser) -> None:
    """Fill the parser of `report archive`."""
    parser.description = (
        "Appends runs to an archive, which is a folder or a branch of a git "
        "repository; the branch need not be checked out. A run that the archive has "
        "is not added again."
    )
    parser.epilog = examples(
        "%(prog)s results/tgt/allure-results --to nights --revision v1.2-34-gabc",
        "%(prog)s run.json --to . --branch nights",
    )
    parser.add_argument("results", type=Path, nargs="+", help=RESULTS)
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="ARCHIVE",
        help="the folder, or the repository of --branch",
    )
    parser.add_argument(
        "--revision",
        default="",
        metavar="REV",
        help="the revision of the tested target (default: its version)",
    )
    add_place(parser)
    parser.set_defaults(run=_archive)


def _archive(options: argparse.Namespace) -> int:
    runs = [read(path) for path in options.results]
    for run in runs:
        name = archive.append(
            options.to, run, revision=options.revision, branch=options.branch
        )
        print(name)
    return 0


def describe_history(parser: Parser) -> None:
    """Fill the parser of `report history`."""
    parser.description = (
        "Shows findings, checks and clauses over the runs of an archive: since when "
        "each has its present verdict, since which revision, and how steady it is. "
        "Those that always passed are only counted."
    )
    parser.epilog = examples(
        "%(prog)s nights",
        "%(prog)s . --branch nights --check ping",
        "%(prog)s nights --json",
    )
    parser.add_argument(
        "archive", type=Path, help="the folder that `archive --to` has written"
    )
    add_place(parser)
    for kind in Kind:
        parser.add_argument(
            f"--{kind}",
            action="append",
            default=[],
            metavar="TEXT",
            help=f"show the {kind}s whose names contain this, also those that always "
            "passed",
        )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_history)


def _history(options: argparse.Namespace) -> int:
    patterns = {kind: getattr(options, kind) for kind in Kind}
    is_chosen = any(patterns.values())
    data = []
    for name, runs in history.targets(
        archive.load(options.archive, branch=options.branch)
    ).items():
        lifetimes = [
            life
            for life in history.lifetimes(runs)
            if not is_chosen or any(text in life.name for text in patterns[life.kind])
        ]
        data.append(history.as_data(name, runs, lifetimes))
        if not options.json:
            print("\n".join(history.lines(name, runs, lifetimes, shows_all=is_chosen)))
    if options.json:
        print(json.dumps(data, indent=1))
    return 0


def describe_export(parser: Parser) -> None:
    """Fill the parser of `report export`."""
    parser.description = (
        "Converts a run to another format: CTRF for dashboards, SARIF for code "
        "hosts, JSON for kcidb-submit of the kernel's KCIDB."
    )
    parser.epilog = examples(
        "%(prog)s sarif results/tgt/allure-results -o assay.sarif",
        "%(prog)s kcidb run.json --origin mylab --build mylab:1234",
    )
    parser.add_argument("format", choices=("ctrf", "sarif", "kcidb"), help="the format")
    parser.add_argument("results", type=Path, help=RESULTS)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="the file (default: standard output)",
    )
    parser.add_argument(
        "--origin", default="", help="with kcidb: the CI system, as KCIDB knows it"
    )
    parser.add_argument(
        "--build",
        default="",
        metavar="ID",
        help="with kcidb: the build that was tested",
    )
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    run = read(options.results)
    if options.format == "kcidb":
        try:
            data = formats.kcidb(run, origin=options.origin, build=options.build)
        except ValueError as error:
            raise Misuse(str(error)) from error
    else:
        data = formats.ctrf(run) if options.format == "ctrf" else formats.sarif(run)
    text = json.dumps(data, indent=1)
    if options.output is None:
        print(text)
        return 0
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text + "\n", encoding="utf-8")
    print(options.output)
    return 0
