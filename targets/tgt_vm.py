# SPDX-License-Identifier: GPL-2.0-only
"""tgtd in a virtual machine with Debian's kernel, of Debian's package."""

from targets import layout
from targets.lab import FEATURES, LabRecipe
from targets.model import LogicalUnit
from vmlab import kernel, packages
from vmlab.guests import tgt

_FIRST = tgt.FIRST_LUN
_SIZE = layout.LUN_SIZE
_UNITS = (
    LogicalUnit(_FIRST, _SIZE, scratch=True, persistent=True),
    LogicalUnit(_FIRST + 1, _SIZE, scratch=True, persistent=True),
    LogicalUnit(_FIRST + 2, _SIZE, scratch=True, backing="memory"),
    LogicalUnit(_FIRST + 3, _SIZE, scratch=True, persistent=True, backing="block"),
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
