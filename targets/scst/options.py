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
    f"variable {VARIABLE})",
)
MODE = option(
    "--scst-mode",
    choices=[str(mode) for mode in Mode],
    default=str(Mode.RELEASE),
    help="SCST build mode (default %(default)s)",
)
CONFIG = option(
    "--scst-config",
    choices=[str(one) for one in Configurator],
    default=str(Configurator.SYSFS),
    help="how SCST is configured (default %(default)s)",
)
IN_VM = option(
    "--in-vm",
    action="store_true",
    help="build SCST in a machine, with Debian's toolchain",
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
    help="how SCST is added to the kernel (default: as its sources allow)",
)
