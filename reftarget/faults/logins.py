# SPDX-License-Identifier: GPL-2.0-only
"""The faults of logins: stages, text, names and proofs."""

from enum import StrEnum
from typing import Final

from reftarget.faults.row import Fault


class LoginBend(StrEnum):
    """The decisions of a login that can be overridden."""

    TAKES_OTHER_PDUS = "login-takes-other-pdus"
    STAYS_OPEN = "refused-login-stays-open"
    REFUSES_LONG_NAMES = "long-initiator-name-is-refused"
    REFUSES_LONG_TEXT = "long-login-text-is-refused"
    FOLDS_CASE = "login-keys-of-any-case"
    REFUSES_BASE64 = "chap-response-in-base64-is-refused"
    FORGETS_PARTS = "login-forgets-what-was-continued"
    ANSWERS_PARTS = "continued-login-is-answered"
    ANSWERS_TWICE = "login-is-answered-twice"
    ANSWERS_RANGES = "range-is-answered-by-a-range"
    TAKES_ANY_ANSWER = "own-offer-takes-any-answer"
    TAKES_RESERVED_WORDS = "reserved-words-are-no-offers"
    FIVE_EXCHANGES = "login-ends-after-five-exchanges"
    REFUSES_UNKNOWN_VALUES = "list-with-unknown-values-is-refused"
    TAKES_ANY_STAGE = "login-takes-any-stage"
    NEEDS_SECURITY = "discovery-needs-the-security-stage"
    ADDS_NONE = "connection-is-never-added"
    NEEDS_MUTUAL = "chap-needs-to-be-mutual"
    ONE_CHALLENGE = "chap-challenge-is-always-the-same"
    TRUSTS_ADDED = "added-connection-need-not-prove-itself"
    NEEDS_EQUAL_NAMES = "chap-name-must-be-the-initiators"
    NEVER_PROVES = "target-never-proves-itself"
    REFUSES_LONG_PROOFS = "long-secrets-are-refused"
    TAKES_OWN_PROOF = "chap-takes-the-targets-own-secret"
    NEEDS_CHAP = "authentication-is-always-due"
    NO_MD5 = "md5-is-not-known"
    ANSWERS_DECLARATIONS = "declarations-are-answered"
    SHUNS_ARCHITECTURES = "known-architectures-are-refused"
    LOOKS_AT_LATER_VERSIONS = "later-versions-count"
    ONE_SESSION = "one-session-an-initiator"
    ONE_DISCOVERY = "discovery-is-for-one-portal"
    FORGIVES = "failed-negotiation-is-forgiven"
    DROPS_IN_SILENCE = "failed-negotiation-has-no-status"
    IGNORES_STRAY_KEYS = "stray-chap-keys-are-ignored"
    ZERO_IS_TAKEN = "login-uses-up-number-zero"
    ONE_CID = "every-connection-is-number-one"
    ONE_DISCOVERY_SESSION = "one-discovery-session-an-initiator"
    SHUNS_FAILED = "failed-session-is-not-reinstated"
    FORGETS_OTHERS = "login-ends-the-tasks-of-others"


