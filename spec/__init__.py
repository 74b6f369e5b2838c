# SPDX-License-Identifier: GPL-2.0-only
"""What must be true of a target: the requirements, as data."""

from spec.catalogue import (
    Catalogue,
    CatalogueError,
    Requirement,
    UnknownRequirement,
    is_below,
    load,
    section_key,
)

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Requirement",
    "UnknownRequirement",
    "is_below",
    "load",
    "section_key",
]
