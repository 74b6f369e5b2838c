# SPDX-License-Identifier: GPL-2.0-only
"""The suites whose checks carry verdicts: where they lie, how checks are called.

In a clone `suites` lies in the root; installed, it lies among other packages.
"""

from pathlib import Path

SUITES = ("conformance", "robustness")
"""Their folders below `suites`."""

ROOT = Path(__file__).parents[1]
"""The folder that `suites` lies in: a clone, or where packages are installed."""

SETTINGS = Path(__file__).with_name("suites.ini")
"""pytest's settings for the suites, whichever others are found on the way to them."""

ANYWHERE = (f"--config-file={SETTINGS}", f"--rootdir={ROOT}", f"--confcutdir={ROOT}")
"""The options of pytest by which the suites run alike wherever they are run from.

pytest else takes settings and root of the project that an environment lies in.
"""


def suite_of(nodeid: str) -> str:
    """Return the suite of a check by its node ID, or nothing for a test of ours."""
    for name in SUITES:
        if nodeid.startswith(f"suites/{name}/"):
            return name
    return ""


def name_of(nodeid: str) -> str:
    """Return the name of a check: its node ID below its suite's folder."""
    suite = suite_of(nodeid)
    return nodeid.removeprefix(f"suites/{suite}/") if suite else nodeid
