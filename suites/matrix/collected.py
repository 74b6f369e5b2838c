# SPDX-License-Identifier: GPL-2.0-only
"""The collected results of rows: each row once, whichever hosts ran it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.findings import findings
from reports.model import Outcome, Run
from reports.printable import one_line
from reports.run import RunFileError
from reports.run import read as read_run
from suites.matrix import folder
from suites.matrix.folder import Record
from vmlab.errors import LabError

HEADS = (
    *("row", "", "checks", "passed", "not applicable", "known deviations"),
    *("broken", "findings", "first"),
)
_LONGEST = 100
"""Maximum characters of a row's last lines of output."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A row and its run."""

    record: Record
    run: Run | None
    """None if no check ran."""


def newest(places: Sequence[Path]) -> list[Collected]:
    """Return each row of some folders once, by name; of several the latest one.

    Args:
        places: folders of rows, or folders that contain such folders.

    Raises:
        LabError: a folder is missing, or none of them has a row.
    """
    records: dict[str, tuple[Record, Path]] = {}
    for place in places:
        if not place.is_dir():
            raise LabError(f"{place} is not a folder")
        for path in _folders(place):
            record = folder.read(path)
            if record is None:
                continue
            existing = records.get(record.row)
            if existing is None or existing[0].started < record.started:
                records[record.row] = (record, path)
    if not records:
        raise LabError(
            f"no finished row in {', '.join(map(str, places))}",
            hint="give the folder of `matrix run --results`",
        )
    return [
        Collected(record, run_of(path))
        for _name, (record, path) in sorted(records.items())
    ]


def _folders(place: Path) -> Iterator[Path]:
    yield place
    yield from sorted(path for path in place.iterdir() if path.is_dir())


def run_of(path: Path) -> Run | None:
    """Return a row's run.

    Raises:
        LabError: it is damaged.
    """
    if not (path / folder.VERDICTS).exists():
        return None
    try:
        return read_run(path / folder.VERDICTS)
    except RunFileError as error:
        raise LabError(str(error)) from error


def table(collected: Sequence[Collected]) -> str:
    """Return the rows as a table in Markdown, without hosts and times.

    So the table does not depend on the number of hosts.
    """
    lines = [
        f"| {' | '.join(HEADS)} |",
        f"|{'---|' * len(HEADS)}",
        *map(_line, collected),
    ]
    return "\n".join(lines) + "\n"


def _line(one: Collected) -> str:
    word = "ok" if one.record.is_good else "FAILED"
    if one.run is None:
        message = one_line(one.record.message, _LONGEST).replace("|", "\\|")
        return f"| {one.record.row} | {word} | | | | | | | {message} |"
    numbers = " | ".join(map(str, counts(one.run)))
    incomplete = "" if one.run.is_complete else " (incomplete)"
    return f"| {one.record.row} | {word}{incomplete} | {numbers} |"


def counts(run: Run) -> list[str]:
    """Return the results of a run: a text for each of `HEADS` but the first two."""
    grouped = findings(run)
    first = grouped[0].clauses[0] if grouped and grouped[0].clauses else ""
    numbers = (
        len(run.checks),
        _count(run, Outcome.PASSED),
        _count(run, Outcome.NOT_APPLICABLE),
        _count(run, Outcome.DEVIATES),
        _count(run, Outcome.BROKEN),
        len(grouped),
    )
    return [*map(str, numbers), first]


def _count(run: Run, outcome: Outcome) -> int:
    return sum(check.outcome is outcome for check in run.checks)
