# SPDX-License-Identifier: GPL-2.0-only
"""`python -m vmlab matrix`: lists rows, runs them, and collects what they have left."""

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from suites.matrix import collected, folder, names, rows
from suites.matrix.folder import Record
from suites.matrix.rows import Row
from vmlab import locks
from vmlab.build import kernel
from vmlab.errors import LabError
from vmlab.extension import CommandLine

_ROOT = Path(__file__).parents[2]
_SECONDS = 4 * 3600
_LOCK = ".lock"


def extend(line: CommandLine) -> None:
    """Add the command `matrix` to the lab's command line."""
    parser = line.add("matrix", "build and test many kernels")
    kinds = parser.add_subparsers(metavar="WHAT", required=True)
    base = tuple(map(str, line.fragments))
    lister = kinds.add_parser("list", help="print the names of the rows")
    runner = kinds.add_parser("run", help="build and test the rows")
    for one in (lister, runner):
        one.add_argument("file", type=Path, help="see docs/lab.md")
        one.add_argument(
            "--only", metavar="EXPRESSION", help="rows whose names fit, as with -k"
        )
        one.add_argument("--no", metavar="EXPRESSION", help="rows to leave out")
        one.add_argument(
            "--results",
            type=Path,
            default=Path("results") / "matrix",
            metavar="FOLDER",
            help="where each row has a folder (default: %(default)s)",
        )
    lister.add_argument(
        "--json", action="store_true", help="as a matrix of a CI: include has the rows"
    )
    lister.set_defaults(run=lambda options: _list(options, base))
    runner.add_argument("--row", metavar="NAME", help="this row alone")
    runner.add_argument(
        "--resume",
        action="store_true",
        help="leave out rows that have ended since a run was broken off",
    )
    runner.set_defaults(run=lambda options: _run(options, base))
    collector = kinds.add_parser(
        "collect", help="print what rows have left, as a table"
    )
    collector.add_argument("results", type=Path, nargs="+", metavar="FOLDER")
    collector.set_defaults(run=_collect)


def _list(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    chosen = _chosen(options, base)
    if options.json:
        include = [{"row": row.name, "target": row.target} for row in chosen]
        print(json.dumps({"include": include}))
    else:
        print("\n".join(row.name for row in chosen))
    return 0


def _run(options: argparse.Namespace, base: tuple[str, ...]) -> int:
    chosen = _chosen(options, base)
    if options.row is not None:
        chosen = [row for row in chosen if row.name == options.row]
        if not chosen:
            raise LabError(
                f"{options.file} has no row {options.row}",
                hint=f"python -m vmlab matrix list {options.file} names them",
            )
    records = []
    for row in longest_first(chosen):
        records.append(attempt(row, resumes=options.resume))
        print(_line(records[-1]), flush=True)
    return int(not all(record.is_good for record in records))


def _collect(options: argparse.Namespace) -> int:
    records = collected.newest(options.results)
    print(collected.table(records), end="")
    return int(not all(one.record.is_good for one in records))


def _chosen(options: argparse.Namespace, base: tuple[str, ...]) -> list[Row]:
    """Return the rows that the options choose, their folders where they say.

    Raises:
        LabError: an expression makes no sense, or no row fits.
    """
    fits = names.parse(options.only) if options.only is not None else _any
    spares = names.parse(options.no) if options.no is not None else _none
    found = [
        replace(row, results=options.results / row.name)
        for row in rows.load(options.file, base)
        if fits(row.name) and not spares(row.name)
    ]
    if not found:
        raise LabError(f"no row of {options.file} fits --only and --no")
    return found


def _any(_name: str) -> bool:
    return True


def _none(_name: str) -> bool:
    return False


def longest_first(chosen: Sequence[Row]) -> list[Row]:
    """Return rows, those first that took longest last time, or have never run."""

    def seconds(row: Row) -> float:
        record = folder.read(row.results)
        return -record.seconds if record is not None else float("-inf")

    return sorted(chosen, key=seconds)


def attempt(row: Row, *, resumes: bool = False) -> Record:
    """Run a row; return how it ended.

    Two processes never run the same row in the same folder at once.

    Args:
        row: the row.
        resumes: whether a record of the same row in its folder is taken instead.

    Raises:
        LabError: its folder cannot be used.
    """
    row.results.mkdir(parents=True, exist_ok=True)
    with locks.held(row.results / _LOCK):
        before = folder.read(row.results)
        is_same = before is not None and before.made_from == row.made_from
        if resumes and before is not None and is_same:
            return before
        (row.results / folder.NAME).unlink(missing_ok=True)
        (row.results / folder.VERDICTS).unlink(missing_ok=True)
        started, begun = datetime.now(UTC), time.monotonic()
        is_good, said = build_and_test(row)
        record = Record(
            row=row.name,
            made_from=row.made_from,
            is_good=is_good,
            said=said,
            host=platform.node(),
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - begun, 1),
        )
        folder.write(row.results, record)
    return record


def build_and_test(row: Row) -> tuple[bool, str]:
    """Build a combination and run the suite against it; trouble is a result, too."""
    try:
        built = kernel.build(row.order)
        kernel.remember(row.name, built)
    except LabError as error:
        return False, str(error)
    log = row.results / folder.LOG
    with log.open("w") as file:
        try:
            done = subprocess.run(
                rows.command(row),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return False, f"no end in {_SECONDS} s; see {log}"
    lines = log.read_text(errors="replace").splitlines()
    last = lines[-1].strip("= ") if lines else "the suite said nothing"
    is_good = done.returncode == 0
    return is_good, last if is_good else f"{last}; see {log}"


def _line(record: Record) -> str:
    return f"{'ok' if record.is_good else 'FAILED':8}{record.row}: {record.said}"
