# SPDX-License-Identifier: GPL-2.0-only
"""Patches: found, and applied completely or not at all; errors name patch and hunk."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from vmlab.errors import LabError
from vmlab.tool import run

_SUFFIXES = {".patch", ".diff"}
_SERIES = "series"
_FILE = re.compile(r"^(?:checking|patching) file '?(.+?)'?$")
_HUNK = re.compile(r"^Hunk #(\d+) FAILED at (\d+)")
_NO_FILE = re.compile(r"^can't find file to patch at input line (\d+)")
_TARGET = re.compile(r"^\|\+\+\+ (\S+)")


def collect(paths: Iterable[Path]) -> list[Path]:
    """Return patch files in the order in which they are applied.

    A folder means all its patches: in the order of its `series` file if it has one,
    else by name.

    Raises:
        LabError: there is no such file, or a folder contains no patch.
    """
    return [path for one in paths for path in _patches(one)]


def _patches(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise LabError(f"there is no patch {path}")
    series = path / _SERIES
    if series.exists():
        lines = series.read_text().splitlines()
        names = [line.partition("#")[0].split() for line in lines]
        files = [path / words[0] for words in names if words]
    else:
        files = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES)
    missing = [one for one in files if not one.is_file()]
    if missing:
        raise LabError(f"{series} names {missing[0].name}, which does not exist")
    if not files:
        raise LabError(f"the folder {path} contains no patch")
    return files


def apply(tree: Path, patch: Path) -> None:
    """Apply a patch (as patch -p1 does), if all of its hunks apply.

    Raises:
        LabError: a hunk does not apply; the message names the patch, the file and the
            hunk. The tree is then unchanged.
    """
    problems = _try(tree, patch)
    if problems:
        if not _try(tree, patch, "--reverse"):
            raise LabError(
                f"the patch {patch.name} is already applied to these sources"
            )
        raise LabError(
            f"the patch {patch.name} does not apply: {problems[0]}",
            hint="nothing was changed",
            log="\n".join(problems[1:]),
        )
    run(*_command(tree, patch), "--no-backup-if-mismatch", seconds=300)


def _try(tree: Path, patch: Path, *options: str) -> list[str]:
    """Return the errors of applying a patch."""
    command = (*_command(tree, patch), "--dry-run", *options)
    return list(_problems(run(*command, seconds=300, allowed=(0, 1, 2))))


def _command(tree: Path, patch: Path) -> tuple[str | Path, ...]:
    place = ("--directory", tree, "--input", patch.resolve())
    return ("patch", "-p1", "--force", *place)


def _problems(output: str) -> Iterator[str]:
    """Return the errors of patch(1), a line each."""
    file = number = ""
    for line in output.splitlines():
        if match := _FILE.match(line):
            file = match[1]
        elif match := _HUNK.match(line):
            yield f"hunk {match[1]} of {file}, at line {match[2]}"
        elif match := _NO_FILE.match(line):
            number = match[1]
        elif number and (match := _TARGET.match(line)):
            name = match[1].partition("/")[2]
            yield f"there is no file {name} (line {number} of the patch)"
            number = ""
        elif "Only garbage" in line:
            yield "it contains no hunk"
        elif "malformed patch" in line:
            yield line.removeprefix("patch: **** ")
        elif "which already exists" in line or "previously applied" in line:
            yield line.strip()
