# SPDX-License-Identifier: GPL-2.0-only
"""What a suite hands to the reports: facts, requirements and proof.

Requirements travel as a test report's `user_properties`, which reach the controller of
a parallel run and JUnit files; attachments stay with the item that they belong to.
Verdicts travel as values (`reports.verdicts`).
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
"""The name of the attachment that `iscsi-assay replay` takes."""

EVIDENCE = pytest.StashKey[list[Evidence]]()
"""Where a check's item keeps its attachments."""

STEPS = pytest.StashKey[Callable[[], list[str]]]()
"""Where a check's item keeps what tells its exchange in words, if it is asked for."""

ENVIRONMENT = pytest.StashKey[dict[str, str]]()
"""Where a run's configuration keeps what is known of the target."""

SETTLE = pytest.StashKey[Callable[[Sequence[Check]], tuple[Check, ...]]]()
"""Where a run's configuration keeps what weighs all of its checks at the end.

The suites know which checks rest on which; reports do not.
"""

QUIET = pytest.StashKey[bool]()
"""Where an item notes that it runs again only to find out more of its failure."""

REQUIREMENT = "requirement"
"""The user property that names a requirement that a check proves."""

VERDICT = "verdict"
"""The user property of a check's last report that says its outcome, for JUnit files."""

TITLE = "title"
"""The user property with the rule in the target's voice: the check's docstring."""


def bundle_path(results: Path, nodeid: str) -> Path:
    """Return where the bundle of a failure is kept, beside Allure's results."""
    name = name_of(nodeid)
    slug = re.sub(r"[^A-Za-z0-9_=.-]+", "-", name).strip("-")
    if len(slug) > _LONGEST_NAME:
        # Shortened names may be equal; their hashes differ.
        mark = hashlib.sha256(name.encode()).hexdigest()[:8]
        slug = f"{slug[:_LONGEST_NAME]}-{mark}"
    return results.parent / "bundles" / f"{slug}.json"
