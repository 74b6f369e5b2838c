# SPDX-License-Identifier: GPL-2.0-only
"""Stack traces of a kernel: their frames, and the source lines behind them."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache as kept
from pathlib import Path

from vmlab import cache
from vmlab.errors import LabError
from vmlab.tool import run

KERNEL = "vmlinux"
"""The name of the kernel itself among modules."""

_FRAME = re.compile(
    r"(?P<function>[A-Za-z_][\w.$]*)\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)"
    r"(?: \[(?P<module>\w+)[^\]\n]*\])?"
)
_STAMP = re.compile(r"(?:<\d>)?(?:\[ *\d+\.\d+\])?(?:\[ *[TC]\d+\])?\s*")
_EXACT = re.compile(r"RIP: |WARNING: CPU")
"""Frames at the exact instruction; all others are return addresses."""

_SYMBOL = re.compile(
    r"^(?P<address>[0-9a-f]{16}) .{6}(?P<kind>.) (?P<section>\S+)\t"
    r"(?P<size>[0-9a-f]{16}) (?:\.hidden )?(?P<name>\S+)$",
    re.MULTILINE,
)
_ALIGNMENT = 64
"""The kernel counts the padding up to the next function as part of a function."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in the code, as a trace names it."""

    function: str
    offset: int
    size: int
    module: str
    """The module, or `vmlinux` for the kernel itself."""
    is_exact: bool = False
    """Whether it is the exact instruction, rather than the one after a call."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of source."""

    function: str
    line: str
    """The file and the number."""


def decode(text: str, files: Mapping[str, Path]) -> str:
    """Return a console's text with source lines beside the frames.

    An inlined function has its own line before that of the function that contains it,
    as if it had been called.

    Args:
        text: the output of the console.
        files: the files with debug information, of modules and of `vmlinux`.
    """
    lines = text.splitlines(keepends=True)
    frames = {frame for line in lines for frame in _frames(line)}
    modules = sorted({frame.module for frame in frames})
    missing = [module for module in modules if module not in files]
    notes = []
    places: dict[Frame, Sequence[Place]] = {}
    try:
        for module in modules:
            if module not in missing:
                of_module = [frame for frame in frames if frame.module == module]
                places |= _look_up(files[module], of_module)
    except LabError as error:
        notes.append(f"[not decoded: {error}]\n")
    if missing:
        notes.append(f"[not decoded: no debug information of {', '.join(missing)}]\n")
    end = "\n" if notes and not text.endswith("\n") else ""
    return "".join([*(_explain(line, places) for line in lines), end, *notes])


def _frames(line: str) -> list[Frame]:
    return [_frame(match, line) for match in _FRAME.finditer(line)]


def _frame(match: re.Match[str], line: str) -> Frame:
    return Frame(
        match["function"],
        int(match["offset"], 16),
        int(match["size"], 16),
        match["module"] or KERNEL,
        is_exact=_EXACT.search(line) is not None,
    )


def _explain(line: str, places: Mapping[Frame, Sequence[Place]]) -> str:
    """Return a line of a trace with the source lines of its frames."""
    stamp = _STAMP.match(line)
    margin = stamp[0] if stamp else ""
    inlined: list[str] = []

    def neighbours(match: re.Match[str]) -> str:
        calls = places.get(_frame(match, line), ())
        inlined.extend(
            f"{margin}{one.function} (inlined, {one.line})\n" for one in calls[:-1]
        )
        return f"{match[0]} ({calls[-1].line})" if calls else match[0]

    explained = _FRAME.sub(neighbours, line)
    return "".join([*inlined, explained])


def _look_up(path: Path, frames: Iterable[Frame]) -> dict[Frame, Sequence[Place]]:
    """Return the places of a module's frames, the innermost first.

    Raises:
        LabError: a tool is missing, or cannot read the file.
    """
    sections: dict[str, dict[Frame, int]] = {}
    symbols = _symbols(path)
    for frame in frames:
        symbol = _start(frame, symbols)
        if symbol is not None:
            section, start = symbol
            # A return address may belong to the next line, so look one byte before it.
            within = frame.offset - (not frame.is_exact and frame.offset > 0)
            sections.setdefault(section, {})[frame] = start + within
    return {
        frame: calls
        for section, addresses in sections.items()
        for frame, calls in _places(path, section, addresses).items()
    }


@dataclass(frozen=True, slots=True)
class _Symbol:
    section: str
    address: int
    size: int


@kept
def _symbols(path: Path) -> Mapping[str, Sequence[_Symbol]]:
    """Return the functions of a file, which does not change."""
    functions: dict[str, list[_Symbol]] = {}
    printed = run("objdump", "--syms", "--wide", path)
    for match in _SYMBOL.finditer(printed):
        # An assembler symbol may have no type.
        if match["kind"] in "F ":
            symbol = _Symbol(
                match["section"], int(match["address"], 16), int(match["size"], 16)
            )
            functions.setdefault(match["name"], []).append(symbol)
    return functions


def _start(
    frame: Frame, symbols: Mapping[str, Sequence[_Symbol]]
) -> tuple[str, int] | None:
    """Return the section and address of a frame's function; of several, by its size."""
    candidates = symbols.get(frame.function, ())
    fitting = [
        one
        for one in candidates
        if not one.size or 0 <= frame.size - one.size < _ALIGNMENT
    ]
    nearest = sorted(fitting, key=lambda one: frame.size - one.size)
    if not nearest:
        return None
    is_clear = len(nearest) == 1 or nearest[0].size > nearest[1].size
    return (nearest[0].section, nearest[0].address) if is_clear else None


def _places(
    path: Path, section: str, addresses: Mapping[Frame, int]
) -> dict[Frame, Sequence[Place]]:
    words = ["--exe", str(path), "--inlines", "--functions", "--addresses"]
    if path.suffix == ".ko":
        # The sections of a module have no addresses yet.
        words += ["--section", section]
    arguments = [f"{address:#x}" for address in addresses.values()]
    printed = run("addr2line", *words, *arguments)
    answers = re.split(r"^0x[0-9a-f]+\n", printed, flags=re.MULTILINE)[1:]
    return {
        frame: calls
        for frame, answer in zip(addresses, answers, strict=True)
        if (calls := _places_of(answer.splitlines()))
    }


def _places_of(answer: Sequence[str]) -> list[Place]:
    pairs = zip(answer[::2], answer[1::2], strict=True)
    return [
        Place(function, _shorten(line.partition(" (")[0]))
        for function, line in pairs
        if not line.startswith("??") and not line.endswith(":?")
    ]


def _shorten(line: str) -> str:
    """Return the path of a line's file in the kernel's sources."""
    path = os.path.normpath(line)
    base = re.escape(str(cache.folder()))
    return re.sub(rf"^{base}/[\w-]+/(?:\.making-\w+/it|[0-9a-f]+)/", "", path)
