# SPDX-License-Identifier: GPL-2.0-only
"""What a check had negotiated beside the default, in words and as options."""

import shlex
from collections.abc import Mapping

from reports.model import Check, Combination, Search

CUT = "TCP segments"
"""The parameter that is no text key: how the stream to the target was cut."""

ROW = "@"
"""How the name of a row begins among a check's parameters (`--strength 3`)."""


def keys_of(row: Mapping[str, str]) -> str:
    """Return a combination as KEY=VALUE, with commas between them."""
    return ", ".join(f"{name}={value}" for name, value in row.items())


def provoking(combination: Combination | None) -> str:
    """Return what provokes a failure beside the default; nothing if that does alone."""
    if combination is None or combination.smallest == {}:
        return ""
    text = keys_of(combination.provokes)
    if combination.search is Search.NOT_REPEATED:
        return f"{text} (the failure did not come again)"
    if combination.search is Search.DONE:
        return text
    return f"{text} (a smaller combination was not looked for to the end)"


def set_of(check: Check) -> tuple[str, ...]:
    """Return the names of the parameters that provoke a failure, sorted.

    Values do not count: a burst may be short in several ways.
    """
    combination = check.combination
    if combination is None or combination.search is None:
        return ()
    return tuple(sorted(combination.provokes))


def options_of(check: Check, strength: int) -> list[str]:
    """Return the options by which a check meets the same combination again."""
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
    """Return the name of a check without that of a row, as strength 1 has it."""
    head, bracket, parameters = check.partition("[")
    if not bracket or parameters.startswith(ROW):
        return head
    own, dash, row = parameters.removesuffix("]").rpartition(f"-{ROW}")
    return f"{head}[{own}]" if dash and row else check
