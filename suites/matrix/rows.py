# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a matrix file: kernels, additions and configurations, all with all."""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import targets
from suites.matrix.folder import VERDICTS
from targets.kind import Kind, Option
from targets.machines import machines
from vmlab import cache
from vmlab.build.addition import Addition
from vmlab.build.kernel import Order
from vmlab.errors import LabError

_DEFAULT_TARGET = "lio"
"""What is tested where a file has no table of a kind of target."""
_KERNEL = frozenset({"name", "source", "patches", "in_vm"})
_CONFIG = frozenset({"name", "fragments"})
_SUITE = frozenset({"target", "arguments"})


@dataclass(frozen=True, slots=True)
class Row:
    """One combination."""

    name: str
    order: Order
    target: str
    words: tuple[str, ...]
    """Options of the suite that the target needs."""
    arguments: tuple[str, ...]
    """Further arguments of the suite."""
    results: Path
    """The row's folder, below the current one."""

    @property
    def made_from(self) -> str:
        """The hash of all that it says; files that it names count by their paths."""
        return cache.key(
            row=repr((self.order, self.target, self.words, self.arguments))
        )


def load(path: Path, base: tuple[str, ...] = ()) -> list[Row]:
    """Return all combinations of a file.

    Args:
        path: the file.
        base: what every kernel gets (see `Order.base`).

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
        return list(_rows(known, path.resolve().parent, base))
    except LabError as error:
        raise LabError(f"{path}: {error.message}", hint=error.hint) from error


def _built() -> dict[str, Kind]:
    """Return the kinds of target that have a table."""
    return {
        name: kind for name, kind in targets.kinds().items() if kind.build is not None
    }


def _rows(
    known: Mapping[str, Any], folder: Path, base: tuple[str, ...]
) -> Iterator[Row]:
    built = _built()
    tables = ("kernel", *built, "config", "suite")
    unknown = sorted(known.keys() - set(tables))
    if unknown:
        raise LabError(
            f"there is no table {unknown[0]}", hint=f"known: {', '.join(tables)}"
        )
    kernels = _entries(known, "kernel", _KERNEL, {"source"})
    if not kernels:
        raise LabError("it names no kernel")
    configs = _entries(known, "config", _CONFIG) or [{"name": "plain"}]
    suite = known.get("suite", {})
    _no_others(suite, _SUITE, "suite")
    for one, revision, settings in product(kernels, _revisions(known, built), configs):
        target = suite.get("target", revision.target or _DEFAULT_TARGET)
        _check_target(target, built, revision.target)
        parts = [one["name"], *filter(None, [revision.name]), settings["name"]]
        words = revision.words(folder) if target == revision.target else ()
        yield Row(
            "_".join(parts),
            _order(one, settings, folder, revision.addition(folder), base),
            target,
            words,
            tuple(suite.get("arguments", ())),
            Path("results") / "matrix" / "_".join(parts),
        )


def _check_target(target: object, built: Mapping[str, Kind], has: str) -> None:
    """See that the suite's target can be tested.

    Raises:
        LabError: no kernel of the lab runs it, or its table is missing.
    """
    known = sorted({_DEFAULT_TARGET, *built}.intersection(machines()))
    if target not in known:
        raise LabError(f"the suite's target {target!r} is none of {', '.join(known)}")
    if target in built and target != has:
        raise LabError(
            f"the suite's target is {target}, but there is no table {target}"
        )


@dataclass(frozen=True, slots=True)
class _Revision:
    """An entry of the table of a kind of target; without a kind there is none."""

    kind: Kind | None
    entry: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.entry.get("name", ""))

    @property
    def target(self) -> str:
        return "" if self.kind is None else self.kind.name

    def _values(self, folder: Path) -> Iterator[tuple[Option, Any]]:
        if self.kind is None or self.kind.build is None:
            return
        for key, option in self.kind.build.table.items():
            if key in self.entry:
                yield option, _value(option, self.entry[key], key, folder)

    def addition(self, folder: Path) -> Addition | None:
        if self.kind is None or self.kind.build is None:
            return None
        values = {option.name: value for option, value in self._values(folder)}
        return self.kind.build.addition(values)

    def words(self, folder: Path) -> tuple[str, ...]:
        """Return the options of the suite: those of the build alone are none."""
        if self.kind is None:
            return ()
        return tuple(
            f"{option.flag}={value}"
            for option, value in self._values(folder)
            if option in self.kind.options
        )


def _value(option: Option, value: object, key: str, folder: Path) -> Any:
    """Return the value of an option; a path is one beside the file.

    Raises:
        LabError: it is none of the choices.
    """
    choices = option.settings.get("choices")
    if choices is not None and value not in choices:
        raise LabError(f"the {key} {value!r} is none of {', '.join(choices)}")
    if option.settings.get("type") is Path:
        return folder / Path(str(value)).expanduser()
    return value


def _revisions(known: Mapping[str, Any], built: Mapping[str, Kind]) -> list[_Revision]:
    found = [
        _Revision(kind, entry)
        for name, kind in built.items()
        if kind.build is not None
        for entry in _entries(
            known, name, {"name", *kind.build.table}, kind.build.required
        )
    ]
    return found or [_Revision(None, {})]


def _entries(
    known: Mapping[str, Any],
    table: str,
    keys: frozenset[str] | set[str],
    required: frozenset[str] | set[str] = frozenset(),
) -> list[Mapping[str, Any]]:
    entries: list[Mapping[str, Any]] = known.get(table, [])
    if not isinstance(entries, list):
        raise LabError(f"{table} is one table; write [[{table}]]")
    names = []
    for number, entry in enumerate(entries, 1):
        what = f"{table} {number}"
        _no_others(entry, keys, what)
        for needed in ("name", *sorted(required)):
            if not isinstance(entry.get(needed), str):
                raise LabError(f"{what} has no {needed}")
        names.append(entry["name"])
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LabError(f"{table} {twice[0]} is there twice")
    return entries


def _no_others(
    entry: Mapping[str, Any], keys: frozenset[str] | set[str], what: str
) -> None:
    others = sorted(entry.keys() - keys)
    if others:
        raise LabError(
            f"{what} has an unknown key {others[0]}",
            hint=f"known: {', '.join(sorted(keys))}",
        )


def _order(
    one: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path,
    addition: Addition | None,
    base: tuple[str, ...],
) -> Order:
    """Make the order of a combination; paths are those beside the file."""
    in_vm = one.get("in_vm", False)
    if not isinstance(in_vm, bool):
        raise LabError(f"kernel {one['name']}: in_vm is {in_vm!r}, not true or false")
    source = one["source"]
    beside = folder / Path(source).expanduser()
    return Order(
        str(beside) if beside.exists() else source,
        tuple(folder / Path(patch).expanduser() for patch in one.get("patches", ())),
        tuple(_fragment(name, folder) for name in settings.get("fragments", ())),
        addition,
        in_vm=in_vm,
        base=base,
    )


def _fragment(name: str, folder: Path) -> str:
    return str(folder / name) if (folder / name).is_file() else name


def command(row: Row) -> list[str]:
    """Return how the suite is run against a combination."""
    words = [sys.executable, "-m", "pytest", "suites/conformance", "-q"]
    words += [f"--target={row.target}", f"--kernel={row.name}", *row.words]
    verdicts = row.results.resolve() / VERDICTS
    return [*words, f"--verdicts={verdicts}", *row.arguments]
