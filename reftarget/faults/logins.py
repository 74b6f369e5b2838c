# SPDX-License-Identifier: GPL-2.0-only
"""The faults of logins: stages, text, names and proofs.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


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


LOGINS: Final[dict[LoginBend, tuple[str, str]]] = {
    LoginBend.TAKES_OTHER_PDUS: (
        "RFC7143-4.2.4-08",
        "Lets other PDUs pass amid a login without a word.",
    ),
    LoginBend.STAYS_OPEN: (
        "RFC7143-11.13.5-06",
        "Keeps a connection open whose login it has refused.",
    ),
    LoginBend.REFUSES_LONG_NAMES: (
        "RFC7143-4.2.7.1-03",
        "Refuses initiator names of more than 200 bytes.",
    ),
    LoginBend.REFUSES_LONG_TEXT: (
        "RFC7143-6.1-04",
        "Refuses a login with more than 4000 bytes of text.",
    ),
    LoginBend.FOLDS_CASE: (
        "RFC7143-6.1-i01",
        "Takes key names in capitals or small letters alike.",
    ),
    LoginBend.REFUSES_BASE64: (
        "RFC7143-6.1-i03",
        "Takes CHAP_R in hexadecimal alone.",
    ),
    LoginBend.FORGETS_PARTS: (
        "RFC7143-6.1-i05",
        "Forgets the text of Login Requests with C=1.",
    ),
    LoginBend.ANSWERS_PARTS: (
        "RFC7143-6.2-02",
        "Answers a Login Request with C=1 with text of its own.",
    ),
    LoginBend.ANSWERS_TWICE: (
        "RFC7143-6.3-01",
        "Sends each Login Response twice.",
    ),
    LoginBend.ANSWERS_RANGES: (
        "RFC7143-6.2-07",
        "Answers a range where a number is due with the same range.",
    ),
    LoginBend.TAKES_ANY_ANSWER: (
        "RFC7143-6.2.1-04",
        "Offers a digest list of its own and takes any answer to it.",
    ),
    LoginBend.TAKES_RESERVED_WORDS: (
        "RFC7143-6.2-12",
        "Lets offers of Reject, Irrelevant and NotUnderstood pass.",
    ),
    LoginBend.FIVE_EXCHANGES: (
        "RFC7143-6.2-23",
        "Refuses the sixth exchange of a login.",
    ),
    LoginBend.REFUSES_UNKNOWN_VALUES: (
        "RFC7143-6.2.1-03",
        "Refuses a list that holds a value it does not know.",
    ),
    LoginBend.TAKES_ANY_STAGE: (
        "RFC7143-6.3-12",
        "Follows every transition, in whatever order.",
    ),
    LoginBend.NEEDS_SECURITY: (
        "RFC7143-6.3.3-01",
        "Refuses discovery logins that begin in the operational stage.",
    ),
    LoginBend.ADDS_NONE: (
        "RFC7143-6.3.1-i04",
        "Refuses every login that joins a session.",
    ),
    LoginBend.NEEDS_MUTUAL: (
        "RFC7143-9.2-01",
        "Refuses an initiator that does not challenge it.",
    ),
    LoginBend.ONE_CHALLENGE: (
        "RFC7143-9.2-02",
        "Sends the same challenge on every connection.",
    ),
    LoginBend.TRUSTS_ADDED: (
        "RFC7143-9.2-11",
        "Lets a connection join an authenticated session unproved.",
    ),
    LoginBend.NEEDS_EQUAL_NAMES: (
        "RFC7143-9.2-06",
        "Refuses a CHAP_N that is not the initiator name.",
    ),
    LoginBend.NEVER_PROVES: (
        "RFC7143-9.2.1-01",
        "Ignores the challenge of an initiator.",
    ),
    LoginBend.REFUSES_LONG_PROOFS: (
        "RFC7143-9.2.1-02",
        "Refuses who proves a secret of 128 bits or more.",
    ),
    LoginBend.TAKES_OWN_PROOF: (
        "RFC7143-9.2.1-10",
        "Lets in who proves the secret that is its own.",
    ),
    LoginBend.NEEDS_CHAP: (
        "RFC7143-12.1-02",
        "Refuses AuthMethod=None everywhere.",
    ),
    LoginBend.NO_MD5: (
        "RFC7143-12.1.3-i01",
        "Knows every CHAP algorithm but MD5.",
    ),
    LoginBend.ANSWERS_DECLARATIONS: (
        "RFC7143-13-i02",
        "Answers declared keys.",
    ),
    LoginBend.SHUNS_ARCHITECTURES: (
        "RFC7143-13.26.2-02",
        "Refuses who tells his X#NodeArchitecture.",
    ),
    LoginBend.LOOKS_AT_LATER_VERSIONS: (
        "RFC7143-11.12.4.2-02",
        "Refuses a login whose later requests name another version.",
    ),
    LoginBend.ONE_SESSION: (
        "RFC7143-4.4.3-i02",
        "Ends the sessions of an initiator when it opens another.",
    ),
    LoginBend.ONE_DISCOVERY: (
        "RFC7143-C-02",
        "Refuses discovery on all portals but the first.",
    ),
    LoginBend.FORGIVES: (
        "RFC7143-7.12-01",
        "Goes on with a login whose negotiation has failed.",
    ),
    LoginBend.DROPS_IN_SILENCE: (
        "RFC7143-7.12-i01",
        "Closes the connection of a failed negotiation without a status.",
    ),
    LoginBend.IGNORES_STRAY_KEYS: (
        "RFC7143-9.2-04",
        "Ignores CHAP keys that are out of step.",
    ),
    LoginBend.ZERO_IS_TAKEN: (
        "RFC7143-11.12.8-i01",
        "Takes a login's CmdSN of 0 for a number that is used up.",
    ),
    LoginBend.ONE_CID: (
        "RFC7143-11.12.7-02",
        "Takes every CID for 1.",
    ),
    LoginBend.ONE_DISCOVERY_SESSION: (
        "RFC7143-7.4.2.1-04",
        "Ends discovery sessions of other portals when one is opened.",
    ),
    LoginBend.SHUNS_FAILED: (
        "RFC7143-7.15-02",
        "Refuses to reinstate a session whose connections are lost.",
    ),
    LoginBend.FORGETS_OTHERS: (
        "RFC7143-E.1-i04",
        "Ends the tasks of other sessions at a login.",
    ),
}
