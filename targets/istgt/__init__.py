# SPDX-License-Identifier: GPL-2.0-only
"""istgt, the iSCSI target of FreeBSD."""

from targets.istgt import recipe
from targets.kind import DISCOVERY_CHAP, Kind

KINDS = (
    Kind(
        "istgt",
        "istgt on this machine",
        recipe.recipe,
        (DISCOVERY_CHAP,),
        programs=recipe.PROGRAMS,
        package=recipe.PACKAGE,
    ),
)
