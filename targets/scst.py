# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a virtual machine, built from the sources that the user gives."""

from pathlib import Path

from targets import layout
from targets.errors import LabError, TargetSpecError
from targets.lab import FEATURES, LabRecipe
from targets.model import LogicalUnit
from vmlab.kernel import Kernel
from vmlab.scst import source
from vmlab.scst.build import Mode
from vmlab.scst.config import Configurator
from vmlab.scst.serve import Served

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, scratch=True, persistent=True, backing="block"),
)
# The daemon listens at one port of two addresses.
_FEATURES = FEATURES | {"several-portals", "translated-ports"}


def recipe(
    given: Path | None = None,
    kernel: Kernel | None = None,
    mode: str = "release",
    by: str = "sysfs",
) -> LabRecipe:
    """Return how SCST is set up.

    Args:
        given: the folder of its sources; None for that of the environment.
        kernel: the kernel; None for Debian's.
        mode: for what it is built, release or debug.
        by: by what it is set up, sysfs or scstadmin.

    Raises:
        TargetSpecError: there are no sources; says how to get them.
    """
    try:
        folder = source.find(given)
    except LabError as error:
        raise TargetSpecError(f"--target=scst: {error}") from error
    served = Served(folder, kernel, Mode(mode), Configurator(by))
    return LabRecipe(
        kind="scst",
        description="SCST in a virtual machine",
        targets=layout.targets("scst", _UNITS),
        # One connection a session and ERL 0 alone.
        features=_FEATURES,
        guest=served.guest,
        kernel=served.kernel,
        version=lambda release: f"SCST {served.built.version}, Linux {release}",
    )
