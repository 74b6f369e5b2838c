# SPDX-License-Identifier: GPL-2.0-only
"""What is known about a target: deviations and crashes, each listed with its proof.

A file in suites/deviations, or of `--deviations`, is TOML in the form of `Known`.
"""

import fnmatch
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from reports.model import Ending, Failure
from reports.printable import one_line
from suites.judging.versions import VersionRange


class KnownFileError(ValueError):
    """The file cannot be used; one line names the file, the entry and the key."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What deviations and crashes have in common."""

    requirement: str
    """The ID of the clause that the target breaks."""
    checks: tuple[str, ...]
    """Node IDs below the folder of the suite, with shell wildcards."""
    what: str
    """What the target does."""
    why: str
    """Why that is wrong."""
    version: str
    """The version of the target in which it was observed."""
    versions: str = ""
    """The versions that have it, such as ">=3.7, <3.11"; empty for all.

    The entry does not apply to other versions. It applies if the version is unknown.
    """
    link: str = ""
    """Where the bug is tracked."""

    def concerns(self, check: str, version: str = "") -> bool:
        """Tell whether a check of a target of some version is listed here."""
        return is_listed(check, self.checks) and self.applies_to(version)

    def applies_to(self, version: str) -> bool:
        """Tell whether a version of the target has it."""
        return VersionRange.parse(self.versions).holds(version)


