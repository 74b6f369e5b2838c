# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a matrix file: kernels, additions, configurations, targets and parts."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from suites.matrix import choices
from suites.matrix.choices import Part, Tested
from suites.matrix.folder import VERDICTS
from targets.kind import Kind, Option
from vmlab import cache
from vmlab.build.addition import Addition
from vmlab.build.kernel import Order
from vmlab.errors import LabError

PACKAGED = "packaged"
"""The source of a kernel that is Debian's own package: nothing is built."""
_KERNEL = frozenset({"name", "source", "patches", "in_vm", "configs"})
_CONFIG = frozenset({"name", "fragments"})


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True, slots=True)
class Row:
    """One combination."""

    name: str
    order: Order | None
    """The kernel to build; None for a target without one, or for Debian's package."""
    target: str
    words: tuple[str, ...]
    """Options of the suite that the target needs."""
    arguments: tuple[str, ...]
    """Further arguments of the suite."""
    results: Path
    """The row's folder, below the current one."""
    suite: str = "conformance"
    cores: int = 1
    """How many processors it keeps busy."""
    memory: int = 0
    """How much memory it takes, in MiB."""
    checks: tuple[str, ...] = ()
    """The checks that run alone, as node IDs below the suite's folder."""

    @property
    def made_from(self) -> str:
        """The hash of the tested configuration; named files count by their paths."""
        tested = (self.arguments, self.suite, self.checks)
        parts = (self.order, self.target, self.words, *tested)
        return cache.key(row=repr(parts))


