# SPDX-License-Identifier: GPL-2.0-only
"""Runs many attempts in parallel, and prints a line as each ends."""

import itertools
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    items: Sequence[_Item],
    attempt: Callable[[_Item], _Result],
    describe: Callable[[_Result], str],
    *,
    jobs: int,
) -> list[_Result]:
    """Return the results of an attempt at each item, in the order of the items.

    Args:
        items: the items.
        attempt: tries one item; several threads call it at once.
        describe: returns the line for a result, which is printed on standard error
            after a count.
        jobs: how many attempts run at once.
    """
    counter = itertools.count(1)

    def attempt_and_print(item: _Item) -> _Result:
        result = attempt(item)
        sys.stderr.write(f"{next(counter)}/{len(items)} {describe(result)}\n")
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(attempt_and_print, items))
