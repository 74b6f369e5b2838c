# SPDX-License-Identifier: GPL-2.0-only
"""The faults of sessions, connections and their ends.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class StateBend(StrEnum):
    """The decisions about sessions and connections that can be overridden."""

    KEEPS_OLD_CONNECTION = "reinstated-connection-stays"
    KEEPS_OLD_TASKS = "reinstatement-leaves-tasks"
    NEVER_TIMES_OUT = "state-never-times-out"
    FORGETS_AT_ONCE = "state-ends-with-its-connection"
    NEXUS_STAYS = "nexus-loss-is-not-told"
    TELLS_NO_DROP = "lost-connection-is-not-told"
    CLOSES_ONE = "session-logout-closes-one-connection"
    LOGOUT_LEAVES_TASKS = "logout-leaves-tasks"
    KEEPS_HELD = "logout-leaves-what-waits"
    ABORTS_NOTHING = "abort-task-ends-nothing"
    COLD_RESET_IS_WARM = "cold-reset-drops-nobody"
    WARM_RESET_IS_COLD = "warm-reset-drops-connections"
    UNIT_RESET_RENUMBERS = "unit-reset-renumbers"
    REACHES_LATER = "tmf-reaches-later-commands"
    REJECTS_LATE_DATA = "late-data-is-rejected"
    TELLS_OLD_SESSIONS = "old-sessions-are-told"
    WAITS_FOR_NO_GAP = "tmf-does-not-wait-for-gaps"
    DROPS_NOBODY = "logout-request-has-no-consequence"
    ENDS_ONE = "format-error-ends-one-connection"
    REFUSES_RESERVED_BITS = "reserved-bits-are-refused"
    ANSWERS_UNTAGGED = "untagged-ping-is-answered"
    NO_IMMEDIATE = "immediate-commands-are-refused"
    COMPARES_PLAINLY = "numbers-are-compared-plainly"
    TAKES_DUPLICATES = "duplicate-takes-the-place"
    NARROW_WINDOW = "last-number-is-refused"
    COUNTS_REJECTED = "rejected-command-counts"
    ANSWERS_REJECTED = "rejected-command-is-answered"
    REJECT_ENDS_TASK = "reject-ends-the-task"
    REJECTS_RETRIES = "retry-is-rejected"
    RESETS_NOTHING = "nexus-reset-ends-nothing"
    KEEPS_TEXT = "fresh-text-goes-on"
    TEXT_TAKES_PARTS = "failed-text-takes-effect"
    TEXT_TAKES_EARLY = "unfinished-text-takes-effect"
    TEXT_TAKES_AUTH = "text-takes-authentication"
    TEXT_TAKES_LEADING = "text-takes-leading-keys"
    EMPTY_IS_ALL = "empty-send-targets-is-all"
    NAME_IS_REFUSED = "named-send-targets-finds-nothing"
    CUTS_LIST = "send-targets-list-is-cut"
    IGNORES_FIN = "half-a-close-is-ignored"
    STANDS_STILL = "reassigned-task-stands-still"
    ENDS_WITH_ONE = "lost-connection-ends-the-session"
    ENDS_WITH_LOGIN = "failed-login-ends-the-session"
    WILD_NUMBER_ENDS = "wild-exp-data-sn-ends-the-task"
    ASKS_ELSEWHERE = "logout-request-on-another-connection"
    CLOSES_NOTHING = "session-logout-closes-nothing"
    TEXT_TAKES_ANYTHING = "inadmissible-text-value-is-used"
    PINGS_DISCOVERY = "discovery-session-is-pinged"
    FORGETS_SNACK_BOUNDS = "snack-of-others-is-served"
    REFUSES_SNACK = "snack-is-refused"
    RESENDS_CHANGED = "resent-pdus-are-changed"
    ZERO_IS_ONE = "snack-without-length-is-one"
    REASSIGNS_SILENTLY = "reassigned-task-goes-on-first"
    KEEPS_SNACK_TAG = "reassigned-task-keeps-its-snack-tag"
    ENDS_IMMEDIATE_NOT = "immediate-command-outlives-its-connection"
    SENDS_ALL_AGAIN = "reassigned-read-begins-anew"


STATES: Final[dict[StateBend, tuple[str, str]]] = {
    StateBend.KEEPS_OLD_CONNECTION: (
        "RFC7143-6.3.4-i02",
        "Leaves the old connection open when it is reinstated.",
    ),
    StateBend.KEEPS_OLD_TASKS: (
        "RFC7143-6.3.4-i01",
        "Leaves the tasks of a reinstated connection below level 2.",
    ),
    StateBend.NEVER_TIMES_OUT: (
        "RFC7143-7.5.1-i01",
        "Keeps the state of what failed for ever.",
    ),
    StateBend.FORGETS_AT_ONCE: (
        "RFC7143-7.5-i01",
        "Ends tasks and sessions as soon as a connection is lost.",
    ),
    StateBend.NEXUS_STAYS: (
        "RFC7143-6.3.5.1-i01",
        "Does not tell the units that a session has ended.",
    ),
    StateBend.TELLS_NO_DROP: (
        "RFC7143-7.1.4.3-06",
        "Does not tell a session that a connection of it was lost.",
    ),
    StateBend.CLOSES_ONE: (
        "RFC7143-8.1.2-i05",
        "Closes one connection where the session was to be.",
    ),
    StateBend.LOGOUT_LEAVES_TASKS: (
        "RFC7143-11.14-04",
        "Leaves the tasks of a connection that logs out.",
    ),
    StateBend.KEEPS_HELD: (
        "RFC7143-11.14-06",
        "Carries out what waits for its turn after a logout.",
    ),
    StateBend.ABORTS_NOTHING: (
        "RFC7143-11.5.1-04",
        "Answers ABORT TASK and lets the task go on.",
    ),
    StateBend.COLD_RESET_IS_WARM: (
        "RFC7143-11.5.1-17",
        "Leaves connections open at TARGET COLD RESET.",
    ),
    StateBend.WARM_RESET_IS_COLD: (
        "RFC7143-E.1-i06",
        "Ends all sessions at TARGET WARM RESET.",
    ),
    StateBend.UNIT_RESET_RENUMBERS: (
        "RFC7143-E.1-i05",
        "Begins StatSN anew at LOGICAL UNIT RESET.",
    ),
    StateBend.REACHES_LATER: (
        "RFC7143-11.5.1-i01",
        "Ends commands that come after the function, too.",
    ),
    StateBend.REJECTS_LATE_DATA: (
        "RFC7143-10.7-02",
        "Rejects data for tasks that a function has ended.",
    ),
    StateBend.TELLS_OLD_SESSIONS: (
        "RFC7143-4.2.3.5-03",
        "Sends AsyncEvent 5 to sessions without FastAbort, too.",
    ),
    StateBend.WAITS_FOR_NO_GAP: (
        "RFC7143-4.2.3.3-09",
        "Answers a function though commands before it are missing.",
    ),
    StateBend.DROPS_NOBODY: (
        "RFC7143-11.9.1-i01",
        "Waits for ever for the logout that it has asked for.",
    ),
    StateBend.ENDS_ONE: (
        "RFC7143-7.7-01",
        "Ends one connection where the whole session has failed.",
    ),
    StateBend.REFUSES_RESERVED_BITS: (
        "RFC7143-11-02",
        "Refuses PDUs whose reserved bits are set.",
    ),
    StateBend.ANSWERS_UNTAGGED: (
        "RFC7143-11.19-04",
        "Answers a NOP-Out that wants no answer.",
    ),
    StateBend.NO_IMMEDIATE: (
        "RFC7143-4.2.2.1-07",
        "Rejects every immediate command.",
    ),
    StateBend.COMPARES_PLAINLY: (
        "RFC7143-4.2.2.1-11",
        "Compares command numbers as if they could not wrap.",
    ),
    StateBend.TAKES_DUPLICATES: (
        "RFC7143-4.2.2.1-14",
        "Carries out the second of two commands of one number.",
    ),
    StateBend.NARROW_WINDOW: (
        "RFC7143-4.2.2.1-i02",
        "Ignores the command whose number is MaxCmdSN.",
    ),
    StateBend.COUNTS_REJECTED: (
        "RFC7143-7.3-02",
        "Counts a command that it rejects as received.",
    ),
    StateBend.ANSWERS_REJECTED: (
        "RFC7143-7.3-i02",
        "Rejects a command and responds to it, too.",
    ),
    StateBend.REJECT_ENDS_TASK: (
        "RFC7143-7.3-01",
        "Ends a task of which it rejects a PDU.",
    ),
    StateBend.REJECTS_RETRIES: (
        "RFC7143-7.2.1-i01",
        "Rejects the retry of a command in progress.",
    ),
    StateBend.RESETS_NOTHING: (
        "RFC7144-6.3-10",
        "Answers I_T NEXUS RESET and ends nothing.",
    ),
    StateBend.KEEPS_TEXT: (
        "RFC7143-11.10.4-i01",
        "Takes a new Text Request for the next of the old exchange.",
    ),
    StateBend.TEXT_TAKES_PARTS: (
        "RFC7143-6.2-19",
        "Lets what a failed negotiation declared take effect.",
    ),
    StateBend.TEXT_TAKES_EARLY: (
        "RFC7143-6.4-i01",
        "Lets declarations take effect before the exchange ends.",
    ),
    StateBend.TEXT_TAKES_AUTH: (
        "RFC7143-6.3-08",
        "Answers authentication keys in a Text Request.",
    ),
    StateBend.TEXT_TAKES_LEADING: (
        "RFC7143-13-01",
        "Negotiates leading-only keys in full-feature phase.",
    ),
    StateBend.EMPTY_IS_ALL: (
        "RFC7143-C-13",
        "Answers an empty SendTargets with all targets.",
    ),
    StateBend.NAME_IS_REFUSED: (
        "RFC7143-C-10",
        "Finds nothing for SendTargets with a name.",
    ),
    StateBend.CUTS_LIST: (
        "RFC7143-C-i03",
        "Returns as much of a list as one response holds.",
    ),
    StateBend.IGNORES_FIN: (
        "RFC7143-7.1.4.3-05",
        "Goes on with a connection whose peer has closed its side.",
    ),
    StateBend.STANDS_STILL: (
        "RFC7143-7.2.2-05",
        "Answers TASK REASSIGN and does nothing more.",
    ),
    StateBend.ENDS_WITH_ONE: (
        "RFC7143-7.14-03",
        "Ends a session when one of its connections is lost.",
    ),
    StateBend.ENDS_WITH_LOGIN: (
        "RFC7143-8.2-i03",
        "Ends the session that a failed login was to join.",
    ),
    StateBend.WILD_NUMBER_ENDS: (
        "RFC7143-11.5.6-05",
        "Ends a task that is reassigned with a wild ExpDataSN.",
    ),
    StateBend.ASKS_ELSEWHERE: (
        "RFC7143-11.9.1-01",
        "Asks for a logout on another connection of the session.",
    ),
    StateBend.CLOSES_NOTHING: (
        "RFC7143-11.14-05",
        "Answers the logout of a session and leaves it alone.",
    ),
    StateBend.TEXT_TAKES_ANYTHING: (
        "RFC7143-6.2-i01",
        "Uses a value that it has rejected.",
    ),
    StateBend.PINGS_DISCOVERY: (
        "RFC7143-7.4.3-01",
        "Sends a ping on discovery sessions.",
    ),
    StateBend.FORGETS_SNACK_BOUNDS: (
        "RFC7143-4.2.5.1-05",
        "Takes a SNACK for what another connection has sent.",
    ),
    StateBend.REFUSES_SNACK: (
        "RFC7143-11.16-01",
        "Refuses every SNACK.",
    ),
    StateBend.RESENDS_CHANGED: (
        "RFC7143-11.16-02",
        "Changes what it sends again.",
    ),
    StateBend.ZERO_IS_ONE: (
        "RFC7143-11.16-i01",
        "Takes RunLength 0 for 1.",
    ),
    StateBend.REASSIGNS_SILENTLY: (
        "RFC7143-7.2.2-09",
        "Goes on with a task before it answers TASK REASSIGN.",
    ),
    StateBend.KEEPS_SNACK_TAG: (
        "RFC7143-7.2.2-10",
        "Keeps the SNACK Tag over a reassignment.",
    ),
    StateBend.ENDS_IMMEDIATE_NOT: (
        "RFC7143-7.14-05",
        "Keeps immediate commands of a lost connection.",
    ),
    StateBend.SENDS_ALL_AGAIN: (
        "RFC7143-11.5.6-02",
        "Sends all data of a reassigned read, whatever ExpDataSN says.",
    ),
}