def load(path: Path, base: tuple[str, ...] = ()) -> list[Row]:
    """Return all combinations of a file.

    Args:
        path: the file.
        base: kernel options that every kernel gets (see `Order.base`).

    Raises:
        LabError: it cannot be read, or an entry is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from error
    folder = path.resolve().parent
    try:
        loaded = list(_rows(tables, folder, base))
    except LabError as error:
        raise LabError(f"{path}: {error.message}", hint=error.hint) from error
    return [
        replace(row, target=str(folder / row.target)) if _is_file(row.target) else row
        for row in loaded
    ]


def _is_file(target: str) -> bool:
    return target.endswith(".toml") and not target.startswith("iscsi://")


def _rows(
    tables_of_file: Mapping[str, Any], folder: Path, base: tuple[str, ...]
) -> Iterator[Row]:
    built = choices.built()
    tables = ("kernel", *built, "config", "target", "part", "suite")
    unknown = sorted(tables_of_file.keys() - set(tables))
    if unknown:
        raise LabError(
            f"there is no table {unknown[0]}", hint=f"known: {', '.join(tables)}"
        )
    kernels = choices.entries(tables_of_file, "kernel", _KERNEL, {"source"})
    configs = choices.entries(tables_of_file, "config", _CONFIG) or [{"name": "plain"}]
    revisions = _revisions(tables_of_file, built)
    # A file without targets means the target of its table of revisions.
    default = revisions[0].target
    has_kernels = bool(kernels)
    combined = [
        (kernel, revision, settings)
        for kernel, revision, settings in product(kernels, revisions, configs)
        if settings["name"] in _configs_of(kernel, configs)
        and not (_is_packaged(kernel, folder) and settings.get("fragments"))
    ]
    seen: set[str] = set()
    for tested, part in product(
        choices.tested(tables_of_file, default, has_kernels=has_kernels),
        choices.parts(tables_of_file),
    ):
        for row in (
            _with_kernels(combined, tested, part, folder, base)
            if tested.takes_kernel
            else [_row([], None, tested, part)]
        ):
            if row.name in seen:
                raise LabError(f"two rows are named {row.name}")
            seen.add(row.name)
            yield row


def _with_kernels(
    combined: Sequence[tuple[Mapping[str, Any], "_Revision", Mapping[str, Any]]],
    tested: Tested,
    part: Part,
    folder: Path,
    base: tuple[str, ...],
) -> Iterator[Row]:
    if not combined:
        raise LabError(
            f"no kernel is left for the target {tested.name}",
            hint=f'a kernel with source = "{PACKAGED}" takes no fragments',
        )
    alone: set[tuple[str, str]] = set()
    for one, revision, settings in combined:
        if not tested.accepts(revision.target):
            # With several targets, a revision is combined with its own kind only.
            if (one["name"], settings["name"]) in alone:
                continue
            alone.add((one["name"], settings["name"]))
            revision = _Revision(None, {})  # noqa: PLW2901
        names = [one["name"], *filter(None, [revision.name]), settings["name"]]
        is_its = tested.kind == revision.target
        words = revision.words(folder) if is_its else ()
        order = (
            None
            if _is_packaged(one, folder)
            else _order(one, settings, folder, revision.addition(folder), base)
        )
        yield _row(names, order, tested, part, words)


def _row(
    names: Sequence[str],
    order: Order | None,
    tested: Tested,
    part: Part,
    words: tuple[str, ...] = (),
) -> Row:
    name = "_".join([*names, *filter(None, [tested.name, part.name])])
    # The name becomes a folder, and an argument on other programs' command lines.
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is not a valid name for a row",
            hint="letters, digits, '.', '_' and '-' are",
        )
    return Row(
        name,
        order,
        tested.kind,
        words,
        (*part.common, *tested.arguments, *part.arguments),
        Path("results") / "matrix" / name,
        part.suite,
        tested.cores,
        tested.memory,
    )


def _configs_of(
    kernel: Mapping[str, Any], configs: Sequence[Mapping[str, Any]]
) -> Sequence[str]:
    """Return the names of the configurations that a kernel is combined with.

    Raises:
        LabError: it names one that the file does not have.
    """
    every = [settings["name"] for settings in configs]
    if "configs" not in kernel:
        return every
    what = f"kernel {kernel['name']}"
    chosen = choices.texts(kernel, "configs", what)
    if not chosen:
        raise LabError(f"{what}: configs is empty", hint="leave it out for all of them")
    for name in chosen:
        if name not in every:
            raise LabError(
                f"{what}: there is no config {name}", hint=f"known: {', '.join(every)}"
            )
    return chosen


def _is_packaged(kernel: Mapping[str, Any], folder: Path) -> bool:
    """Tell whether a kernel is Debian's package.

    Raises:
        LabError: it asks for something that is built.
    """
    if kernel["source"] != PACKAGED or (folder / PACKAGED).exists():
        return False
    extra_keys = sorted(kernel.keys() & {"patches", "in_vm"})
    if extra_keys:
        raise LabError(
            f"kernel {kernel['name']} is Debian's package: there is no {extra_keys[0]}",
            hint='source = "debian" builds it from Debian\'s sources',
        )
    return True


@dataclass(frozen=True, slots=True)
class _Revision:
    """An entry of the table of a kind of target; the default if there is no kind."""

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
        """Return the options of the suite, without those of the build alone."""
        if self.kind is None:
            return ()
        return tuple(
            f"{option.flag}={value}"
            for option, value in self._values(folder)
            if option in self.kind.options
        )


def _value(option: Option, value: object, key: str, folder: Path) -> Any:
    """Return the value of an option; a path is relative to the file.

    Raises:
        LabError: it is not one of the choices.
    """
    choices_of_option = option.settings.get("choices")
    if choices_of_option is not None and value not in choices_of_option:
        raise LabError(
            f"the {key} {value!r} is not one of {', '.join(choices_of_option)}"
        )
    if option.settings.get("type") is Path:
        return folder / Path(str(value)).expanduser()
    return value


def _revisions(tables: Mapping[str, Any], built: Mapping[str, Kind]) -> list[_Revision]:
    revisions = [
        _Revision(kind, entry)
        for name, kind in built.items()
        if kind.build is not None
        for entry in choices.entries(
            tables, name, {"name", *kind.build.table}, kind.build.required
        )
    ]
    return revisions or [_Revision(None, {})]


def _order(
    one: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path,
    addition: Addition | None,
    base: tuple[str, ...],
) -> Order:
    """Return the build order of a combination; paths are relative to the file."""
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
    """Return the arguments with which the suite runs against a combination."""
    chosen = [f"suites/{row.suite}/{check}" for check in row.checks]
    words = [sys.executable, "-m", "pytest", *(chosen or [f"suites/{row.suite}"]), "-q"]
    words.append(f"--target={row.target}")
    if row.order is not None:
        words.append(f"--kernel={row.name}")
    words += row.words
    verdicts = row.results.resolve() / VERDICTS
    return [*words, f"--verdicts={verdicts}", *row.arguments]
