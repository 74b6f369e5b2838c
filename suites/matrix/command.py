# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay lab matrix`: lists rows, runs them, and collects their results."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from iscsi_assay.parser import USAGE, Parser, described, examples
from suites.matrix import budget, ci, collected, names, page, rows, schedule
from suites.matrix.attempt import attempt, ended
from suites.matrix.bisect import Question, bisect, judge
from suites.matrix.board import PAGE, Board, words
from suites.matrix.budget import Budget, expected, longest_first, predict_end
from suites.matrix.folder import Record
from suites.matrix.rows import Row
from vmlab.errors import LabError
from vmlab.extension import CommandLine

_TERMINATED = USAGE
"""The exit code after Ctrl-C."""


def extend(line: CommandLine) -> None:
    """Add the command `matrix` to the lab's command line."""
    parser = line.add("matrix", "build and test many kernels and targets")
    parser.description = (
        "Builds and tests many kernels and targets, which a file names; "
        "docs/matrix.md has its keys."
    )
    parser.epilog = examples("%(prog)s list m.toml", "%(prog)s run m.toml --resume")
    kinds = parser.add_subparsers(metavar="WHAT", required=True)

    def add(
        name: str,
        run: Callable[[argparse.Namespace, tuple[str, ...]], int],
        text: str,
        example: str,
    ) -> Parser:
        one = kinds.add_parser(
            name,
            help=text,
            description=described(text),
            epilog=examples(f"%(prog)s m.toml {example}"),
        )
        one.add_argument("file", type=Path, help="the matrix file (docs/matrix.md)")
        # Only now: an extension that is loaded later may add options of a kernel.
        one.set_defaults(
            run=lambda options: run(options, tuple(map(str, line.fragments)))
        )
        return one

    lister = add("list", _list, "print the names of the rows", "--only kasan")
    runner = add(
        "run",
        _run,
        "run the rows: build, boot and test, several in parallel",
        "--resume",
    )
    planner = add("plan", _plan, "estimate how long the rows will take", "--hosts 2")
    for one in (lister, runner, planner):
        one.add_argument(
            "--only",
            metavar="EXPRESSION",
            help="select the rows whose names match, as pytest's -k does",
        )
        one.add_argument(
            "--no", metavar="EXPRESSION", help="leave out the rows whose names match"
        )
    worker = add("row", _row, "run one row in this process (used by `run`)", "NAME")
    bisect_example = "NAME --check nop/test_ping.py --tree ../t"
    judging = add(
        "judge",
        _judge,
        "judge a commit by one check (used by `bisect`)",
        bisect_example,
    )
    bisector = add(
        "bisect",
        _bisect,
        "find the commit that broke a check",
        f"{bisect_example} --good v3",
    )
    for one in (worker, judging, bisector):
        one.add_argument("name", help="the name of the row")
    for one in (lister, runner, planner, worker, judging, bisector):
        one.add_argument(
            "--results",
            type=Path,
            default=Path("results") / "matrix",
            metavar="FOLDER",
            help="the folder of results, with a folder for each row (default: "
            "%(default)s)",
        )
    for one in (runner, worker):
        one.add_argument(
            "--resume",
            action="store_true",
            help="skip the rows that have ended before an interruption",
        )
    for one in (runner, planner):
        one.add_argument(
            "--cores",
            type=_above_0,
            metavar="N",
            help="processors for the rows (default: this host's)",
        )
        one.add_argument(
            "--memory",
            type=_above_0,
            metavar="MIB",
            help="memory for the rows (default: the free memory)",
        )
    form = lister.add_mutually_exclusive_group()
    form.add_argument(
        "--json",
        action="store_true",
        help="print the rows as JSON, for the `matrix` of a GitHub workflow",
    )
    form.add_argument(
        "--gitlab",
        action="store_true",
        help="print the rows as a child pipeline of GitLab",
    )
    worker.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="CHECK",
        help="run only this check (may be repeated; default: those of the row)",
    )
    _describe_bisect(bisector)
    _describe_question(judging)
    lister.add_argument(
        "--open",
        action="store_true",
        help="list only rows that have not ended in --results",
    )
    lister.add_argument(
        "--longest-first",
        action="store_true",
        help="list the longest rows first, by the times in --results",
    )
    runner.add_argument("--row", metavar="NAME", help="run this row only")
    runner.add_argument(
        "--exit-zero",
        action="store_true",
        help="exit with 0 once all rows have ended, whatever their verdicts, so that "
        "a CI repeats only rows that died",
    )
    planner.add_argument(
        "--hosts",
        type=_above_0,
        default=1,
        metavar="N",
        help="estimate for N hosts like this one (default: 1)",
    )
    collector = kinds.add_parser(
        "collect",
        help="print the results of rows as a table",
        description="Prints the results of rows, of one host or several, as a table.",
        epilog=examples("%(prog)s host1/matrix host2/matrix"),
    )
    collector.add_argument(
        "results",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="the folder of --results of a run",
    )
    collector.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="also write an HTML page"
    )
    collector.set_defaults(run=_collect)


def _describe_question(parser: Parser) -> None:
    parser.add_argument(
        "--check",
        required=True,
        metavar="CHECK",
        help="the check, such as nop/test_ping.py::test_echo",
    )
    parser.add_argument(
        "--tree", type=Path, required=True, metavar="FOLDER", help="a work tree of git"
    )
    parser.add_argument(
        "--before",
        default="",
        metavar="COMMAND",
        help="a shell command to run in the tree first, which builds and starts the "
        "target",
    )
    parser.add_argument(
        "--repeat",
        type=_above_0,
        default=1,
        metavar="N",
        help="run the check N times; one failure makes the commit bad (default: 1)",
    )


