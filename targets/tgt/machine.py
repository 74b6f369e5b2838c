# SPDX-License-Identifier: GPL-2.0-only
"""tgtd of Debian's package, in a virtual machine."""

from targets import layout
from targets.kind import Options
from targets.lab import FEATURES, LabRecipe, chosen_kernel
from targets.model import LogicalUnit
from targets.tgt import guest
from vmlab import packages

_FIRST = guest.FIRST_LUN
_SIZE = layout.LUN_SIZE
_UNITS = (
    LogicalUnit(_FIRST, _SIZE, scratch=True, persistent=True),
    LogicalUnit(_FIRST + 1, _SIZE, scratch=True, persistent=True),
    LogicalUnit(_FIRST + 2, _SIZE, scratch=True, backing="memory"),
    LogicalUnit(_FIRST + 3, _SIZE, scratch=True, persistent=True, backing="block"),
)
_FEATURES = FEATURES | {"several-portals"}


def recipe(options: Options) -> LabRecipe:
    """Return the recipe of tgtd in a machine."""
    return LabRecipe(
        kind="tgt-vm",
        description="Linux SCSI target framework, tgtd in a virtual machine",
        targets=layout.targets("tgt", _UNITS),
        features=_FEATURES,
        guest=guest.guest,
        kernel=chosen_kernel(options),
        version=lambda _kernel: packages.versions(["tgt"])["tgt"],
    )
