# SPDX-License-Identifier: GPL-2.0-only
"""What a suite hands to the reports: facts, verdicts and their proof.

Verdicts and requirements travel as a test report's `user_properties`, which reach the
controller of a parallel run; attachments stay with the item that they belong to.
"""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Evidence:
    """One attachment of a check."""

    name: str
    mime_type: str
    content: bytes


EVIDENCE = pytest.StashKey[list[Evidence]]()
"""Where a check's item keeps its attachments."""

ENVIRONMENT = pytest.StashKey[dict[str, str]]()
"""Where a run's configuration keeps what is known of the target."""

REQUIREMENT = "requirement"
"""The user property that names a requirement that a check proves."""

VERDICT = "verdict"
"""The user property that says more than the outcome does."""

KNOWN_DEVIATION = "known deviation"
WARNING = "warning"
TARGET_DIED = "target died"
"""Values of VERDICT."""

DETAIL = "detail"
"""The user property with what the target did, in one line."""

TITLE = "title"
"""The user property with the rule in the target's voice: the check's docstring."""
