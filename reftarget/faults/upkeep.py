# SPDX-License-Identifier: GPL-2.0-only
"""The faults of a disk's upkeep: medium, power, defects, SANITIZE, WRITE ATOMIC.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class UpkeepBend(StrEnum):
    """The decisions of these commands that can be overridden."""

    EMPTY_IS_READY = "missing-medium-is-there"
    CHANGE_IS_UNTOLD = "new-medium-is-not-told"
    IGNORES_PREVENTION = "medium-is-removed-though-prevented"
    PREVENTION_OUTLIVES_NEXUS = "prevention-outlives-its-nexus"
    ANYBODY_ALLOWS = "any-nexus-allows-removal"
    PREVENTION_OUTLIVES_RESET = "prevention-outlives-a-reset"
    DEFECTS_ARE_LONGER = "defect-list-tells-more-than-it-has"
    DEFECTS_TELL_THE_CUT = "defect-data-is-cut-short"
    ERASES_NOTHING = "sanitize-erases-nothing"
    ERASES_BY_LIST = "erase-takes-a-parameter-list"
    NO_FAILURE_IS_AN_ERROR = "exit-failure-mode-needs-a-failure"
    ACTION_IS_UNKNOWN = "reserved-sanitize-action-is-unknown"
    OVERWRITES_ZEROS = "overwrite-ignores-its-pattern"
    ANY_LENGTH = "overwrite-takes-any-list-length"
    ANY_PATTERN = "overwrite-takes-any-pattern"
    SANITIZES_PROTECTED = "sanitize-ignores-write-protection"
    SANITIZES_RESERVED = "sanitize-ignores-reservations"
    STOPPED_IS_READY = "stopped-unit-is-ready"
    ANY_POWER_CONDITION = "reserved-power-condition-is-taken"
    POWER_EJECTS = "power-condition-ejects"
    STOP_EJECTS = "stop-without-loej-ejects"
    ATOMIC_WRITES_NOTHING = "write-atomic-writes-nothing"
    ATOMIC_END = "write-atomic-beyond-the-end-is-cut"
    ATOMIC_OF_NOTHING = "write-atomic-of-nothing-is-an-error"
    ATOMIC_PROTECTION = "write-atomic-ignores-protection"
    ATOMIC_REFUSES_FUA = "write-atomic-refuses-fua"
    ATOMIC_IS_UNLIMITED = "write-atomic-limits-are-not-kept"


UPKEEP: Final[dict[UpkeepBend, tuple[str, str]]] = {
    UpkeepBend.EMPTY_IS_READY: (
        "SBC3-4.3-01",
        "Is ready without its medium.",
    ),
    UpkeepBend.CHANGE_IS_UNTOLD: (
        "SBC3-4.3-02",
        "Tells nobody that a medium was loaded.",
    ),
    UpkeepBend.IGNORES_PREVENTION: (
        "SBC3-5.9-01",
        "Ejects the medium whoever prevents it.",
    ),
    UpkeepBend.PREVENTION_OUTLIVES_NEXUS: (
        "SBC3-5.9-02",
        "Keeps the prevention of a nexus that is gone.",
    ),
    UpkeepBend.ANYBODY_ALLOWS: (
        "SBC3-5.9-03",
        "Takes one nexus's leave to remove the medium for all.",
    ),
    UpkeepBend.PREVENTION_OUTLIVES_RESET: (
        "SBC3-5.9-04",
        "Keeps preventions over a reset.",
    ),
    UpkeepBend.DEFECTS_ARE_LONGER: (
        "SBC3-5.17-01",
        "Tells of eight bytes of defects and returns none.",
    ),
    UpkeepBend.DEFECTS_TELL_THE_CUT: (
        "SBC3-5.17-02",
        "Returns one byte of defect data less than there is room for.",
    ),
    UpkeepBend.ERASES_NOTHING: (
        "SBC3-5.24-01",
        "Answers erases with GOOD and keeps all data.",
    ),
    UpkeepBend.ERASES_BY_LIST: (
        "SBC3-5.24-02",
        "Erases whatever PARAMETER LIST LENGTH is.",
    ),
    UpkeepBend.NO_FAILURE_IS_AN_ERROR: (
        "SBC3-5.24-03",
        "Refuses EXIT FAILURE MODE.",
    ),
    UpkeepBend.ACTION_IS_UNKNOWN: (
        "SBC3-5.24-04",
        "Refuses reserved service actions of SANITIZE as an unknown command.",
    ),
    UpkeepBend.OVERWRITES_ZEROS: (
        "SBC3-5.24-05",
        "Overwrites with zeros.",
    ),
    UpkeepBend.ANY_LENGTH: (
        "SBC3-5.24-06",
        "Answers OVERWRITE with a list of any length with GOOD.",
    ),
    UpkeepBend.ANY_PATTERN: (
        "SBC3-5.24-07",
        "Answers OVERWRITE with a malformed list with GOOD.",
    ),
    UpkeepBend.SANITIZES_PROTECTED: (
        "SBC3-5.24-08",
        "Answers SANITIZE of a write-protected unit with GOOD.",
    ),
    UpkeepBend.SANITIZES_RESERVED: (
        "SBC3-5.24-09",
        "Lets SANITIZE pass every reservation.",
    ),
    UpkeepBend.STOPPED_IS_READY: (
        "SBC3-5.25-02",
        "Is ready after it was stopped.",
    ),
    UpkeepBend.ANY_POWER_CONDITION: (
        "SBC3-5.25-03",
        "Takes any POWER CONDITION.",
    ),
    UpkeepBend.POWER_EJECTS: (
        "SBC3-5.25-04",
        "Ejects the medium by LOEJ whatever POWER CONDITION is.",
    ),
    UpkeepBend.STOP_EJECTS: (
        "SBC3-5.25-05",
        "Ejects the medium where it is to stop.",
    ),
    UpkeepBend.ATOMIC_WRITES_NOTHING: (
        "SBC4-5.48-01",
        "Answers WRITE ATOMIC with GOOD and writes nothing.",
    ),
    UpkeepBend.ATOMIC_END: (
        "SBC4-5.48-02",
        "Answers WRITE ATOMIC beyond the end with GOOD.",
    ),
    UpkeepBend.ATOMIC_OF_NOTHING: (
        "SBC4-5.48-03",
        "Refuses WRITE ATOMIC of no blocks.",
    ),
    UpkeepBend.ATOMIC_PROTECTION: (
        "SBC4-5.48-04",
        "Takes any WRPROTECT in WRITE ATOMIC.",
    ),
    UpkeepBend.ATOMIC_REFUSES_FUA: (
        "SBC4-5.48-05",
        "Refuses DPO and FUA in WRITE ATOMIC.",
    ),
    UpkeepBend.ATOMIC_IS_UNLIMITED: (
        "SBC4-5.48-06",
        "Takes any length and boundary in WRITE ATOMIC.",
    ),
}
