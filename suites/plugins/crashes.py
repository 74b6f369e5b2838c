# SPDX-License-Identifier: GPL-2.0-only
"""Known crashes of known targets: races that one check provokes and any may meet."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from suites.plugins.deviations import DeviationFileError, is_listed

_FUNCTION = re.compile(r"(?<!\? )\b([A-Za-z_]\w*)(?:\.\w+)*\+0x[0-9a-f]+/0x[0-9a-f]+")
"""A place in a kernel's report. What has a question mark is no sure part of it."""

_TOOLS = (
    *("_raw_spin_", "native_queued_spin_", "queued_spin_", "__list_"),
    *("__schedule", "schedule", "__wait_for_common", "wait_for_completion"),
)
"""Locks, lists and waits fail by what they are given: the fault is their caller's."""


@dataclass(frozen=True, slots=True)
class Crash:
    """One entry: by what a crash is known, and in which checks it may strike.

    A race strikes now and then, so that nothing is amiss where it does not show.
    """

    requirement: str
    checks: tuple[str, ...]
    """Node IDs below suites/conformance, with shell wildcards."""
    what: str
    why: str
    version: str
    functions: tuple[str, ...] = ()
    """The functions that the report names: the one that crashed, then who called it.

    The first alone says little where it is called from everywhere.
    """
    says: str = ""
    """A part of what the target says first of its end."""
    provoked_by: tuple[str, ...] = ()
    """The checks that do so: another try would most likely end the same way."""

    def __post_init__(self) -> None:
        """Refuse a crash without a signature, which every other would be.

        Raises:
            ValueError: it has none.
        """
        if not self.functions and not self.says:
            raise ValueError("neither functions nor says: it would be any crash")

    def is_provoked_by(self, check: str) -> bool:
        """Tell whether a check provokes it, rather than meets it."""
        return is_listed(check, self.provoked_by)

    def explains(self, check: str, reason: str, report: str) -> bool:
        """Tell whether this is what ended the target.

        Args:
            check: the check that ran, below suites/conformance.
            reason: how the target ended, in one line.
            report: all that it told of it.
        """
        named = functions_of(report)
        return (
            is_listed(check, self.checks)
            and self.says in reason
            and (not self.functions or named[:1] == [self.functions[0]])
            and set(self.functions) <= set(named)
        )


def functions_of(report: str) -> list[str]:
    """Return the functions that a kernel's report names, the one that crashed first."""
    named = dict.fromkeys(_FUNCTION.findall(report))
    return [name for name in named if not name.startswith(_TOOLS)]


def load(path: Path) -> list[Crash]:
    """Return the known crashes in a file of deviations that can be read.

    Raises:
        DeviationFileError: an entry lacks a field, or has no signature.
    """
    found = []
    for number, entry in enumerate(tomllib.loads(path.read_text()).get("crash", []), 1):
        try:
            lists = {
                "checks": tuple(entry["checks"]),
                "functions": tuple(entry.get("functions", ())),
                "provoked_by": tuple(entry.get("provoked_by", ())),
            }
            found.append(Crash(**{**entry, **lists}))
        except (KeyError, TypeError, ValueError) as error:
            raise DeviationFileError(
                f"{path}: crash {number} ({entry.get('requirement')}): {error}"
            ) from error
    return found
