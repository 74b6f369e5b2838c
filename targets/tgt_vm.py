# SPDX-License-Identifier: GPL-2.0-only
"""tgtd in a virtual machine with Debian's kernel, of Debian's package."""

from targets import layout
from targets.lab import FEATURES, LabRecipe
from targets.model import LogicalUnit
from vmlab import kernel, packages
from vmlab.guests import tgt

_UNITS = tuple(
    LogicalUnit(lun, layout.LUN_SIZE, scratch=True, persistent=True)
    for lun in (tgt.FIRST_LUN, tgt.FIRST_LUN + 1)
)
_FEATURES = FEATURES | {"several-portals"}


def recipe() -> LabRecipe:
    """Return how tgtd is set up."""
    return LabRecipe(
        kind="tgt-vm",
        description="Linux SCSI target framework, tgtd in a virtual machine",
        targets=layout.targets("tgt", _UNITS),
        features=_FEATURES,
        guest=tgt.guest,
        kernel=kernel.of_debian,
        version=lambda _kernel: packages.versions(["tgt"])["tgt"],
    )
