# SPDX-License-Identifier: GPL-2.0-only
"""The Linux kernel's target (LIO) in a virtual machine with Debian's kernel."""

from targets import layout
from targets.lab import FEATURES, LabRecipe
from targets.model import LogicalUnit
from vmlab import kernel
from vmlab.guests import lio

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


def recipe() -> LabRecipe:
    """Return how LIO is set up."""
    return LabRecipe(
        kind="lio",
        description="LIO, the Linux kernel's target, in a virtual machine",
        targets=layout.targets("lio", _UNITS),
        features=_FEATURES,
        guest=lio.guest,
        kernel=kernel.of_debian,
        version=lambda version: f"Linux {version}",
    )
