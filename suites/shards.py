# SPDX-License-Identifier: GPL-2.0-only
"""Parts of a run on several hosts: their selection, and their merge.

The run of a part judges each check alone. What needs all checks, such as a foundation
that the target lacks (`suites.judging.settling`), is judged when parts are merged.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from iscsi_assay.parser import USAGE, Command, Parser, examples
from reports import run as files
from reports.findings import findings
from reports.model import Outcome, Run
from reports.run import RunFileError
from suites.judging.settling import settle

T = TypeVar("T")

_BAD = frozenset({Outcome.BROKEN, Outcome.GONE, Outcome.TROUBLE, Outcome.NOT_RUN})
"""Outcomes that make the exit code of a run 1."""


class MergeError(Exception):
    """The runs are not parts of one run; one line."""


def numbers(part: str) -> tuple[int, int]:
    """Return K and N of K/N.

    Raises:
        ValueError: it is not K/N with K from 1 to N.
    """
    number, slash, count = part.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise ValueError(f"--shard {part}: expected K/N, such as 1/4")
    if not 1 <= int(number) <= int(count):
        raise ValueError(f"--shard {part}: K must be from 1 to N")
    return int(number), int(count)


def shard(tasks: Sequence[T], part: str) -> Sequence[T]:
    """Return each N-th of the tasks, beginning with the K-th, for K/N.

    Raises:
        ValueError: it is not K/N with K from 1 to N.
    """
    if not part:
        return tasks
    number, count = numbers(part)
    return tasks[number - 1 :: count]


def merge(runs: Sequence[Run]) -> Run:
    """Return the run that some parts form.

    If a part ran twice, the later run counts.

    Args:
        runs: the parts, in any order.

    Raises:
        MergeError: a part is missing, or they are of different runs.
    """
    parts: dict[str, Run] = {}
    for run in sorted(runs, key=lambda one: one.started):
        if not run.shard:
            raise MergeError(
                f"the run of {run.name} at {run.started} is not a part of a sharded run"
            )
        parts[run.shard] = run
    ordered = sorted(parts.values(), key=lambda one: numbers(one.shard))
    first = ordered[0]
    for run in ordered:
        for subject, one, other in (
            ("suites", first.suite, run.suite),
            ("targets", first.name, run.name),
            ("revisions of the toolkit", first.toolkit, run.toolkit),
            ("numbers of parts", numbers(first.shard)[1], numbers(run.shard)[1]),
        ):
            if one != other:
                raise MergeError(
                    f"the parts are of different {subject}: {one}, {other}"
                )
    count = numbers(first.shard)[1]
    missing = [
        f"{number}/{count}"
        for number in range(1, count + 1)
        if f"{number}/{count}" not in parts
    ]
    if missing:
        raise MergeError(f"missing run of the part {', '.join(missing)}")
    checks = [check for run in ordered for check in run.checks]
    name, times = Counter(check.check for check in checks).most_common(1)[0]
    if times > 1:
        raise MergeError(f"{name} is in several parts: other options chose the checks")
    cut = next((run for run in ordered if not run.is_complete), None)
    return replace(
        first,
        shard="",
        started=min(run.started for run in ordered),
        seconds=round(sum(run.seconds for run in ordered), 1),
        is_complete=cut is None,
        why_incomplete="" if cut is None else f"part {cut.shard}: {cut.why_incomplete}",
        checks=settle(sorted(checks, key=lambda check: check.check)),
    )


def describe(parser: Parser) -> None:
    """Fill the parser of `merge`."""
    parser.description = (
        "Merges the parts that `run --shard K/N` ran, and writes one run, which every "
        "other command accepts.\n\nExit codes: 0 no findings, 1 the merged run "
        "has findings or is incomplete, 2 a part is missing, or the files are not "
        "parts of one run."
    )
    parser.epilog = examples("%(prog)s one/run.json two/run.json -o run.json")
    parser.add_argument(
        "results",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="the file of --verdicts, or the folder of --alluredir, of each part",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="write the merged run to this file",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Merge the parts that the options name; return the exit code.

    Raises:
        RunFileError: a file is not a run.
        MergeError: they are not parts of one run.
    """
    merged = merge([files.read(path) for path in options.results])
    files.write(options.output, merged)
    new = [one for one in findings(merged) if not one.is_known]
    print(f"{len(merged.checks)} checks, {len(new)} findings: {options.output}")
    is_bad = any(check.outcome in _BAD for check in merged.checks)
    return int(is_bad or not merged.is_complete)


MERGE = Command(
    "merge the parts of a run that was split by `run --shard`",
    describe,
    {RunFileError: (USAGE, str), MergeError: (USAGE, str)},
)
