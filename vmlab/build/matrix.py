# SPDX-License-Identifier: GPL-2.0-only
"""Many kernels, SCST revisions and configurations: each built, each tested."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from vmlab.build import kernel
from vmlab.build.kernel import Order
from vmlab.errors import LabError
from vmlab.scst.build import Mode
from vmlab.scst.patches import Way

_Choice = TypeVar("_Choice", bound=StrEnum)
_ROOT = Path(__file__).parents[2]
_SECONDS = 4 * 3600
_TABLES: Mapping[str, frozenset[str]] = {
    "kernel": frozenset({"name", "source", "patches", "in_vm"}),
    "scst": frozenset({"name", "source", "way", "mode"}),
    "config": frozenset({"name", "fragments"}),
}
"""The tables of a file, and the keys of each of their entries."""
_SUITE = frozenset({"target", "arguments"})
_TARGETS = ("lio", "scst")


@dataclass(frozen=True, slots=True)
class Row:
    """One combination."""

    name: str
    order: Order
    target: str
    mode: Mode
    """For what SCST is built."""
    arguments: tuple[str, ...]
    """What the suite is told besides."""
    results: Path


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    row: Row
    is_good: bool
    said: str

    def __str__(self) -> str:
        """Return a line."""
        return f"{'ok' if self.is_good else 'FAILED':8}{self.row.name}: {self.said}"


def load(path: Path) -> list[Row]:
    """Return all combinations of a file.

    Raises:
        LabError: it cannot be read, or something in it makes no sense.
    """
    try:
        known = tomllib.loads(path.read_text())
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from error
    try:
        return list(_rows(known, path))
    except LabError as error:
        raise LabError(f"{path}: {error.message}", hint=error.hint) from error


def _rows(known: Mapping[str, Any], path: Path) -> Iterator[Row]:
    unknown = sorted(known.keys() - _TABLES.keys() - {"suite"})
    if unknown:
        raise LabError(f"there is no table {unknown[0]}", hint=f"known: {_all()}")
    kernels = _entries(known, "kernel")
    if not kernels:
        raise LabError("it names no kernel")
    revisions = _entries(known, "scst") or [{}]
    configs = _entries(known, "config") or [{"name": "plain"}]
    suite = known.get("suite", {})
    _no_others(suite, _SUITE, "suite")
    folder = path.resolve().parent
    for one, scst, settings in product(kernels, revisions, configs):
        target = suite.get("target", "scst" if scst else "lio")
        if target not in _TARGETS:
            raise LabError(f"the suite's target {target!r} is none of {_TARGETS}")
        if target == "scst" and not scst:
            raise LabError("the suite's target is scst, but there is no table scst")
        parts = [one["name"], *([scst["name"]] if scst else []), settings["name"]]
        yield Row(
            "_".join(parts),
            _order(one, scst, settings, folder),
            target,
            _choice(Mode, scst.get("mode", Mode.RELEASE), "mode"),
            tuple(suite.get("arguments", ())),
            Path("results") / "matrix" / "_".join(parts),
        )


def _all() -> str:
    return ", ".join((*_TABLES, "suite"))


def _entries(known: Mapping[str, Any], table: str) -> list[Mapping[str, Any]]:
    entries: list[Mapping[str, Any]] = known.get(table, [])
    if not isinstance(entries, list):
        raise LabError(f"{table} is one table; write [[{table}]]")
    names = []
    for number, entry in enumerate(entries, 1):
        what = f"{table} {number}"
        _no_others(entry, _TABLES[table], what)
        for needed in ("name", *(("source",) if table != "config" else ())):
            if not isinstance(entry.get(needed), str):
                raise LabError(f"{what} has no {needed}")
        names.append(entry["name"])
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LabError(f"{table} {twice[0]} is there twice")
    return entries


def _no_others(entry: Mapping[str, Any], keys: frozenset[str], what: str) -> None:
    others = sorted(entry.keys() - keys)
    if others:
        raise LabError(
            f"{what} has an unknown key {others[0]}",
            hint=f"known: {', '.join(sorted(keys))}",
        )


def _order(
    one: Mapping[str, Any],
    scst: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path,
) -> Order:
    """Make the order of a combination; paths are those beside the file."""
    way = scst.get("way")
    in_vm = one.get("in_vm", False)
    if not isinstance(in_vm, bool):
        raise LabError(f"kernel {one['name']}: in_vm is {in_vm!r}, not true or false")
    source = one["source"]
    beside = folder / Path(source).expanduser()
    return Order(
        str(beside) if beside.exists() else source,
        tuple(folder / Path(patch).expanduser() for patch in one.get("patches", ())),
        tuple(_fragment(name, folder) for name in settings.get("fragments", ())),
        folder / Path(scst["source"]).expanduser() if scst else None,
        _choice(Way, way, "way") if way is not None else None,
        in_vm=in_vm,
    )


def _choice(kind: type[_Choice], value: object, what: str) -> _Choice:
    known = {str(one): one for one in kind}
    if value not in known:
        raise LabError(f"the {what} {value!r} is none of {', '.join(known)}")
    return known[str(value)]


def _fragment(name: str, folder: Path) -> str:
    return str(folder / name) if (folder / name).is_file() else name


def run(row: Row) -> Result:
    """Build a combination and run the suite against it; trouble is a result too."""
    try:
        built = kernel.build(row.order)
        kernel.remember(row.name, built)
    except LabError as error:
        return Result(row, is_good=False, said=str(error))
    row.results.mkdir(parents=True, exist_ok=True)
    log = row.results / "log"
    with log.open("w") as file:
        try:
            done = subprocess.run(
                command(row),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Result(row, is_good=False, said=f"no end in {_SECONDS} s; see {log}")
    lines = log.read_text(errors="replace").splitlines()
    last = lines[-1].strip("= ") if lines else "the suite said nothing"
    is_good = done.returncode == 0
    return Result(row, is_good, last if is_good else f"{last}; see {log}")


def command(row: Row) -> list[str]:
    """Return how the suite is run against a combination."""
    words = [sys.executable, "-m", "pytest", "suites/conformance", "-q"]
    words += [f"--target={row.target}", f"--kernel={row.name}"]
    if row.order.scst is not None and row.target == "scst":
        words += [f"--scst-source={row.order.scst}", f"--scst-mode={row.mode}"]
    verdicts = row.results.resolve() / "verdicts.json"
    return [*words, f"--verdicts={verdicts}", *row.arguments]
