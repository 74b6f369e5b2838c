# SPDX-License-Identifier: GPL-2.0-only
"""The requirements on a target, as data.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
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
