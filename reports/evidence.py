# SPDX-License-Identifier: GPL-2.0-only
"""The data that a suite hands to the reports: facts, requirements and proof.

Requirements travel as a test report's `user_properties`, which reach the controller of
a parallel run and JUnit files; attachments stay with their item. Verdicts travel as
values (`reports.verdicts`).
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.model import Check
from reports.suites import name_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """One attachment of a check."""

    name: str
    mime_type: str
    content: bytes


_LONGEST_NAME = 120

BUNDLE = "bundle"
"""The name of the attachment that `iscsi-assay replay` reads."""

EVIDENCE = pytest.StashKey[list[Evidence]]()
"""The key of a check's item for its attachments."""

STEPS = pytest.StashKey[Callable[[], list[str]]]()
"""The key of a check's item for the function that describes its exchange."""

ENVIRONMENT = pytest.StashKey[dict[str, str]]()
"""The key of a run's configuration for the known facts about the target."""

SETTLE = pytest.StashKey[Callable[[Sequence[Check]], tuple[Check, ...]]]()
"""The key of a run's configuration for the function that judges all checks at the end.

The suites know which checks depend on which; reports do not.
"""

QUIET = pytest.StashKey[bool]()
"""The key of an item that runs again only to find out more about its failure."""

REQUIREMENT = "requirement"
"""The user property that names a requirement that a check proves."""

VERDICT = "verdict"
"""The user property of a check's last report with its outcome, for JUnit files."""

TITLE = "title"
"""The user property with the rule of the check: its docstring."""


def bundle_path(results: Path, nodeid: str) -> Path:
    """Return the path of a failure's bundle, beside Allure's results."""
    name = name_of(nodeid)
    slug = re.sub(r"[^A-Za-z0-9_=.-]+", "-", name).strip("-")
    if len(slug) > _LONGEST_NAME:
        # Shortened names may be equal, so each contains a hash.
        mark = hashlib.sha256(name.encode()).hexdigest()[:8]
        slug = f"{slug[:_LONGEST_NAME]}-{mark}"
    return results.parent / "bundles" / f"{slug}.json"
