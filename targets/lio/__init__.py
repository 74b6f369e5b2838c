# SPDX-License-Identifier: GPL-2.0-only
"""LIO, the Linux kernel's target, in a virtual machine."""

from pathlib import Path

from targets import lab
from targets.kind import DISCOVERY_CHAP, Kind
from targets.lab import KERNEL, Machine
from targets.lio import recipe

KINDS = (
    Kind(
        "lio",
        "the Linux kernel's target in a virtual machine",
        recipe.recipe,
        (KERNEL, DISCOVERY_CHAP),
        lab.PROGRAMS,
        lab.PACKAGES,
        recipe.TRAITS,
    ),
)
_FRAGMENT = Path(__file__).parent / "kernel.config"
MACHINES = (
    Machine("lio", "a machine that serves LIO", recipe.recipe, (KERNEL,), (_FRAGMENT,)),
)
