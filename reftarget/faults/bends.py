# SPDX-License-Identifier: GPL-2.0-only
"""The faults that override one decision of the iSCSI layer where it is made.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class Bend(StrEnum):
    """The decisions that can be overridden."""

    RUNS_OUT_OF_ORDER = "command-runs-before-the-gap-is-filled"
    RUNS_BELOW_WINDOW = "command-below-window-is-executed"
    RUNS_ABOVE_WINDOW = "command-above-window-is-executed"
    TAKES_ANY_FIRST_PDU = "first-pdu-need-not-be-login"
    TAKES_REPEATED_KEY = "login-takes-repeated-key"
    TAKES_KEY_OF_OTHER_STAGE = "login-takes-key-of-other-stage"
    TAKES_WRONG_CHAP_R = "chap-takes-any-response"
    TAKES_REFLECTION = "chap-takes-reflected-challenge"
    SKIPS_SECURITY = "login-may-skip-authentication"
    TAKES_UNKNOWN_TSIH = "login-takes-unknown-tsih"
    BREAKS_ISID_RULE = "isid-rule-is-not-kept"
    TAKES_TOO_MANY_CONNECTIONS = "max-connections-is-not-kept"
    SERVES_COMMANDS_IN_DISCOVERY = "discovery-takes-any-request"
    LISTS_FORBIDDEN_TARGETS = "send-targets-lists-forbidden-targets"
    ANSWERS_ALL_IN_NORMAL = "send-targets-all-on-normal-session"
    IGNORES_DATA_OUT_LUN = "data-out-lun-is-not-checked"
    TAKES_BAD_DATA_DIGEST = "data-digest-is-not-checked"
    OVERRUNS_MAX_BURST = "r2t-asks-beyond-max-burst"
    OVERRUNS_MAX_R2T = "r2t-beyond-max-outstanding"
    OVERRUNS_MAX_DATA_SEGMENT = "data-in-beyond-max-recv-data-segment"
    ABORTS_TMF = "abort-task-of-tmf-completes"
    FORGETS_GAP = "abort-task-leaves-the-gap"
    KEEPS_TASKS_ON_LUN_RESET = "lun-reset-leaves-tasks"
    TAKES_UNKNOWN_CID = "logout-of-unknown-cid-succeeds"
    TAKES_ANY_SNACK = "snack-of-unsent-is-ignored"
    SPOILS_HEADER_DIGEST = "header-digest-is-wrong"
    SPOILS_DATA_DIGEST = "data-digest-is-wrong"
    OMITS_DATA_DIGEST_PADDING = "data-digest-leaves-padding-out"
    PADS_WITH_ONES = "padding-is-not-zero"
    SETS_RESERVED_BITS = "reserved-bits-are-set"
    SHOWS_STALE_MAX_DATA_SEGMENT = "redeclared-max-data-segment-is-ignored"
    TAKES_FOREIGN_IDENTITY = "chap-name-is-anybodys"
    MIXES_IDENTITIES = "added-connection-has-another-identity"
    LETS_ANYBODY_RESET = "anybody-may-reset-the-target"
    WAITS_FOR_EVER = "login-has-no-end-of-time"
    NEEDS_TO_BE_UNDERSTOOD = "not-understood-ends-the-login"
    OFFERS_OLD_REPORTING_ALONE = "task-reporting-is-offered-alone"
    RAISES_NO_FENCE = "response-fence-is-not-raised"
    LOWERS_FENCE_AT_ONCE = "response-fence-ends-when-it-is-passed"
    NO_FENCE_FOR_PREEMPT = "response-fence-lets-preempt-and-abort-pass"
    NO_FENCE_FOR_ATTENTIONS = "response-fence-lets-unit-attentions-pass"
    NO_FENCE_FOR_ACA = "response-fence-lets-aca-pass"
    NO_FENCE_FOR_ACA_ACTIVE = "response-fence-lets-aca-active-pass"
    NO_FENCE_FOR_CLEAR_ACA = "response-fence-lets-clear-aca-pass"
    OFFERS_NO_ACA = "aca-is-not-offered"
    WAITS_FOR_THIRD_PARTIES = "tmf-waits-for-gaps-of-third-parties"
    ABORTS_WITHOUT_DATA = "tmf-does-not-wait-for-data"
    COUNTS_DATA_BY_ITSELF = "bidirectional-data-is-numbered-by-itself"
    FORGETS_READ_RESIDUAL = "bidirectional-read-residual-is-left-out"
    STATUS_RIDES_ON_ALL_DATA = "bidirectional-status-rides-on-data"
    CUTS_CDB = "extended-cdb-is-cut"
    IGNORES_READ_LENGTH = "bidirectional-read-length-is-ignored"
    OPENS_WINDOW_IN_SILENCE = "window-opens-in-silence"
    REFUSES_SECOND_CONNECTION = "reinstatement-is-refused-below-level-2"
    NAMES_ANOTHER_DEVICE = "device-name-is-not-the-node-name"
    NAMES_ANOTHER_PORT = "port-name-is-malformed"
    SHOWS_NO_LEVEL = "version-descriptor-shows-no-level"
    OMITS_PADDING = "ping-answer-is-not-padded"
    ADDS_SEGMENTS = "login-response-has-an-ahs"
    SPEAKS_AS_INITIATOR = "response-has-an-initiators-opcode"
    DIGESTS_LOGINS = "login-response-has-a-digest"
    OLD_TELLS_NOBODY = "old-session-tells-no-third-party"


BENDS: Final[dict[Bend, tuple[str, str]]] = {
    Bend.RUNS_OUT_OF_ORDER: (
        "RFC7143-4.2.2.1-08",
        "Executes a command at once though those before it are missing.",
    ),
    Bend.RUNS_BELOW_WINDOW: (
        "RFC7143-4.2.2.1-13",
        "Executes a command whose CmdSN lies before ExpCmdSN.",
    ),
    Bend.RUNS_ABOVE_WINDOW: (
        "RFC7143-4.2.2.1-13",
        "Executes a command whose CmdSN lies beyond MaxCmdSN.",
    ),
    Bend.TAKES_ANY_FIRST_PDU: (
        "RFC7143-4.2.4-07",
        "Keeps a connection whose first PDU is no Login Request.",
    ),
    Bend.TAKES_REPEATED_KEY: (
        "RFC7143-6.3-15",
        "Lets pass a key that is offered twice in a login.",
    ),
    Bend.TAKES_KEY_OF_OTHER_STAGE: (
        "RFC7143-6.3-i01",
        "Lets pass an operational key in the security stage.",
    ),
    Bend.TAKES_WRONG_CHAP_R: (
        "RFC7143-12.1.3-04",
        "Lets in whoever sends a CHAP_R, right or wrong.",
    ),
    Bend.TAKES_REFLECTION: (
        "RFC7143-9.2.1-14",
        "Answers its own challenge when it is sent back.",
    ),
    Bend.SKIPS_SECURITY: (
        "RFC7143-12.1-03",
        "Lets in who skips the security stage.",
    ),
    Bend.TAKES_UNKNOWN_TSIH: (
        "RFC7143-6.3.1-i01",
        "Makes a new session for a TSIH that does not exist.",
    ),
    Bend.BREAKS_ISID_RULE: (
        "RFC7143-4.4.3-i01",
        "Keeps the old session when a new one has its name, ISID and group.",
    ),
    Bend.TAKES_TOO_MANY_CONNECTIONS: (
        "RFC7143-13.2-i02",
        "Takes connections beyond MaxConnections.",
    ),
    Bend.SERVES_COMMANDS_IN_DISCOVERY: (
        "RFC7143-4.3-02",
        "Answers a NOP-Out on a discovery session.",
    ),
    Bend.LISTS_FORBIDDEN_TARGETS: (
        "RFC7143-C-15",
        "Names targets that the initiator may not access.",
    ),
    Bend.ANSWERS_ALL_IN_NORMAL: (
        "RFC7143-C-09",
        "Answers SendTargets=All on a normal session.",
    ),
    Bend.IGNORES_DATA_OUT_LUN: (
        "RFC7143-4.2.5.3-01",
        "Takes Data-Out whose LUN is not the command's.",
    ),
    Bend.TAKES_BAD_DATA_DIGEST: (
        "RFC7143-7.8-03",
        "Uses data whose digest does not match.",
    ),
    Bend.OVERRUNS_MAX_BURST: (
        "RFC7143-11.8.4-02",
        "Asks for all data in one R2T.",
    ),
    Bend.OVERRUNS_MAX_R2T: (
        "RFC7143-11.8-i01",
        "Sends one R2T more than MaxOutstandingR2T.",
    ),
    Bend.OVERRUNS_MAX_DATA_SEGMENT: (
        "RFC7143-11.7.1-02",
        "Sends Data-In longer than the initiator's MaxRecvDataSegmentLength.",
    ),
    Bend.ABORTS_TMF: (
        "RFC7143-11.5.1-13",
        "Answers ABORT TASK of a task management function with Function complete.",
    ),
    Bend.FORGETS_GAP: (
        "RFC7143-7.11-03",
        "Does not count an aborted command that never came as received.",
    ),
    Bend.KEEPS_TASKS_ON_LUN_RESET: (
        "RFC7143-11.5.1-14",
        "Leaves the tasks of a logical unit alone when it is reset.",
    ),
    Bend.TAKES_UNKNOWN_CID: (
        "RFC7143-11.15.1-i01",
        "Answers success to the logout of a connection that does not exist.",
    ),
    Bend.TAKES_ANY_SNACK: (
        "RFC7143-11.16-07",
        "Ignores a SNACK for what was never sent.",
    ),
    Bend.SPOILS_HEADER_DIGEST: (
        "RFC7143-13.1-02",
        "Sends header digests that do not match.",
    ),
    Bend.SPOILS_DATA_DIGEST: (
        "RFC7143-13.1-04",
        "Sends data digests that do not match.",
    ),
    Bend.OMITS_DATA_DIGEST_PADDING: (
        "RFC7143-11.2.3-i01",
        "Leaves the padding out of the data digest.",
    ),
    Bend.PADS_WITH_ONES: (
        "RFC7143-11.1-01",
        "Pads data segments with bytes other than 0.",
    ),
    Bend.SETS_RESERVED_BITS: (
        "RFC7143-11-01",
        "Sets the reserved first bit of every PDU.",
    ),
    Bend.SHOWS_STALE_MAX_DATA_SEGMENT: (
        "RFC7143-13.12-i02",
        "Keeps to the old MaxRecvDataSegmentLength after a new one was declared.",
    ),
    Bend.TAKES_FOREIGN_IDENTITY: (
        "RFC7143-9.2-10",
        "Lets an initiator name in with the CHAP name of another.",
    ),
    Bend.MIXES_IDENTITIES: (
        "RFC7143-9.2-12",
        "Adds a connection of another CHAP name to a session.",
    ),
    Bend.LETS_ANYBODY_RESET: (
        "RFC7143-11.5.1-16",
        "Resets the target for initiators that are not authorized.",
    ),
    Bend.WAITS_FOR_EVER: (
        "RFC7143-8.1.2-i01",
        "Keeps connections whose login does not go on.",
    ),
    Bend.NEEDS_TO_BE_UNDERSTOOD: (
        "RFC7143-6.2-09",
        "Ends a login when its own key is not understood.",
    ),
    Bend.OFFERS_OLD_REPORTING_ALONE: (
        "RFC7143-13.23-02",
        "Offers TaskReporting with RFC3720 as the only value.",
    ),
    Bend.RAISES_NO_FENCE: (
        "RFC7143-4.2.2.3.3-03",
        "Sends fenced responses at once.",
    ),
    Bend.LOWERS_FENCE_AT_ONCE: (
        "RFC7143-4.2.2.3.3-04",
        "Does not wait for the acknowledgement of a fenced response.",
    ),
    Bend.NO_FENCE_FOR_PREEMPT: (
        "RFC7143-4.2.2.3.4-06",
        "Does not fence the response to PREEMPT AND ABORT.",
    ),
    Bend.NO_FENCE_FOR_ATTENTIONS: (
        "RFC7143-4.2.2.3.4-01",
        "Does not fence the unit attention after a multi-task abort.",
    ),
    Bend.NO_FENCE_FOR_ACA: (
        "RFC7143-4.2.2.3.4-03",
        "Does not fence the response that establishes ACA.",
    ),
    Bend.NO_FENCE_FOR_ACA_ACTIVE: (
        "RFC7143-4.2.2.3.4-04",
        "Does not fence the first ACA ACTIVE.",
    ),
    Bend.NO_FENCE_FOR_CLEAR_ACA: (
        "RFC7143-4.2.2.3.4-05",
        "Does not fence the response to CLEAR ACA.",
    ),
    Bend.OFFERS_NO_ACA: (
        "RFC7143-10.2-02",
        "Says NormACA=0 and does not know CLEAR ACA.",
    ),
    Bend.WAITS_FOR_THIRD_PARTIES: (
        "RFC7143-4.2.3.3-10",
        "Waits for commands that have not come on other sessions.",
    ),
    Bend.ABORTS_WITHOUT_DATA: (
        "RFC7143-4.2.3.3-07",
        "Ends tasks whose data is under way.",
    ),
    Bend.COUNTS_DATA_BY_ITSELF: (
        "RFC7143-4.2.2.4-i01",
        "Numbers Data-In from 0 beside the R2Ts of a bidirectional command.",
    ),
    Bend.FORGETS_READ_RESIDUAL: (
        "RFC7143-11.4.6-01",
        "Tells nothing of a bidirectional command's read residual.",
    ),
    Bend.STATUS_RIDES_ON_ALL_DATA: (
        "RFC7143-11.7.3-02",
        "Sends the status of a bidirectional command in its last Data-In.",
    ),
    Bend.CUTS_CDB: (
        "RFC7143-11.2.2.3-i01",
        "Ignores the part of a CDB that comes in an AHS.",
    ),
    Bend.IGNORES_READ_LENGTH: (
        "RFC7143-11.2.2.4-i01",
        "Takes what a bidirectional command writes for what it reads.",
    ),
    Bend.OPENS_WINDOW_IN_SILENCE: (
        "RFC7143-11.4.11-01",
        "Sends no NOP-In when MaxCmdSN changes and nothing else is to be sent.",
    ),
    Bend.REFUSES_SECOND_CONNECTION: (
        "RFC7143-4.2.1-03",
        "Refuses a second connection where MaxConnections is 1, also to replace.",
    ),
    Bend.NAMES_ANOTHER_DEVICE: (
        "RFC7143-4.4.2-01",
        "Gives a SCSI device name that is not the node's.",
    ),
    Bend.NAMES_ANOTHER_PORT: (
        "RFC7143-4.4.2-03",
        "Gives a SCSI port name of another form.",
    ),
    Bend.SHOWS_NO_LEVEL: (
        "RFC7144-4.2-01",
        "Gives a version descriptor that does not tell the level.",
    ),
    Bend.OMITS_PADDING: (
        "RFC7143-11.1-i01",
        "Leaves out the padding of answers to pings.",
    ),
    Bend.ADDS_SEGMENTS: (
        "RFC7143-11.2-i01",
        "Puts an additional header segment into Login Responses on the way.",
    ),
    Bend.SPEAKS_AS_INITIATOR: (
        "RFC7143-11.2.1.2-02",
        "Sends SCSI Responses under the opcode of a SCSI Command.",
    ),
    Bend.DIGESTS_LOGINS: (
        "RFC7143-13.1-i01",
        "Puts a header digest into the Login Response that agrees on it.",
    ),
    Bend.OLD_TELLS_NOBODY: (
        "RFC7143-4.2.3.5-01",
        "Tells FastAbort sessions nothing of what an older one ends.",
    ),
}
