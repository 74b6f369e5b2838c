# SPDX-License-Identifier: GPL-2.0-only
"""The Linux kernel's target (LIO) in a virtual machine."""

from targets import layout
from targets.kind import Options
from targets.lab import FEATURES, LabRecipe, chosen_kernel
from targets.lio import guest
from targets.model import LogicalUnit

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, scratch=True, backing="memory"),
    LogicalUnit(3, layout.LUN_SIZE, scratch=True, persistent=True, backing="block"),
)
# A portal group has one lock for its logins (its np_login_sem).
TRAITS = frozenset({"one-login-at-a-time"})
_FEATURES = (
    FEATURES
    | TRAITS
    | {
        "several-portals",
        "several-groups",
        "translated-ports",
        "multi-connection",
        "erl1",
        "erl2",
    }
)


def recipe(options: Options) -> LabRecipe:
    """Return how LIO is set up."""
    return LabRecipe(
        kind="lio",
        description="LIO, the Linux kernel's target, in a virtual machine",
        targets=layout.targets("lio", _UNITS),
        features=_FEATURES,
        guest=guest.guest,
        kernel=chosen_kernel(options),
        other_portals=guest.OTHER_PORTALS,
        version=lambda version: f"Linux {version}",
    )
