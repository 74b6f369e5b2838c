# SPDX-License-Identifier: GPL-2.0-only
"""Kernel configurations: fragments are merged, and the result is checked."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vmlab.errors import LabError

_FOLDER = Path(__file__).parent / "presets"
ALWAYS = ("base",)
"""The presets of every kernel, which it needs to boot in the lab."""
DEBUG = "debug"
"""The preset with the debug information for decoding stack traces."""
_SANITIZERS = frozenset({"kasan", "lockdep", "kmemleak", "ubsan"})

_SET = re.compile(r"(CONFIG_\w+)=(.+)")
_UNSET = re.compile(r"# (CONFIG_\w+) is not set")


_ADDED: dict[str, Path] = {}


def add_preset(name: str, path: Path) -> None:
    """Add a preset of another package (see `vmlab.extension`)."""
    _ADDED[name] = path


def presets() -> dict[str, Path]:
    """Return the named fragments: the lab's own and the added ones."""
    own = {path.stem: path for path in sorted(_FOLDER.glob("*.config"))}
    return own | _ADDED


def with_debug(names: Sequence[str]) -> tuple[str, ...]:
    """Return fragments, preceded by debug information if they enable a sanitizer."""
    needed = DEBUG not in names and not _SANITIZERS.isdisjoint(names)
    return (*((DEBUG,) if needed else ()), *names)


def find(name: str) -> Path:
    """Return a fragment: a preset or the user's own file.

    Raises:
        LabError: it is neither.
    """
    own = presets().get(name)
    if own is not None:
        return own
    path = Path(name)
    if not path.is_file():
        raise LabError(
            f"there is no configuration {name}",
            hint=f"give a file, or one of {', '.join(presets())}",
        )
    return path


def parse(text: str, origin: str) -> dict[str, str]:
    """Return the options of a fragment; an option that is not set has the value n.

    Raises:
        LabError: a line is neither an option nor a comment.
    """
    options = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if option := _SET.fullmatch(line):
            options[option[1]] = option[2]
        elif option := _UNSET.fullmatch(line):
            options[option[1]] = "n"
        elif line and not line.startswith("#"):
            raise LabError(
                f"{origin}, line {number}: {line!r} is not a configuration option"
            )
    return options


def merge(names: Iterable[str]) -> dict[str, str]:
    """Return the options of several fragments; later ones override earlier ones.

    Raises:
        LabError: a fragment is missing or cannot be read.
    """
    merged: dict[str, str] = {}
    for name in names:
        path = find(name)
        merged |= parse(path.read_text(errors="replace"), str(path))
    return merged


def render(options: Mapping[str, str]) -> str:
    """Return options as lines of a .config."""
    lines = (
        f"# {name} is not set" if value == "n" else f"{name}={value}"
        for name, value in options.items()
    )
    return "\n".join(lines) + "\n"


def override(text: str, options: Mapping[str, str]) -> str:
    """Return a .config with changed options."""
    lines = [
        line
        for line in text.splitlines()
        if not (match := _SET.fullmatch(line) or _UNSET.fullmatch(line))
        or match[1] not in options
    ]
    return "\n".join(lines) + "\n" + render(options)


def check(
    options: Mapping[str, str],
    text: str,
    tree: Path,
    optional: Collection[str] = (),
) -> None:
    """Check that every requested option is in the configuration.

    Args:
        options: the requested options.
        text: the resulting .config of the kernel.
        tree: the kernel's sources, in which the reason is searched.
        optional: the options that may be missing if a kernel does not have them.

    Raises:
        LabError: an option is missing; the error names each and the reason.
    """
    actual = parse(text, ".config")
    dropped = {
        name: value for name, value in options.items() if actual.get(name, "n") != value
    }
    if not dropped:
        return
    names = {name.removeprefix("CONFIG_") for name in dropped}
    existing = {f"CONFIG_{name}" for name in _known(tree, names)}
    lines = [
        f"{name}={value} became {actual.get(name, 'n')} "
        f"({_reason(value, name in existing)})"
        for name, value in dropped.items()
        if name in existing or name not in optional
    ]
    if not lines:
        return
    raise LabError(
        f"the kernel does not take {lines[0]}"
        + (f" and {len(lines) - 1} more" if len(lines) > 1 else ""),
        log="\n".join(lines[1:]),
    )


def _reason(value: str, is_known: bool) -> str:
    if not is_known:
        return "this kernel has no such option"
    return "others need it" if value == "n" else "what it needs is not set"


def _known(tree: Path, names: set[str]) -> Iterator[str]:
    """Return which of some options a kernel has."""
    pattern = re.compile(r"^\s*(?:menu)?config\s+(\w+)\s*$", re.MULTILINE)
    for path in tree.rglob("Kconfig*"):
        if path.is_file():
            options = pattern.findall(path.read_text(errors="replace"))
            yield from names.intersection(options)
