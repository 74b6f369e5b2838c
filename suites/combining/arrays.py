# SPDX-License-Identifier: GPL-2.0-only
"""Covering arrays: few rows that contain any values of any t parameters.

No library fits: allpairspy 2.5.1 leaves out tuples where a filter is given or t is
above 2, and has had no release since 2023; covertable 3.2.0 covers all, but its licence
(Apache-2.0) is incompatible with ours (docs/licences.md). Its pairwise array for our
parameters has as many rows as this one.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product

Row = Mapping[str, str]
"""A value for each parameter, or for some of them."""

Values = Mapping[str, Sequence[str]]
"""The values of each parameter."""

_Tuple = tuple[tuple[str, str], ...]
"""Some parameters with a value each, in the order of the parameters."""


def covering(
    values: Values,
    strength: int,
    is_legal: Callable[[Row], bool] = lambda _row: True,
    *,
    tries: int = 12,
) -> list[dict[str, str]]:
    """Return legal rows that contain any legal values of `strength` parameters.

    The row of all first values comes first, if it is legal. Each further row begins
    with a tuple that is not covered yet, and takes for each other parameter the value
    that covers most further tuples. The result depends only on the arguments.

    Args:
        values: at least one value for each parameter.
        strength: how many parameters are combined; all of them if there are fewer.
        is_legal: returns whether a row is permitted; parameters may be missing in it.
        tries: candidates for each row, of which the best is taken.
    """
    names = list(values)
    strength = min(strength, len(names))
    constants = {name: options[0] for name, options in values.items()}
    constants = {n: v for n, v in constants.items() if len(values[n]) == 1}
    unmet = {
        tuple(zip(chosen, one, strict=True))
        for chosen in combinations(names, strength)
        for one in product(*(values[name] for name in chosen))
    }
    rows = []
    plain = {name: options[0] for name, options in values.items()}
    if is_legal(plain):
        rows.append(plain)
        unmet -= _tuples(plain, names, strength)
    while unmet:
        best: set[_Tuple] = set()
        chosen: Row = {}
        for begun in _spread(sorted(unmet), tries):
            row = _complete(
                {**constants, **dict(begun)}, values, unmet, strength, is_legal
            )
            if row is None:
                unmet.remove(begun)  # no legal row contains it
                continue
            met = unmet & _tuples(row, names, strength)
            if len(met) > len(best):
                best, chosen = met, row
        if best:
            rows.append({name: chosen[name] for name in names})
            unmet -= best
    return rows


def _spread(tuples: Sequence[_Tuple], number: int) -> Sequence[_Tuple]:
    """Return this many of all tuples, evenly chosen."""
    return tuples[:: -(-len(tuples) // number)]


def _complete(
    row: dict[str, str],
    values: Values,
    unmet: set[_Tuple],
    strength: int,
    is_legal: Callable[[Row], bool],
) -> dict[str, str] | None:
    """Return a legal row that contains the given values, or None if there is none."""
    if not is_legal(row):
        return None
    name = next((name for name in values if name not in row), None)
    if name is None:
        return row
    order = {parameter: number for number, parameter in enumerate(values)}

    def gain(value: str) -> int:
        return sum(
            tuple(sorted((*others, (name, value)), key=lambda one: order[one[0]]))
            in unmet
            for others in combinations(row.items(), strength - 1)
        )

    # sorted() keeps the order of values that gain as much.
    for value in sorted(values[name], key=gain, reverse=True):
        whole = _complete({**row, name: value}, values, unmet, strength, is_legal)
        if whole is not None:
            return whole
    return None


def _tuples(row: Row, names: Sequence[str], strength: int) -> set[_Tuple]:
    """Return all tuples of a whole row."""
    return set(combinations([(name, row[name]) for name in names], strength))
