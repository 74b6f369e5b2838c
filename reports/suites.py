# SPDX-License-Identifier: GPL-2.0-only
"""The suites whose checks have verdicts: their folders, and the names of checks.

In a clone `suites` is in the root; after an installation it is among other packages.
"""

from pathlib import Path

SUITES = ("conformance", "robustness")
"""Their folders below `suites`."""

ROOT = Path(__file__).parents[1]
"""The parent folder of `suites`: a clone, or the folder of installed packages."""

SETTINGS = Path(__file__).with_name("suites.ini")
"""pytest's settings for the suites, which take precedence over any others."""

ANYWHERE = (f"--config-file={SETTINGS}", f"--rootdir={ROOT}", f"--confcutdir={ROOT}")
"""The options of pytest with which the suites run in the same way from any folder.

Otherwise pytest uses settings and root of the project in which an environment lies.
"""


def suite_of(nodeid: str) -> str:
    """Return the suite of a check from its node ID; empty for a test of the toolkit."""
    for name in SUITES:
        if nodeid.startswith(f"suites/{name}/"):
            return name
    return ""


def name_of(nodeid: str) -> str:
    """Return the name of a check: its node ID below its suite's folder."""
    suite = suite_of(nodeid)
    return nodeid.removeprefix(f"suites/{suite}/") if suite else nodeid
