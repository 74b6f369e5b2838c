# SPDX-License-Identifier: GPL-2.0-only
"""Ranges of versions, such as ">=3.7, <3.11"."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

_Numbers = tuple[int, ...]

_OPERATORS: dict[str, Callable[[_Numbers, _Numbers], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"(>=|<=|==|!=|>|<) *(\d+(?:\.\d+)*)")
_VERSION = re.compile(r"\d+(?:\.\d+)*")


def numbers_of(version: str) -> _Numbers:
    """Return the numbers of a version: "Linux 6.1.0-56" has (6, 1, 0).

    Only the first group of numbers with dots between them counts.
    """
    match = _VERSION.search(version)
    return tuple(map(int, match[0].split("."))) if match else ()


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Conditions that all hold for the versions of a range."""

    conditions: tuple[tuple[str, _Numbers], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "VersionRange":
        """Return the range that a text describes; an empty text means all versions.

        Raises:
            ValueError: the text is not a list of conditions.
        """
        conditions = []
        for part in text.split(",") if text.strip() else []:
            match = _CONDITION.fullmatch(part.strip())
            if match is None:
                raise ValueError(
                    f"{part.strip()!r} is not a condition such as '>=3.7' (separate "
                    "several by commas)"
                )
            conditions.append((match[1], numbers_of(match[2])))
        return cls(tuple(conditions))

    def holds(self, version: str) -> bool:
        """Tell whether a version is in the range; one without numbers always is.

        A version is compared in as many places as the condition has: 6.1.90 is `==6.1`,
        and not `>6.1`.
        """
        numbers = numbers_of(version)
        return not numbers or all(
            _OPERATORS[sign](_cut(numbers, len(bound)), bound)
            for sign, bound in self.conditions
        )


def _cut(version: _Numbers, length: int) -> _Numbers:
    """Return a version with some number of places; missing ones are zero."""
    return (*version, *(0,) * length)[:length]
