# SPDX-License-Identifier: GPL-2.0-only
"""Finds the smallest part of a row with which a check still fails, in few tries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from reports.model import Search
from suites.combining.arrays import Row
from suites.combining.offers import PLAIN, is_legal

MOST_TRIES = 16
"""Room for each parameter once, the plain row, the whole row and a few known rows."""


class Answer(Enum):
    """The result of a try."""

    FAILS = auto()
    """The check fails in the same way."""
    HOLDS = auto()
    """It passes, or fails in another way."""
    STOP = auto()
    """No time is left, or there is no target: further tries are useless."""


@dataclass(frozen=True, slots=True)
class Smallest:
    """The result of a search."""

    row: Row
    """The smallest row with which the check failed in the tries."""
    search: Search
    tries: int


def reduce(
    row: Row, attempt: Callable[[Row], Answer], known: Iterable[Row] = ()
) -> Smallest:
    """Search for the smallest part of a row with which a check fails.

    The plain row is tried first, then the smallest rows of other checks, then the row
    without each of its parameters in turn. If none of these fails, the row itself is
    tried again.

    Args:
        row: the row with which the check failed.
        attempt: runs the check with a row.
        known: rows that were the smallest for other checks.
    """
    search = _Search(attempt)
    if search.fails({}):
        return search.result({})
    for one in known:
        if one and one != row and one.items() <= row.items() and search.fails(one):
            return search.result(one)
    smallest = dict(row)
    # MaxBurstLength goes before FirstBurstLength, which it bounds. The rest of a rule
    # for three keys goes in the second round.
    names = list(row)[::-1]
    for name in [*names, *names]:
        smaller = {key: value for key, value in smallest.items() if key != name}
        if is_legal({**PLAIN, **smaller}) and search.fails(smaller):
            smallest = smaller
    if not search.has_failed:
        search.fails(row)
    return search.result(smallest)


class _Search:
    def __init__(self, attempt: Callable[[Row], Answer]) -> None:
        self._attempt = attempt
        self._tried: dict[frozenset[tuple[str, str]], bool] = {}
        self._is_cut = False

    @property
    def has_failed(self) -> bool:
        """Whether the check has failed in any try."""
        return any(self._tried.values())

    def fails(self, row: Row) -> bool:
        """Tell whether the check fails with a row; False if that is unknown."""
        key = frozenset(row.items())
        if key in self._tried:
            return self._tried[key]
        self._is_cut = self._is_cut or len(self._tried) == MOST_TRIES
        if self._is_cut:
            return False
        answer = self._attempt(row)
        self._is_cut = answer is Answer.STOP
        self._tried[key] = answer is Answer.FAILS
        return self._tried[key]

    def result(self, row: Row) -> Smallest:
        """Return the result once no further row is tried."""
        search = Search.CUT_SHORT if self._is_cut else Search.DONE
        if search is Search.DONE and not self.has_failed:
            search = Search.NOT_REPEATED
        return Smallest(row, search, len(self._tried))