class Deviation(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known deviation of a target."""

    always: bool = True
    """False if it shows only sometimes, such as the outcome of a race."""
    restarts: bool = False
    """True if the target must be restarted afterwards, although it still runs."""
    dies: str = ""
    """If the target dies from it: a part of its last output, or of its crash report.

    It may also die after the check's work is done.
    """
    expected: str = ""
    """What the check expected, in the words of the finding; empty for any expectation.

    With `answer`, it lets one entry list a race for every check that may hit it.
    """
    answer: str = ""
    """The normalised answer, as `run.json` has it; empty for any answer."""

    @property
    def is_narrow(self) -> bool:
        """Whether it explains only some failures of its checks."""
        return bool(self.expected or self.answer)

    def explains(self, ending: Ending | None, failure: Failure | None = None) -> bool:
        """Tell whether it explains how a check failed.

        A deviation without `dies` never explains a death, and one with `dies` explains
        nothing else.

        Args:
            ending: how the target died; None if it lives.
            failure: the failed expectation.
        """
        if ending is not None:
            return bool(self.dies) and self.dies in ending.reason + ending.report
        if self.dies or not self.is_narrow:
            return not self.dies
        return failure is not None and (
            self.expected in ("", *failure.expected)
            and self.answer in ("", failure.answer)
        )


class KnownCrash(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern for crashes, and the checks in which they may occur.

    A race occurs now and then, so a run without it is as good.
    """

    functions: tuple[str, ...] = ()
    """The functions in the report: the one that crashed, then its callers.

    The first alone says little if many functions call it.
    """
    says: str = ""
    """A part of the first line of the report."""
    provoked_by: tuple[str, ...] = ()
    """The checks that provoke it, so that a second try would most likely end the same
    way."""

    def is_provoked_by(self, check: str) -> bool:
        """Tell whether a check provokes it, rather than runs into it."""
        return is_listed(check, self.provoked_by)

    def explains(self, ending: Ending) -> bool:
        """Tell whether the target ended in this way."""
        return (
            self.says in ending.reason
            and (not self.functions or ending.functions[:1] == self.functions[:1])
            and set(self.functions) <= set(ending.functions)
        )


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a file."""

    deviation: tuple[Deviation, ...] = ()
    crash: tuple[KnownCrash, ...] = ()


def is_listed(check: str, patterns: Iterable[str]) -> bool:
    """Tell whether a pattern matches a check, which may have parameters."""
    return any(
        check == pattern
        or check.split("[", maxsplit=1)[0] == pattern
        or fnmatch.fnmatchcase(check, pattern.replace("[", "[[]"))
        for pattern in patterns
    )


def load(path: Path, requirements: Collection[str]) -> Known:
    """Return the entries of a file.

    Args:
        path: the file.
        requirements: the IDs of the catalogue.

    Raises:
        KnownFileError: it cannot be read, or an entry is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnownFileError(f"{path}: {error}") from error
    except OSError as error:
        raise KnownFileError(f"{path}: {error.strerror}") from error
    try:
        known = msgspec.convert(content, Known)
    except msgspec.ValidationError as error:
        # The file chooses the name of an unknown key, so escape it.
        words = one_line(_words(str(error), content))
        raise KnownFileError(f"{path}: {words}") from error
    for place, entry in _entries(known):
        problem = _wrong(entry, requirements)
        if problem:
            raise KnownFileError(f"{path}: {place}: {problem}")
    return known


def unmatched(
    known: Known, checks: Collection[str], others: Collection[str] = ()
) -> str:
    """Return one line about a pattern that matches no check; or an empty text.

    Args:
        known: the entries of a file.
        checks: the node IDs of checks with all of their parameters.
        others: the checks whose parameters are unknown, without parameters.
    """
    names = {*checks, *(check.split("[", maxsplit=1)[0] for check in checks)}
    for place, entry in _entries(known):
        lists = {"checks": entry.checks}
        if isinstance(entry, KnownCrash):
            lists["provoked_by"] = entry.provoked_by
        for key, patterns in lists.items():
            for pattern in patterns:
                if pattern in names:
                    continue
                if any(is_listed(check, [pattern]) for check in checks):
                    continue
                if not any(_may_list(pattern, other) for other in others):
                    return f"{place}: {key}: no check matches {pattern!r}"
    return ""


def _may_list(pattern: str, function: str) -> bool:
    """Tell whether a pattern may match a check with any parameters."""
    head, bracket, _ = pattern.partition("[")
    if not bracket and pattern.endswith("]") and "*" in pattern:
        # The last wildcard may stand for the opening bracket.
        head = pattern[: pattern.rindex("*") + 1]
    return fnmatch.fnmatchcase(function, head)


def _entries(known: Known) -> Iterable[tuple[str, Entry]]:
    """Yield every entry with a description of its place."""
    lists: tuple[tuple[str, tuple[Entry, ...]], ...] = (
        ("deviation", known.deviation),
        ("crash", known.crash),
    )
    for name, entries in lists:
        for number, entry in enumerate(entries, 1):
            yield f"{name} {number} ({one_line(entry.requirement)})", entry


def _wrong(entry: Entry, requirements: Collection[str]) -> str:
    """Return what is wrong with an entry whose types are right; or an empty text."""
    if entry.requirement not in requirements:
        return "requirement: there is no requirement of this ID"
    if not entry.checks:
        return "checks: it lists no check"
    if isinstance(entry, Deviation) and entry.dies and entry.is_narrow:
        return "dies: a death has neither `expected` nor `answer`"
    if isinstance(entry, KnownCrash) and not entry.functions and not entry.says:
        return "neither functions nor says: it would explain any crash"
    try:
        VersionRange.parse(entry.versions)
    except ValueError as error:
        return f"versions: {error}"
    return ""


_AT = " - at `$"
"""What msgspec prints before the path of a wrong value."""


def _words(error: str, content: Mapping[str, object]) -> str:
    """Return msgspec's message, with the entry and the key instead of the path."""
    what, _, path = error.partition(_AT)
    path = path.removeprefix(".").removesuffix("`")
    place = re.match(r"(deviation|crash)\[(\d+)\]\.?(.*)", path)
    if place is None:
        return f"{path}: {what}" if path else what
    name, number, key = place[1], int(place[2]), place[3]
    entries = content[name]
    entry = entries[number] if isinstance(entries, list) else None
    identity = entry.get("requirement") if isinstance(entry, dict) else None
    identity = one_line(str(identity))
    return f"{name} {number + 1} ({identity}): {f'{key}: ' if key else ''}{what}"
