# SPDX-License-Identifier: GPL-2.0-only
"""A machine with the Linux kernel's initiator; it is not a target."""

from targets.client import guest
from targets.kind import Options
from targets.lab import KERNEL, LabRecipe, Machine, chosen_kernel


def recipe(options: Options) -> LabRecipe:
    """Return the recipe of the machine, which serves nothing."""
    return LabRecipe(
        kind="client",
        description="the Linux kernel's initiator",
        targets=(),
        features=frozenset(),
        guest=lambda _targets: guest.guest(),
        kernel=chosen_kernel(options),
        version=lambda version: f"Linux {version}",
    )


MACHINES = (
    Machine(
        "client",
        "a machine with the Linux kernel's initiator",
        recipe,
        (KERNEL,),
    ),
)
