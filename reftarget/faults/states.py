# SPDX-License-Identifier: GPL-2.0-only
"""The faults of sessions, connections and their ends."""

from enum import StrEnum
from typing import Final

from reftarget.faults.row import Fault


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


STATES: Final = (
    Fault(
        name=StateBend.KEEPS_OLD_CONNECTION,
        breaks=("RFC7143-6.3.4-i02", "RFC7143-11.14-07"),
        says="Leaves the old connection open when it is reinstated.",
        also="logouts leave their connections open, too",
    ),
    Fault(
        name=StateBend.KEEPS_OLD_TASKS,
        breaks=("RFC7143-6.3.4-i01",),
        says="Leaves the tasks of a reinstated connection below level 2.",
    ),
    Fault(
        name=StateBend.NEVER_TIMES_OUT,
        breaks=(
            "RFC7143-7.5.1-i01",
            "RFC7143-6.3.5-i02",
            "RFC7143-7.15-i01",
            "RFC7143-8.2-i04",
            "RFC7143-7.6-i01",
            "RFC7143-7.1.4-i01",
            "RFC7143-7.5.2-i01",
        ),
        says="Keeps the state of what failed for ever.",
    ),
    Fault(
        name=StateBend.FORGETS_AT_ONCE,
        breaks=(
            "RFC7143-7.5-i01",
            "RFC7143-8.3.2-i02",
            "RFC7143-8.3.2-i03",
            "RFC7143-8.2-i02",
        ),
        says="Ends tasks and sessions as soon as a connection is lost.",
    ),
    Fault(
        name=StateBend.NEXUS_STAYS,
        breaks=("RFC7143-6.3.5.1-i01",),
        says="Does not tell the units that a session has ended.",
        also="what ends with the nexus stays",
    ),
    Fault(
        name=StateBend.TELLS_NO_DROP,
        breaks=("RFC7143-7.1.4.3-06",),
        says="Does not tell a session that a connection of it was lost.",
    ),
    Fault(
        name=StateBend.CLOSES_ONE,
        breaks=("RFC7143-8.1.2-i05", "RFC7143-11.15-01"),
        says="Closes one connection where the session was to be.",
    ),
    Fault(
        name=StateBend.LOGOUT_LEAVES_TASKS,
        breaks=("RFC7143-11.14-04", "RFC7143-E.1-i03", "RFC7143-11.14.5-01"),
        says="Leaves the tasks of a connection that logs out.",
    ),
    Fault(
        name=StateBend.KEEPS_HELD,
        breaks=("RFC7143-11.14-06",),
        says="Carries out what waits for its turn after a logout.",
    ),
    Fault(
        name=StateBend.ABORTS_NOTHING,
        breaks=("RFC7143-11.5.1-04",),
        says="Answers ABORT TASK and lets the task go on.",
    ),
    Fault(
        name=StateBend.COLD_RESET_IS_WARM,
        breaks=("RFC7143-11.5.1-17", "RFC7143-E.2-i01"),
        says="Leaves connections open at TARGET COLD RESET.",
    ),
    Fault(
        name=StateBend.WARM_RESET_IS_COLD,
        breaks=("RFC7143-E.1-i06",),
        says="Ends all sessions at TARGET WARM RESET.",
    ),
    Fault(
        name=StateBend.UNIT_RESET_RENUMBERS,
        breaks=("RFC7143-E.1-i05",),
        says="Begins StatSN anew at LOGICAL UNIT RESET.",
        also="resets bring about what other checks look at",
    ),
    Fault(
        name=StateBend.REACHES_LATER,
        breaks=("RFC7143-11.5.1-i01",),
        says="Ends commands that come after the function, too.",
    ),
    Fault(
        name=StateBend.REJECTS_LATE_DATA,
        breaks=("RFC7143-10.7-02", "RFC7143-4.2.3.4-11"),
        says="Rejects data for tasks that a function has ended.",
    ),
    Fault(
        name=StateBend.TELLS_OLD_SESSIONS,
        breaks=("RFC7143-4.2.3.5-03", "RFC7143-11.9.1-08"),
        says="Sends AsyncEvent 5 to sessions without FastAbort, too.",
    ),
    Fault(
        name=StateBend.WAITS_FOR_NO_GAP,
        breaks=("RFC7143-4.2.3.3-09", "RFC7143-4.2.3.4-08"),
        says="Answers a function though commands before it are missing.",
    ),
    Fault(
        name=StateBend.DROPS_NOBODY,
        breaks=("RFC7143-11.9.1-i01",),
        says="Waits for ever for the logout that it has asked for.",
    ),
    Fault(
        name=StateBend.ENDS_ONE,
        breaks=("RFC7143-7.7-01",),
        says="Ends one connection where the whole session has failed.",
    ),
    Fault(
        name=StateBend.REFUSES_RESERVED_BITS,
        breaks=("RFC7143-11-02",),
        says="Refuses PDUs whose reserved bits are set.",
    ),
    Fault(
        name=StateBend.ANSWERS_UNTAGGED,
        breaks=("RFC7143-11.19-04",),
        says="Answers a NOP-Out that wants no answer.",
        also="status is acknowledged by an untagged ping",
    ),
    Fault(
        name=StateBend.NO_IMMEDIATE,
        breaks=("RFC7143-4.2.2.1-07",),
        says="Rejects every immediate command.",
        also="many checks prove silence by an immediate ping",
    ),
    Fault(
        name=StateBend.COMPARES_PLAINLY,
        breaks=("RFC7143-4.2.2.1-11",),
        says="Compares command numbers as if they could not wrap.",
    ),
    Fault(
        name=StateBend.TAKES_DUPLICATES,
        breaks=("RFC7143-4.2.2.1-14",),
        says="Carries out the second of two commands of one number.",
    ),
    Fault(
        name=StateBend.NARROW_WINDOW,
        breaks=("RFC7143-4.2.2.1-i02",),
        says="Ignores the command whose number is MaxCmdSN.",
    ),
    Fault(
        name=StateBend.COUNTS_REJECTED,
        breaks=("RFC7143-7.3-02",),
        says="Counts a command that it rejects as received.",
    ),
    Fault(
        name=StateBend.ANSWERS_REJECTED,
        breaks=("RFC7143-7.3-i02",),
        says="Rejects a command and responds to it, too.",
        also="a Reject is then followed by a response",
    ),
    Fault(
        name=StateBend.REJECT_ENDS_TASK,
        breaks=("RFC7143-7.3-01",),
        says="Ends a task of which it rejects a PDU.",
    ),
    Fault(
        name=StateBend.REJECTS_RETRIES,
        breaks=("RFC7143-7.2.1-i01", "RFC7143-4.2.2.1-16"),
        says="Rejects the retry of a command in progress.",
    ),
    Fault(
        name=StateBend.RESETS_NOTHING,
        breaks=(
            "RFC7144-6.3-10",
            "RFC7144-6.3-11",
            "RFC7144-6.3-12",
            "RFC7144-6.3-13",
            "RFC7144-6.5-01",
            "RFC7144-6.3-04",
        ),
        says="Answers I_T NEXUS RESET and ends nothing.",
    ),
    Fault(
        name=StateBend.KEEPS_TEXT,
        breaks=("RFC7143-11.10.4-i01",),
        says="Takes a new Text Request for the next of the old exchange.",
    ),
    Fault(
        name=StateBend.TEXT_TAKES_PARTS,
        breaks=("RFC7143-6.2-19", "RFC7143-7.12-03", "RFC7143-7.12-04"),
        says="Lets what a failed negotiation declared take effect.",
    ),
    Fault(
        name=StateBend.TEXT_TAKES_EARLY,
        breaks=("RFC7143-6.4-i01",),
        says="Lets declarations take effect before the exchange ends.",
    ),
    Fault(
        name=StateBend.TEXT_TAKES_AUTH,
        breaks=("RFC7143-6.3-08",),
        says="Answers authentication keys in a Text Request.",
    ),
    Fault(
        name=StateBend.TEXT_TAKES_LEADING,
        breaks=("RFC7143-13-01",),
        says="Negotiates leading-only keys in full-feature phase.",
    ),
    Fault(
        name=StateBend.EMPTY_IS_ALL,
        breaks=("RFC7143-C-13",),
        says="Answers an empty SendTargets with all targets.",
    ),
    Fault(
        name=StateBend.NAME_IS_REFUSED,
        breaks=("RFC7143-C-10", "RFC7143-C-11"),
        says="Finds nothing for SendTargets with a name.",
    ),
    Fault(
        name=StateBend.CUTS_LIST,
        breaks=("RFC7143-C-i03",),
        says="Returns as much of a list as one response holds.",
    ),
    Fault(
        name=StateBend.IGNORES_FIN,
        breaks=("RFC7143-7.1.4.3-05", "RFC7143-7.14-04"),
        says="Goes on with a connection whose peer has closed its side.",
    ),
    Fault(
        name=StateBend.STANDS_STILL,
        breaks=(
            "RFC7143-7.2.2-05",
            "RFC7143-7.2.2-02",
            "RFC7143-E.1-i02",
            "RFC7143-11.5.6-03",
        ),
        says="Answers TASK REASSIGN and does nothing more.",
    ),
    Fault(
        name=StateBend.ENDS_WITH_ONE,
        breaks=("RFC7143-7.14-03", "RFC7143-8.2-i01", "RFC7143-8.1.2-i10"),
        says="Ends a session when one of its connections is lost.",
        also="recovery within the session is then over",
    ),
    Fault(
        name=StateBend.ENDS_WITH_LOGIN,
        breaks=("RFC7143-8.2-i03", "RFC7143-8.3.2-i04"),
        says="Ends the session that a failed login was to join.",
    ),
    Fault(
        name=StateBend.WILD_NUMBER_ENDS,
        breaks=("RFC7143-11.5.6-05",),
        says="Ends a task that is reassigned with a wild ExpDataSN.",
    ),
    Fault(
        name=StateBend.ASKS_ELSEWHERE,
        breaks=("RFC7143-11.9.1-01",),
        says="Asks for a logout on another connection of the session.",
    ),
    Fault(
        name=StateBend.CLOSES_NOTHING,
        breaks=("RFC7143-11.14-05", "RFC7143-E.1-i01", "RFC7143-8.1.2-i04"),
        says="Answers the logout of a session and leaves it alone.",
        also="many checks end with a logout",
    ),
    Fault(
        name=StateBend.TEXT_TAKES_ANYTHING,
        breaks=("RFC7143-6.2-i01",),
        says="Uses a value that it has rejected.",
        also="a segment length of 0 breaks every exchange",
    ),
    Fault(
        name=StateBend.PINGS_DISCOVERY,
        breaks=("RFC7143-7.4.3-01",),
        says="Sends a ping on discovery sessions.",
        also="its ping comes between a request and its answer",
    ),
    Fault(
        name=StateBend.FORGETS_SNACK_BOUNDS,
        breaks=("RFC7143-4.2.5.1-05",),
        says="Takes a SNACK for what another connection has sent.",
    ),
    Fault(
        name=StateBend.REFUSES_SNACK,
        breaks=(
            "RFC7143-11.16-01",
            "RFC7143-7.1.5-01",
            "RFC7143-7.1.5-02",
            "RFC7143-7.8-08",
        ),
        says="Refuses every SNACK.",
        also="what follows a refusal is judged where one comes",
    ),
    Fault(
        name=StateBend.RESENDS_CHANGED,
        breaks=("RFC7143-11.16-02", "RFC7143-11.16-05", "RFC7143-11.4.9-01"),
        says="Changes what it sends again.",
    ),
    Fault(
        name=StateBend.ZERO_IS_ONE,
        breaks=("RFC7143-11.16-i01",),
        says="Takes RunLength 0 for 1.",
    ),
    Fault(
        name=StateBend.REASSIGNS_SILENTLY,
        breaks=("RFC7143-7.2.2-09", "RFC7143-11.5.1-19", "RFC7143-11.6-01"),
        says="Goes on with a task before it answers TASK REASSIGN.",
    ),
    Fault(
        name=StateBend.KEEPS_SNACK_TAG,
        breaks=("RFC7143-7.2.2-10",),
        says="Keeps the SNACK Tag over a reassignment.",
    ),
    Fault(
        name=StateBend.ENDS_IMMEDIATE_NOT,
        breaks=("RFC7143-7.14-05",),
        says="Keeps immediate commands of a lost connection.",
    ),
    Fault(
        name=StateBend.SENDS_ALL_AGAIN,
        breaks=("RFC7143-11.5.6-02", "RFC7143-7.2.2-03"),
        says="Sends all data of a reassigned read, whatever ExpDataSN says.",
    ),
)
