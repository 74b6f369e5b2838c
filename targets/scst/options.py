# SPDX-License-Identifier: GPL-2.0-only
"""The options of SCST."""

from pathlib import Path

from targets.kind import option
from targets.scst.build import Mode
from targets.scst.config import Configurator
from targets.scst.patches import Way
from targets.scst.source import VARIABLE

SOURCE = option(
    "--scst-source",
    type=Path,
    metavar="DIR",
    help="folder of SCST's sources: a checkout or release tarballs (default: the "
    f"environment variable {VARIABLE})",
)
MODE = option(
    "--scst-mode",
    choices=[str(mode) for mode in Mode],
    default=str(Mode.RELEASE),
    help="build SCST with its release or its debug options (default: %(default)s)",
)
CONFIG = option(
    "--scst-config",
    choices=[str(one) for one in Configurator],
    default=str(Configurator.SYSFS),
    help="configure SCST through sysfs or by scstadmin (default: %(default)s)",
)
IN_VM = option(
    "--in-vm",
    action="store_true",
    help="build SCST in a virtual machine, with Debian's toolchain",
)
SOURCE_FOR_KERNEL = option(
    SOURCE.flag,
    type=Path,
    metavar="DIR",
    help="prepare the kernel for SCST from these sources",
)
WAY = option(
    "--scst-way",
    choices=[str(way) for way in Way],
    help="add SCST to the kernel by its patches (classic), in the kernel's tree, or as "
    "modules (default: as its sources allow)",
)
