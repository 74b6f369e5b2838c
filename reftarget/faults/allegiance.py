# SPDX-License-Identifier: GPL-2.0-only
"""The faults of auto contingent allegiance.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class AllegianceBend(StrEnum):
    """The decisions about ACA that can be overridden."""

    NEVER_BEGINS = "aca-is-never-established"
    BEGINS_UNASKED = "aca-is-established-unasked"
    REFUSES_ALL = "aca-refuses-the-aca-attribute"
    LETS_OTHERS_IN = "aca-lets-other-nexuses-in"
    IS_NEVER_CLEARED = "clear-aca-changes-nothing"
    IS_ANYBODYS = "clear-aca-is-anybodys"
    OUTLIVES_RESET = "aca-outlives-a-reset"
    OUTLIVES_NEXUS = "aca-outlives-its-nexus"
    HOLDS_NOTHING = "aca-lets-older-tasks-go-on"
    RUNS_WITHOUT = "aca-attribute-runs-without-aca"


ALLEGIANCE: Final[dict[AllegianceBend, tuple[str, str]]] = {
    AllegianceBend.NEVER_BEGINS: (
        "SAM5-5.10.2-01",
        "Establishes no ACA, whatever NACA says.",
    ),
    AllegianceBend.BEGINS_UNASKED: (
        "SAM5-5.10.2-02",
        "Establishes ACA also where NACA is 0.",
    ),
    AllegianceBend.REFUSES_ALL: (
        "SAM5-5.10.3-02",
        "Answers commands with the ACA attribute with ACA ACTIVE.",
    ),
    AllegianceBend.LETS_OTHERS_IN: (
        "SAM5-5.10.4-01",
        "Executes the commands of other nexuses during ACA.",
    ),
    AllegianceBend.IS_NEVER_CLEARED: (
        "SAM5-5.10.5-01",
        "Answers CLEAR ACA with Function complete and clears nothing.",
    ),
    AllegianceBend.IS_ANYBODYS: (
        "SAM5-5.10.5-02",
        "Clears ACA for another nexus than the faulted one.",
    ),
    AllegianceBend.OUTLIVES_RESET: (
        "SAM5-5.10.5-03",
        "Stays in ACA over LOGICAL UNIT RESET.",
    ),
    AllegianceBend.OUTLIVES_NEXUS: (
        "SAM5-5.10.5-04",
        "Stays in ACA when the faulted nexus is lost.",
    ),
    AllegianceBend.HOLDS_NOTHING: (
        "SAM5-5.10.2-03",
        "Lets the tasks go on that were there before ACA.",
    ),
    AllegianceBend.RUNS_WITHOUT: (
        "SAM5-8.5-01",
        "Executes a command with the ACA attribute where there is no ACA.",
    ),
}
