# SPDX-License-Identifier: GPL-2.0-only
"""The Linux SCSI target framework, tgtd: on this machine and in a virtual one."""

from targets import lab
from targets.kind import DISCOVERY_CHAP, Kind
from targets.lab import KERNEL, Machine
from targets.tgt import machine, recipe

KINDS = (
    Kind(
        "tgt",
        "tgtd on this machine",
        recipe.recipe,
        (DISCOVERY_CHAP,),
        programs=recipe.PROGRAMS,
        package=recipe.PACKAGE,
    ),
    Kind(
        "tgt-vm",
        "tgtd in a virtual machine",
        machine.recipe,
        (KERNEL,),
        lab.PROGRAMS,
        lab.PACKAGES,
    ),
)
MACHINES = (Machine("tgt", "a machine that serves tgtd", machine.recipe, (KERNEL,)),)
