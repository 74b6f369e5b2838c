# SPDX-License-Identifier: GPL-2.0-only
"""istgt, the iSCSI target of FreeBSD."""

from targets.istgt import recipe
from targets.kind import Kind

KINDS = (
    Kind(
        "istgt",
        "istgt on this machine",
        recipe.recipe,
        programs=recipe.PROGRAMS,
        package=recipe.PACKAGE,
    ),
)
