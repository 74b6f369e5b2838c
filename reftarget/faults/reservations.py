# SPDX-License-Identifier: GPL-2.0-only
"""The faults of reservations, which the device server makes where it decides.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class ReservationBend(StrEnum):
    """The decisions of the reservation manager that can be overridden."""

    PASSES_ALL = "reservation-keeps-nobody-out"
    BLOCKS_READERS = "reservation-keeps-readers-out"
    ENDS_WITH_NEXUS = "registration-ends-with-its-nexus"
    ENDS_WITH_RESET = "registration-ends-with-a-reset"
    IGNORES_KEYS = "reservation-key-is-not-checked"
    TELLS_NOBODY = "reservation-changes-are-not-told"
    COUNTS_NOTHING = "reservation-generation-stands-still"
    CUTS_LENGTHS = "reservation-list-length-is-cut"
    FORGETS_POWER = "aptpl-is-forgotten"
    KEEPS_POWER = "aptpl-cannot-be-switched-off"
    RESERVES_NOTHING = "reserve-keeps-nobody-out"
    OUTLIVES_NEXUS = "reserve-outlives-its-nexus"
    ABORTS_NOTHING = "preempt-and-abort-aborts-nothing"
    SHOWS_ONE_HOLDER = "all-registrants-reservation-shows-a-key"
    HIDES_HOLDERS = "full-status-hides-the-holder"
    SHOWS_NO_LENGTH = "capabilities-have-no-length"
    REGISTER = "register-changes-nothing"
    RESERVE = "reserve-changes-nothing"
    RELEASE = "release-changes-nothing"
    CLEAR = "clear-changes-nothing"
    PREEMPT = "preempt-changes-nothing"
    PREEMPT_AND_ABORT = "preempt-and-abort-changes-nothing"
    REGISTER_AND_IGNORE_EXISTING_KEY = "register-and-ignore-changes-nothing"
    REGISTER_AND_MOVE = "register-and-move-changes-nothing"


RESERVATIONS: Final[dict[ReservationBend, tuple[str, str]]] = {
    ReservationBend.PASSES_ALL: (
        "SPC4-5.12.1-01",
        "Lets every command pass a persistent reservation.",
    ),
    ReservationBend.BLOCKS_READERS: (
        "SPC4-5.12.1-02",
        "Keeps strangers from reading under a write exclusive reservation.",
    ),
    ReservationBend.ENDS_WITH_NEXUS: (
        "SPC4-5.12.1-03",
        "Forgets a registration when its session ends.",
    ),
    ReservationBend.ENDS_WITH_RESET: (
        "SPC4-5.12.1-04",
        "Forgets registrations and reservation at a reset.",
    ),
    ReservationBend.IGNORES_KEYS: (
        "SPC4-5.12.9-02",
        "Takes any RESERVATION KEY from a registered nexus.",
    ),
    ReservationBend.TELLS_NOBODY: (
        "SPC4-5.12.11.2.2-05",
        "Raises no unit attention when reservations change.",
    ),
    ReservationBend.COUNTS_NOTHING: (
        "SPC4-6.15.2-02",
        "Does not count PRGENERATION up.",
    ),
    ReservationBend.CUTS_LENGTHS: (
        "SPC4-6.15.2-03",
        "Tells of as much of a list as it returns.",
    ),
    ReservationBend.FORGETS_POWER: (
        "SPC4-5.12.5-01",
        "Keeps nothing over a loss of power, whatever APTPL says.",
    ),
    ReservationBend.KEEPS_POWER: (
        "SPC4-5.12.5-02",
        "Keeps all over a loss of power, whatever APTPL says.",
    ),
    ReservationBend.RESERVES_NOTHING: (
        "SPC4-5.12.3-03",
        "Answers RESERVE with GOOD and keeps nobody out.",
    ),
    ReservationBend.OUTLIVES_NEXUS: (
        "SPC4-5.12.3-04",
        "Keeps a unit reserved when the session of RESERVE has ended.",
    ),
    ReservationBend.ABORTS_NOTHING: (
        "SPC4-5.12.11.2.6-02",
        "Lets the tasks of the preempted go on.",
    ),
    ReservationBend.SHOWS_ONE_HOLDER: (
        "SPC4-5.12.10-01",
        "Shows one registrant's key as that of an all registrants reservation.",
    ),
    ReservationBend.HIDES_HOLDERS: (
        "SPC4-6.15.5-01",
        "Shows nobody as holder in READ FULL STATUS.",
    ),
    ReservationBend.SHOWS_NO_LENGTH: (
        "SPC4-6.15.4-01",
        "Returns REPORT CAPABILITIES with a LENGTH of 0.",
    ),
    ReservationBend.REGISTER: (
        "SPC4-5.12.7-01",
        "Answers REGISTER with GOOD and does nothing.",
    ),
    ReservationBend.RESERVE: (
        "SPC4-5.12.9-01",
        "Answers RESERVE of a type with GOOD and does nothing.",
    ),
    ReservationBend.RELEASE: (
        "SPC4-5.12.11.2.2-01",
        "Answers RELEASE with GOOD and does nothing.",
    ),
    ReservationBend.CLEAR: (
        "SPC4-5.12.11.2.7-01",
        "Answers CLEAR with GOOD and does nothing.",
    ),
    ReservationBend.PREEMPT: (
        "SPC4-5.12.11.2.4-01",
        "Answers PREEMPT with GOOD and does nothing.",
    ),
    ReservationBend.PREEMPT_AND_ABORT: (
        "SPC4-5.12.11.2.6-01",
        "Answers PREEMPT AND ABORT with GOOD and does nothing.",
    ),
    ReservationBend.REGISTER_AND_IGNORE_EXISTING_KEY: (
        "SPC4-5.12.7-05",
        "Answers REGISTER AND IGNORE EXISTING KEY with GOOD and does nothing.",
    ),
    ReservationBend.REGISTER_AND_MOVE: (
        "SPC4-5.12.8-01",
        "Answers REGISTER AND MOVE with GOOD and does nothing.",
    ),
}