def _describe_bisect(parser: Parser) -> None:
    parser.description = (
        "Has `git bisect run` find the commit of a tree at which a check became "
        "broken, with a row of the matrix as the judge. Commits that do not build, "
        "or for which the check has no verdict, are skipped. The checkout of the "
        "tree is restored at the end.\n\nExit codes: 0 one commit is named, 1 several "
        "are named, since some cannot be judged, 2 a wrong argument, 3 the check does "
        "not pass at the good revision or does not fail at the bad one."
    )
    _describe_question(parser)
    parser.add_argument(
        "--good",
        required=True,
        metavar="REV",
        help="a revision at which the check passes",
    )
    parser.add_argument(
        "--bad",
        default="HEAD",
        metavar="REV",
        help="a later revision, at which it fails (default: HEAD)",
    )


def _above_0(text: str) -> int:
    """Return a number.

    Raises:
        argparse.ArgumentTypeError: it is none above 0.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _list(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    chosen = _chosen(options, base)
    if options.open:
        chosen = [row for row in chosen if ended(row) is None]
    if options.longest_first:
        chosen = longest_first(chosen)
    if options.json:
        print(json.dumps(ci.matrix(chosen)))
    elif options.gitlab:
        print(json.dumps(ci.pipeline(chosen, options.file), indent=1))
    else:
        for row in chosen:
            print(row.name)
    return 0


def _named(chosen: list[Row], name: str, file: Path) -> list[Row]:
    """Return the row of a name.

    Raises:
        LabError: there is none.
    """
    matching = [row for row in chosen if row.name == name]
    if not matching:
        raise LabError(
            f"{file} has no row {name}",
            hint=f"iscsi-assay lab matrix list {file} names them",
        )
    return matching


def _run(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    chosen = _chosen(options, base)
    if options.row is not None:
        chosen = _named(chosen, options.row, options.file)
    finished: dict[str, Record] = {}
    if options.resume:
        records = {row.name: ended(row) for row in chosen}
        finished = {name: one for name, one in records.items() if one is not None}
    waiting = longest_first([row for row in chosen if row.name not in finished])
    limits = _budget(options)
    # An engine runs this row as one of many, so the row writes a page of its own.
    name = PAGE if options.row is None else f"{options.row}/{PAGE}"
    board = Board(
        waiting, finished, budget.known(waiting), limits, options.results / name
    )
    signal.signal(signal.SIGTERM, _terminate)
    command = partial(
        schedule.worker, options.file, results=options.results, resumes=options.resume
    )
    is_complete = False
    try:
        records_now = schedule.run(waiting, command, limits, board)
        is_complete = all(record is not None for record in records_now)
    except _Terminated:
        return _TERMINATED
    finally:
        board.close(is_complete=is_complete)
    if options.exit_zero:
        return int(not is_complete)
    every = [*finished.values(), *records_now]
    return int(not all(record is not None and record.is_good for record in every))


class _Terminated(BaseException):
    """The run was asked to end."""


def _terminate(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated


def _row(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    """Run a row in this process, as `run` has it done in one of its own."""
    options.only = options.no = None
    (row,) = _named(_chosen(options, base), options.name, options.file)
    row = replace(row, checks=tuple(options.check))
    return int(not attempt(row, resumes=options.resume).is_good)


def _question(options: argparse.Namespace) -> Question:
    return Question(
        options.file,
        options.name,
        options.check,
        options.results,
        options.before,
        options.repeat,
    )


def _judge(options: argparse.Namespace, _base: tuple[str, ...]) -> int:
    """Ask what is checked out, as `git bisect run` has it done."""
    return judge(_question(options), options.tree)


def _bisect(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    options.only = options.no = None
    _named(_chosen(options, base), options.name, options.file)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        commits = bisect(_question(options), options.tree, options.good, options.bad)
    except _Terminated:
        return _TERMINATED
    if len(commits) == 1:
        print(f"the first commit at which it is broken: {commits[0]}")
        return 0
    print("the first commit at which it is broken is one of these:")
    for line in commits:
        print(f"  {line}")
    return 1


def _plan(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    chosen = longest_first(_chosen(options, base))
    limits, seconds = _budget(options), partial(expected, took=budget.known(chosen))
    alone = sum(map(seconds, chosen))
    spread = predict_end(chosen, seconds, limits, hosts=options.hosts)
    print(f"{len(chosen)} rows, one after the other: {words(alone)}")
    hosts = "one host" if options.hosts == 1 else f"{options.hosts} hosts"
    each = f"{limits.cores} cores and {limits.memory} MiB each"
    print(f"on {hosts} with {each}: {words(spread)}")
    return 0


def _budget(options: argparse.Namespace) -> Budget:
    host = budget.of_host()
    return Budget(options.cores or host.cores, options.memory or host.memory)


def _collect(options: argparse.Namespace) -> int:
    records = collected.newest(options.results)
    print(collected.table(records), end="")
    if options.output is not None:
        page.write(page.merged(records), options.output)
        print(options.output, file=sys.stderr)
    return int(not all(one.record.is_good for one in records))


def _chosen(options: argparse.Namespace, base: tuple[str, ...]) -> list[Row]:
    """Return the rows that the options choose, their folders where they say.

    Raises:
        LabError: an expression is malformed, or no row matches.
    """
    fits = names.parse(options.only) if options.only is not None else _any
    spares = names.parse(options.no) if options.no is not None else _none
    chosen_rows = [
        replace(row, results=options.results / row.name)
        for row in rows.load(options.file, base)
        if fits(row.name) and not spares(row.name)
    ]
    if not chosen_rows:
        raise LabError(f"no row of {options.file} fits --only and --no")
    return chosen_rows


def _any(_name: str) -> bool:
    return True


def _none(_name: str) -> bool:
    return False
