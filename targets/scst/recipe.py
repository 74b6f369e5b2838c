# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a virtual machine, built from the sources that the user gives."""

from dataclasses import replace

from targets import layout
from targets.errors import LabError, TargetSpecError
from targets.kind import Options
from targets.lab import FEATURES, LabRecipe, chosen_kernel
from targets.model import LogicalUnit
from targets.scst import options as ours
from targets.scst import source
from targets.scst.build import Mode
from targets.scst.config import Configurator
from targets.scst.serve import Served

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, scratch=True, persistent=True, backing="block"),
)
# The daemon listens at one port of two addresses.
_FEATURES = FEATURES | {"several-portals", "translated-ports"}


# For who boots it by hand: a unit that keeps nothing as well.
_BY_HAND = (
    *_UNITS[:2],
    LogicalUnit(2, layout.LUN_SIZE, backing="null"),
    replace(_UNITS[2], lun=3),
)


def recipe(options: Options) -> LabRecipe:
    """Return how SCST is set up.

    Raises:
        TargetSpecError: there are no sources; says how to get them.
    """
    try:
        folder = source.find(ours.SOURCE.of(options))
    except LabError as error:
        raise TargetSpecError(str(error)) from error
    served = Served(
        folder,
        chosen_kernel(options),
        Mode(ours.MODE.of(options)),
        Configurator(ours.CONFIG.of(options)),
        in_vm=ours.IN_VM.of(options),
    )
    return LabRecipe(
        kind="scst",
        description="SCST in a virtual machine",
        targets=layout.targets("scst", _UNITS),
        # One connection a session and ERL 0 alone.
        features=_FEATURES,
        guest=served.guest,
        kernel=served.kernel,
        version=lambda release: f"SCST {served.built.version}, Linux {release}",
        by_hand=layout.targets("scst", _BY_HAND)[:1],
    )
