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
    help="enable this fault of the reference target (may be repeated; `iscsi-assay "
    "reftarget --list-faults` lists them)",
)
HABIT = option(
    "--habit",
    action="append",
    default=[],
    metavar="NAME",
    help="enable this unusual, legal behaviour of the reference target (may be "
    "repeated; `iscsi-assay reftarget --list-habits` lists them)",
)
KEY = option(
    "--key",
    action="append",
    default=[],
    metavar="KEY=VALUE",
    help="have the reference target answer this, such as ImmediateData=No, in "
    "negotiations (may be repeated)",
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