LOGINS: Final = (
    Fault(
        name=LoginBend.TAKES_OTHER_PDUS,
        breaks=("RFC7143-4.2.4-08", "RFC7143-4.2.4-04", "RFC7143-7.1.4-02"),
        says="Lets other PDUs pass amid a login without a word.",
    ),
    Fault(
        name=LoginBend.STAYS_OPEN,
        breaks=(
            "RFC7143-11.13.5-06",
            "RFC7143-4.2.4-09",
            "RFC7143-8.1.2-i03",
            "RFC7143-7.12-02",
            "RFC7143-8.3.2-i01",
        ),
        says="Keeps a connection open whose login it has refused.",
    ),
    Fault(
        name=LoginBend.REFUSES_LONG_NAMES,
        breaks=("RFC7143-4.2.7.1-03",),
        says="Refuses initiator names of more than 200 bytes.",
    ),
    Fault(
        name=LoginBend.REFUSES_LONG_TEXT,
        breaks=("RFC7143-6.1-04",),
        says="Refuses a login with more than 4000 bytes of text.",
    ),
    Fault(
        name=LoginBend.FOLDS_CASE,
        breaks=("RFC7143-6.1-i01",),
        says="Takes key names in capitals or small letters alike.",
    ),
    Fault(
        name=LoginBend.REFUSES_BASE64,
        breaks=("RFC7143-6.1-i03", "RFC7143-12.1.3-i03"),
        says="Takes CHAP_R in hexadecimal alone.",
    ),
    Fault(
        name=LoginBend.FORGETS_PARTS,
        breaks=("RFC7143-6.1-i05",),
        says="Forgets the text of Login Requests with C=1.",
        also="continued texts carry what other checks need",
    ),
    Fault(
        name=LoginBend.ANSWERS_PARTS,
        breaks=("RFC7143-6.2-02",),
        says="Answers a Login Request with C=1 with text of its own.",
    ),
    Fault(
        name=LoginBend.ANSWERS_TWICE,
        breaks=("RFC7143-6.3-01", "RFC7143-6.2-05"),
        says="Sends each Login Response twice.",
        also="the second answer meets whatever comes next",
    ),
    Fault(
        name=LoginBend.ANSWERS_RANGES,
        breaks=("RFC7143-6.2-07", "RFC7143-6.2.2-04"),
        says="Answers a range where a number is due with the same range.",
    ),
    Fault(
        name=LoginBend.TAKES_ANY_ANSWER,
        breaks=("RFC7143-6.2.1-04", "RFC7143-6.2-11"),
        says="Offers a digest list of its own and takes any answer to it.",
    ),
    Fault(
        name=LoginBend.TAKES_RESERVED_WORDS,
        breaks=("RFC7143-6.2-12",),
        says="Lets offers of Reject, Irrelevant and NotUnderstood pass.",
    ),
    Fault(
        name=LoginBend.FIVE_EXCHANGES,
        breaks=("RFC7143-6.2-23",),
        says="Refuses the sixth exchange of a login.",
    ),
    Fault(
        name=LoginBend.REFUSES_UNKNOWN_VALUES,
        breaks=("RFC7143-6.2.1-03",),
        says="Refuses a list that holds a value it does not know.",
    ),
    Fault(
        name=LoginBend.TAKES_ANY_STAGE,
        breaks=(
            "RFC7143-6.3-12",
            "RFC7143-6.3-06",
            "RFC7143-6.3-07",
            "RFC7143-11.12.3-i01",
            "RFC7143-11-03",
        ),
        says="Follows every transition, in whatever order.",
    ),
    Fault(
        name=LoginBend.NEEDS_SECURITY,
        breaks=("RFC7143-6.3.3-01",),
        says="Refuses discovery logins that begin in the operational stage.",
        also="discovery sessions begin without it",
    ),
    Fault(
        name=LoginBend.ADDS_NONE,
        breaks=("RFC7143-6.3.1-i04",),
        says="Refuses every login that joins a session.",
        also="no session has a second connection",
    ),
    Fault(
        name=LoginBend.NEEDS_MUTUAL,
        breaks=("RFC7143-9.2-01",),
        says="Refuses an initiator that does not challenge it.",
    ),
    Fault(
        name=LoginBend.ONE_CHALLENGE,
        breaks=("RFC7143-9.2-02",),
        says="Sends the same challenge on every connection.",
    ),
    Fault(
        name=LoginBend.TRUSTS_ADDED,
        breaks=("RFC7143-9.2-11", "RFC7143-9.2-13"),
        says="Lets a connection join an authenticated session unproved.",
    ),
    Fault(
        name=LoginBend.NEEDS_EQUAL_NAMES,
        breaks=("RFC7143-9.2-06",),
        says="Refuses a CHAP_N that is not the initiator name.",
        also="no login by CHAP comes to its end",
    ),
    Fault(
        name=LoginBend.NEVER_PROVES,
        breaks=("RFC7143-9.2.1-01", "RFC7143-12.1.3-05"),
        says="Ignores the challenge of an initiator.",
        also="no login by mutual CHAP comes to its end",
    ),
    Fault(
        name=LoginBend.REFUSES_LONG_PROOFS,
        breaks=("RFC7143-9.2.1-02",),
        says="Refuses who proves a secret of 128 bits or more.",
    ),
    Fault(
        name=LoginBend.TAKES_OWN_PROOF,
        breaks=("RFC7143-9.2.1-10", "RFC7143-9.2.1-11"),
        says="Lets in who proves the secret that is its own.",
    ),
    Fault(
        name=LoginBend.NEEDS_CHAP,
        breaks=("RFC7143-12.1-02",),
        says="Refuses AuthMethod=None everywhere.",
        also="logins by way of security without it are refused",
    ),
    Fault(
        name=LoginBend.NO_MD5,
        breaks=("RFC7143-12.1.3-i01",),
        says="Knows every CHAP algorithm but MD5.",
        also="no login by CHAP comes to its end",
    ),
    Fault(
        name=LoginBend.ANSWERS_DECLARATIONS,
        breaks=("RFC7143-13-i02",),
        says="Answers declared keys.",
    ),
    Fault(
        name=LoginBend.SHUNS_ARCHITECTURES,
        breaks=("RFC7143-13.26.2-02", "RFC7143-13.26.2-01"),
        says="Refuses who tells his X#NodeArchitecture.",
    ),
    Fault(
        name=LoginBend.LOOKS_AT_LATER_VERSIONS,
        breaks=("RFC7143-11.12.4.2-02", "RFC7143-11.12.4.1-02"),
        says="Refuses a login whose later requests name another version.",
    ),
    Fault(
        name=LoginBend.ONE_SESSION,
        breaks=("RFC7143-4.4.3-i02",),
        says="Ends the sessions of an initiator when it opens another.",
        also="checks with two sessions lose one of them",
    ),
    Fault(
        name=LoginBend.ONE_DISCOVERY,
        breaks=("RFC7143-C-02",),
        says="Refuses discovery on all portals but the first.",
    ),
    Fault(
        name=LoginBend.FORGIVES,
        breaks=("RFC7143-7.12-01",),
        says="Goes on with a login whose negotiation has failed.",
        also="refusals of logins are awaited in many checks",
    ),
    Fault(
        name=LoginBend.DROPS_IN_SILENCE,
        breaks=("RFC7143-7.12-i01",),
        says="Closes the connection of a failed negotiation without a status.",
        also="refusals of logins are awaited in many checks",
    ),
    Fault(
        name=LoginBend.IGNORES_STRAY_KEYS,
        breaks=("RFC7143-9.2-04",),
        says="Ignores CHAP keys that are out of step.",
    ),
    Fault(
        name=LoginBend.ZERO_IS_TAKEN,
        breaks=("RFC7143-11.12.8-i01",),
        says="Takes a login's CmdSN of 0 for a number that is used up.",
    ),
    Fault(
        name=LoginBend.ONE_CID,
        breaks=("RFC7143-11.12.7-02",),
        says="Takes every CID for 1.",
        also="no session has a second connection",
    ),
    Fault(
        name=LoginBend.ONE_DISCOVERY_SESSION,
        breaks=("RFC7143-7.4.2.1-04", "RFC7143-7.4.2.1-02", "RFC7143-7.4.2.1-03"),
        says="Ends discovery sessions of other portals when one is opened.",
    ),
    Fault(
        name=LoginBend.SHUNS_FAILED,
        breaks=("RFC7143-7.15-02",),
        says="Refuses to reinstate a session whose connections are lost.",
        also="what one check leaves closes the next one out",
    ),
    Fault(
        name=LoginBend.FORGETS_OTHERS,
        breaks=("RFC7143-E.1-i04",),
        says="Ends the tasks of other sessions at a login.",
    ),
)
