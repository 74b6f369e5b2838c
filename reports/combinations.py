# SPDX-License-Identifier: GPL-2.0-only
"""What a check's sessions negotiated beside the defaults, as text and options."""

import shlex
from collections.abc import Mapping

from reports.model import Check, Combination, Search

CUT = "TCP segments"
"""The parameter that is not a text key: how the stream to the target was cut."""

ROW = "@"
"""The prefix of a row's name among a check's parameters (`--strength 3`)."""


def keys_of(row: Mapping[str, str]) -> str:
    """Return a combination as KEY=VALUE, with commas between them."""
    return ", ".join(f"{name}={value}" for name, value in row.items())


def provoking(combination: Combination | None) -> str:
    """Return what provokes a failure; empty if the defaults do."""
    if combination is None or combination.smallest == {}:
        return ""
    text = keys_of(combination.provokes)
    if combination.search is Search.NOT_REPEATED:
        return f"{text} (the failure could not be reproduced)"
    if combination.search is Search.DONE:
        return text
    return f"{text} (a smaller combination was not looked for to the end)"


def set_of(check: Check) -> tuple[str, ...]:
    """Return the names of the parameters that provoke a failure, sorted.

    Values are ignored, since a burst may be short in several ways.
    """
    combination = check.combination
    if combination is None or combination.search is None:
        return ()
    return tuple(sorted(combination.provokes))


def options_of(check: Check, strength: int) -> list[str]:
    """Return the options with which a check gets the same combination again."""
    combination = check.combination
    if combination is None or combination.smallest == {}:
        return []
    if combination.search is not Search.DONE:
        return [f"--strength={strength}"]
    return [
        f"--cut={value}" if name == CUT else f"--offer={shlex.quote(f'{name}={value}')}"
        for name, value in combination.provokes.items()
    ]


def without_row(check: str) -> str:
    """Return the name of a check without its row, as at strength 1."""
    head, bracket, parameters = check.partition("[")
    if not bracket or parameters.startswith(ROW):
        return head
    own, dash, row = parameters.removesuffix("]").rpartition(f"-{ROW}")
    return f"{head}[{own}]" if dash and row else check
