# SPDX-License-Identifier: GPL-2.0-only
"""What a suite hands to the reports: the proof of a verdict, as named bytes."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Evidence:
    """One attachment of a check."""

    name: str
    mime_type: str
    content: bytes


EVIDENCE = pytest.StashKey[list[Evidence]]()
"""Where a check's item keeps its evidence."""
