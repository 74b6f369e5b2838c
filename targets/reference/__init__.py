# SPDX-License-Identifier: GPL-2.0-only
"""The reference target of this project, in a process of its own."""

from targets import layout
from targets.kind import DISCOVERY_CHAP, Kind, Options, option
from targets.local import Recipe
from targets.reference import recipe
from targets.reference.recipe import NO_ARCHITECTURE

__all__ = ["FAULT", "HABIT", "KEY", "KINDS", "NO_ARCHITECTURE"]

FAULT = option(
    "--fault",
    action="append",
    default=[],
    metavar="NAME",
    help="switch a wrong behaviour of the reference target on (may be repeated)",
)
HABIT = option(
    "--habit",
    action="append",
    default=[],
    metavar="NAME",
    help="switch a legal behaviour of the reference target on (may be repeated)",
)
KEY = option(
    "--key",
    action="append",
    default=[],
    metavar="KEY=VALUE",
    help="let the reference target choose this in negotiations (may be repeated)",
)


def _recipe(options: Options) -> Recipe:
    return recipe.recipe(
        FAULT.of(options),
        keys=KEY.of(options),
        habits=HABIT.of(options),
        discovery_chap=layout.CHAP if DISCOVERY_CHAP.of(options) else None,
    )


KINDS = (
    Kind(
        "reference",
        "the reference target of this project",
        _recipe,
        (FAULT, HABIT, KEY, DISCOVERY_CHAP),
    ),
)
