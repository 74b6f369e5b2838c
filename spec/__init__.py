# SPDX-License-Identifier: GPL-2.0-only
"""What must be true of a target: the requirements, as data.

PYTEST_DONT_REWRITE: programs import it before pytest, which would warn of that.
"""

from spec.catalogue import (
    Catalogue,
    CatalogueError,
    UnknownRequirement,
    is_below,
    load,
    section_key,
)
from spec.requirement import Basis, Level, Observable, Requirement, Subject

__all__ = [
    "Basis",
    "Catalogue",
    "CatalogueError",
    "Level",
    "Observable",
    "Requirement",
    "Subject",
    "UnknownRequirement",
    "is_below",
    "load",
    "section_key",
]
