# SPDX-License-Identifier: GPL-2.0-only
"""The choices of a matrix file: targets, and parts of the suites."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import targets
from targets.kind import Kind
from targets.machines import machines
from vmlab.errors import LabError

_DEFAULT_TARGET = "lio"
"""The default targets of a file without a table of a kind of target."""
_SUITES = ("conformance", "robustness")
_SUITE = frozenset({"target", "arguments", "cores", "memory"})
_TARGET = frozenset({"name", "kind", "arguments", "cores", "memory"})
_PART = frozenset({"name", "suite", "arguments"})

_CORES, _MEMORY = (1, 2), (512, 1536)
"""The default memory of a row, without a machine and with one; in MiB."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A target of a matrix."""

    name: str
    """Its part of a row's name; empty if a file has one target for all rows."""
    kind: str
    """The value of --target."""
    arguments: tuple[str, ...]
    cores: int
    memory: int
    """In MiB."""
    takes_kernel: bool
    """Whether it runs on each kernel of the file."""

    def accepts(self, revision_of: str) -> bool:
        """Tell whether it is combined with revisions of a kind of target."""
        return not self.name or revision_of in ("", self.kind)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a suite."""

    name: str
    """Its part of a row's name; empty if a file has no parts."""
    suite: str
    common: tuple[str, ...]
    """Arguments of all rows."""
    arguments: tuple[str, ...]


def built() -> dict[str, Kind]:
    """Return the kinds of target that have a table."""
    return {
        name: kind for name, kind in targets.kinds().items() if kind.build is not None
    }


def tested(
    tables: Mapping[str, Any], revisions_of: str, *, has_kernels: bool
) -> list[Tested]:
    """Return the targets of a file.

    Args:
        tables: the file's tables.
        revisions_of: the kind of target of which the file has revisions, if any.
        has_kernels: whether the file names kernels.

    Raises:
        LabError: a table is wrong.
    """
    suite = tables.get("suite", {})
    refuse_unknown_keys(suite, _SUITE, "suite")
    entries_of = entries(tables, "target", _TARGET)
    if entries_of and "target" in suite:
        raise LabError("[suite] and [[target]] both name a target: keep one of them")
    if not entries_of:
        return [_of_suite(suite, revisions_of, has_kernels=has_kernels)]
    targets_found = []
    for entry in entries_of:
        kind = entry.get("kind", entry["name"])
        one = _tested(entry, kind, entry["name"], suite)
        if one.kind in built() and one.kind != revisions_of:
            raise LabError(
                f"the target {one.name} is {one.kind}, but there is no table {one.kind}"
            )
        if one.takes_kernel and not has_kernels:
            raise LabError(f"it names no kernel for the target {one.name}")
        targets_found.append(one)
    return targets_found


def _of_suite(
    suite: Mapping[str, Any], revisions_of: str, *, has_kernels: bool
) -> Tested:
    """Return the one target of a file without a table of targets.

    Raises:
        LabError: it does not run on kernels of the lab, or its table is missing.
    """
    target = suite.get("target", revisions_of or _DEFAULT_TARGET)
    lab = sorted({_DEFAULT_TARGET, *built()}.intersection(machines()))
    if not has_kernels:
        raise LabError("it names no kernel")
    if target not in lab:
        raise LabError(f"the suite's target {target!r} is not one of {', '.join(lab)}")
    if target in built() and target != revisions_of:
        raise LabError(
            f"the suite's target is {target}, but there is no table {target}"
        )
    return _tested(suite, target, "", {})


def _tested(
    entry: Mapping[str, Any], kind: object, name: str, common: Mapping[str, Any]
) -> Tested:
    kinds = targets.kinds()
    what = f"the target {name}" if name else "the suite"
    if not isinstance(kind, str) or not (
        kind in kinds or kind.startswith("iscsi://") or kind.endswith(".toml")
    ):
        raise LabError(f"{what}: {kind!r} is not one of {', '.join(kinds)}")
    takes_kernel = kind in kinds and any(
        option.name == "kernel" for option in kinds[kind].options
    )
    return Tested(
        name,
        kind,
        texts(entry, "arguments", what) if name else (),
        _number({**common, **entry}, "cores", _CORES[takes_kernel], what),
        _number({**common, **entry}, "memory", _MEMORY[takes_kernel], what),
        takes_kernel,
    )


def _number(entry: Mapping[str, Any], key: str, default: int, what: str) -> int:
    value = entry.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise LabError(f"{what}: {key} is {value!r}, not a number above 0")
    return value


def parts(tables: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a file; without any, one part that is the whole suite.

    Raises:
        LabError: a part is wrong.
    """
    common = texts(tables.get("suite", {}), "arguments", "the suite")
    parts_found = []
    for entry in entries(tables, "part", _PART):
        suite = entry.get("suite", _SUITES[0])
        if suite not in _SUITES:
            raise LabError(
                f"part {entry['name']}: {suite!r} is not one of {', '.join(_SUITES)}"
            )
        own = texts(entry, "arguments", f"part {entry['name']}")
        parts_found.append(Part(entry["name"], suite, common, own))
    return parts_found or [Part("", _SUITES[0], common, ())]


def texts(entry: Mapping[str, Any], key: str, what: str) -> tuple[str, ...]:
    """Return a list of strings of a table.

    Raises:
        LabError: it is something else.
    """
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise LabError(f"{what}: {key} is not a list of strings")
    return tuple(value)


def entries(
    tables: Mapping[str, Any],
    table: str,
    keys: frozenset[str] | set[str],
    required: frozenset[str] | set[str] = frozenset(),
) -> list[Mapping[str, Any]]:
    """Return the entries of a table that may be repeated; each has a name.

    Raises:
        LabError: one lacks a key, has an unknown one, or a name appears twice.
    """
    rows_found: list[Mapping[str, Any]] = tables.get(table, [])
    if not isinstance(rows_found, list):
        raise LabError(f"{table} is one table; write [[{table}]]")
    names = []
    for number, entry in enumerate(rows_found, 1):
        what = f"{table} {number}"
        refuse_unknown_keys(entry, keys, what)
        for needed in ("name", *sorted(required)):
            if not isinstance(entry.get(needed), str):
                raise LabError(f"{what} has no {needed}")
        names.append(entry["name"])
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LabError(f"{table} {twice[0]} appears twice")
    return rows_found


def refuse_unknown_keys(
    entry: Mapping[str, Any], keys: frozenset[str] | set[str], what: str
) -> None:
    """Check that a table has only known keys.

    Raises:
        LabError: it has an unknown key.
    """
    others = sorted(entry.keys() - keys)
    if others:
        raise LabError(
            f"{what} has an unknown key {others[0]}",
            hint=f"known: {', '.join(sorted(keys))}",
        )
