# SPDX-License-Identifier: GPL-2.0-only
"""Known deviations of known targets: data in suites/deviations, each with its proof."""

import fnmatch
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "deviations"


class DeviationFileError(ValueError):
    """A deviation file that cannot be read; one line that names file and entry."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One entry: what a target is known to do otherwise, and the proof."""

    requirement: str
    checks: tuple[str, ...]
    """Node IDs below suites/conformance, with shell wildcards."""
    what: str
    why: str
    version: str
    """The version of the target in which it was seen."""
    always: bool = True
    """False for what shows only sometimes, such as the outcome of a race."""

    restarts: bool = False
    """True where the target is no good any more after it, though it lives.

    So too where it has not died yet and still may (`dies`).
    """
    dies: str = ""
    """Where the target dies of it, a part of what is then known of its end.

    It may do so only when the check's work is done.
    """

    def concerns(self, check: str) -> bool:
        """Tell whether a check is listed here."""
        return is_listed(check, self.checks)


def is_listed(check: str, patterns: Iterable[str]) -> bool:
    """Tell whether a check is meant: itself, all of its parameters, or by wildcards."""
    return any(
        check == pattern
        or check.split("[", maxsplit=1)[0] == pattern
        or fnmatch.fnmatchcase(check, pattern.replace("[", "[[]"))
        for pattern in patterns
    )


def load(path: Path) -> list[Deviation]:
    """Return the known deviations in a file.

    Raises:
        DeviationFileError: it cannot be read or is no TOML, or an entry lacks a field.
    """
    try:
        entries = tomllib.loads(path.read_text()).get("deviation", [])
    except tomllib.TOMLDecodeError as error:
        raise DeviationFileError(f"{path}: {error}") from error
    except OSError as error:
        raise DeviationFileError(f"{path}: {error.strerror}") from error
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(
                Deviation(**{**entry, "checks": tuple(entry["checks"])}),
            )
        except (KeyError, TypeError) as error:
            raise DeviationFileError(
                f"{path}: deviation {number} ({entry.get('requirement')}): {error}"
            ) from error
    return found
