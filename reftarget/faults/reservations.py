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
    TELLS_OF_LEAVING = "leave-of-a-lone-holder-is-told"
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
    IGNORES_ISID = "nexus-is-its-initiator-name"
    RELEASES_ANY_TYPE = "release-ignores-the-type"
    RELEASE_CONFLICTS = "release-of-nothing-conflicts"
    TELLS_OF_LONE_HOLDERS = "lone-holders-release-is-told"
    OUTLIVES_HOLDER = "reservation-outlives-its-holder"
    ENDS_WITH_FIRST = "reservation-ends-with-the-first-of-many"
    PREEMPTS_NOBODY = "preempt-of-nobody-is-good"
    PREEMPTS_ZERO = "preempt-of-key-zero-is-good"
    RESERVES_BESIDE = "reserve-passes-registrations"
    RESERVE_OF_HOLDER_CONFLICTS = "reserve-of-a-holder-conflicts"
    TAKES_APTPL = "aptpl-is-taken-where-not-offered"
    STRANGER_HAS_ANY_KEY = "stranger-registers-with-any-key"
    NOTHING_CONFLICTS = "unregistering-nothing-conflicts"
    REGISTERING_RELEASES = "registering-ends-the-reservation"
    PORTS_ARE_FORGOTTEN = "named-ports-are-not-registered"
    REGISTRANTS_NAME_PORTS = "registrants-may-name-ports"
    KEY_IS_UNIQUE = "key-can-be-registered-once"
    REGISTRANTS_MOVE = "registrants-move-the-reservation"
    MOVES_WITH_KEY_ZERO = "move-takes-key-zero"
    MOVES_TO_ITSELF = "move-to-the-sender-is-good"
    HOLDER_CONFLICTS = "reserving-again-conflicts"
    NEXT_TAKES_IT = "reservation-goes-to-the-next"
    TAKES_RESERVED_TYPES = "reserved-type-is-taken"
    SHOWS_ONE_KEY = "read-keys-shows-one"
    HIDES_APTPL = "aptpl-is-not-shown"
    TAKES_ANY_LENGTH = "parameter-list-has-any-length"
    RESERVED_ACTION_IS_GOOD = "reserved-action-is-good"


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
    ReservationBend.TELLS_OF_LEAVING: (
        "SPC4-5.12.11.2.3-05",
        "Tells the others when a reservation ends that its holder had alone.",
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
    ReservationBend.IGNORES_ISID: (
        "SPC4-5.12.1-05",
        "Tells I_T nexuses from each other by initiator name alone.",
    ),
    ReservationBend.RELEASES_ANY_TYPE: (
        "SPC4-5.12.11.2.2-02",
        "Releases a reservation whatever TYPE the holder names.",
    ),
    ReservationBend.RELEASE_CONFLICTS: (
        "SPC4-5.12.11.2.2-03",
        "Refuses RELEASE of a registrant that holds nothing.",
    ),
    ReservationBend.TELLS_OF_LONE_HOLDERS: (
        "SPC4-5.12.11.2.2-06",
        "Tells registrants of the release of a reservation of one holder.",
    ),
    ReservationBend.OUTLIVES_HOLDER: (
        "SPC4-5.12.11.2.3-02",
        "Keeps the reservation of a holder that has unregistered.",
    ),
    ReservationBend.ENDS_WITH_FIRST: (
        "SPC4-5.12.11.2.3-04",
        "Ends an all registrants reservation when one unregisters.",
    ),
    ReservationBend.PREEMPTS_NOBODY: (
        "SPC4-5.12.11.2.4-03",
        "Answers PREEMPT of a key that nobody has with GOOD.",
    ),
    ReservationBend.PREEMPTS_ZERO: (
        "SPC4-5.12.11.2.4-05",
        "Answers PREEMPT of key zero with GOOD, whatever the type.",
    ),
    ReservationBend.RESERVES_BESIDE: (
        "SPC4-5.12.3-01",
        "Answers RESERVE of a stranger with GOOD beside registrations.",
    ),
    ReservationBend.RESERVE_OF_HOLDER_CONFLICTS: (
        "SPC4-5.12.3-02",
        "Refuses RESERVE and RELEASE of the holder itself.",
    ),
    ReservationBend.TAKES_APTPL: (
        "SPC4-5.12.5-03",
        "Offers to keep nothing, and takes APTPL.",
    ),
    ReservationBend.STRANGER_HAS_ANY_KEY: (
        "SPC4-5.12.7-02",
        "Takes any RESERVATION KEY in the first REGISTER of a nexus.",
    ),
    ReservationBend.NOTHING_CONFLICTS: (
        "SPC4-5.12.7-06",
        "Refuses REGISTER with both keys zero from a stranger.",
    ),
    ReservationBend.REGISTERING_RELEASES: (
        "SPC4-5.12.7-07",
        "Ends the reservation when somebody registers.",
    ),
    ReservationBend.PORTS_ARE_FORGOTTEN: (
        "SPC4-5.12.7-08",
        "Registers the sender alone where SPEC_I_PT names others.",
    ),
    ReservationBend.REGISTRANTS_NAME_PORTS: (
        "SPC4-5.12.7-09",
        "Takes SPEC_I_PT from a nexus that is registered.",
    ),
    ReservationBend.KEY_IS_UNIQUE: (
        "SPC4-5.12.7-10",
        "Refuses a key that another nexus has registered.",
    ),
    ReservationBend.REGISTRANTS_MOVE: (
        "SPC4-5.12.8-02",
        "Lets a registrant that holds nothing move the reservation.",
    ),
    ReservationBend.MOVES_WITH_KEY_ZERO: (
        "SPC4-5.12.8-03",
        "Takes a key of zero for the nexus that it moves to.",
    ),
    ReservationBend.MOVES_TO_ITSELF: (
        "SPC4-5.12.8-05",
        "Moves a reservation to the nexus that has it.",
    ),
    ReservationBend.HOLDER_CONFLICTS: (
        "SPC4-5.12.9-03",
        "Refuses RESERVE of the holder that has reserved already.",
    ),
    ReservationBend.NEXT_TAKES_IT: (
        "SPC4-5.12.9-05",
        "Lets any registrant reserve what another holds.",
    ),
    ReservationBend.TAKES_RESERVED_TYPES: (
        "SPC4-5.12.9-06",
        "Takes reserved TYPEs and SCOPEs for write exclusive.",
    ),
    ReservationBend.SHOWS_ONE_KEY: (
        "SPC4-6.15.2-01",
        "Lists one key of all.",
    ),
    ReservationBend.HIDES_APTPL: (
        "SPC4-6.15.4-02",
        "Shows PTPL_A as zero, whatever APTPL says.",
    ),
    ReservationBend.TAKES_ANY_LENGTH: (
        "SPC4-6.16-01",
        "Takes a parameter list of any length, and zeros for what it lacks.",
    ),
    ReservationBend.RESERVED_ACTION_IS_GOOD: (
        "SPC4-6.16-02",
        "Answers reserved service actions with GOOD.",
    ),
}
