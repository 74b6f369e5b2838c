# SPDX-License-Identifier: GPL-2.0-only
"""The suites whose checks carry verdicts, and how a check is called within its own."""

SUITES = ("conformance", "robustness")
"""Their folders below `suites`."""


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
