# SPDX-License-Identifier: GPL-2.0-only
"""The faults of logins: stages, text, names and proofs."""

from collections.abc import Collection, Container
from typing import Final

from iscsi import text
from iscsi.constants import LoginStatus, Stage
from iscsi.keys import KEYS, Kind
from iscsi.login import LoginStages
from reftarget.faults.row import Fault
from reftarget.refusal import Refusal
from reftarget.rules import AuthenticationRules, LoginRules
from reftarget.rules import login as right
from reftarget.rules.login import OtherPDU, OtherSession
from reftarget.scsi.task import Nexus

_LONG_NAME: Final = 200
_LONG_TEXT: Final = 4000
_LONG_SECRET: Final = 16
_BY_FOLDED: Final = {name.lower(): name for name in KEYS}
_PLAIN_LENGTH: Final = "262144"
_MD5: Final = "5"


def _refuse_unless(is_right: bool, why: str) -> None:
    if not is_right:
        raise Refusal(LoginStatus.INITIATOR_ERROR, why)


def _without_long_names(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    name = text.value(pairs, "InitiatorName")
    _refuse_unless(name is None or len(name) <= _LONG_NAME, "a long name")
    return pairs


def _in_any_case(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [(_BY_FOLDED.get(name.lower(), name), value) for name, value in pairs]


def _without_base64(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    response = text.value(pairs, "CHAP_R") or ""
    _refuse_unless(not response.lower().startswith("0b"), "Base64")
    return pairs


def _without_ranges(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [pair for pair in pairs if "~" not in pair[1]]


def _ranges(pairs: text.Pairs) -> text.Pairs:
    return [pair for pair in pairs if "~" in pair[1]]


def _with_reserved_words(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    """Return the pairs with None for a reserved word in a list."""
    taken: text.Pairs = []
    for name, value in pairs:
        key = KEYS.get(name)
        if value not in text.RESERVED_ANSWERS:
            taken.append((name, value))
        elif key is not None and key.kind is Kind.LIST:
            taken.append((name, "None"))
    return taken


def _with_known_values(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    for name, value in pairs:
        key = KEYS.get(name)
        if key is not None and key.kind is Kind.LIST:
            are_known = set(text.parse_list(value)) <= set(key.choices)
            _refuse_unless(are_known, "an unknown value")
    return pairs


def _with_a_challenge(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    if text.value(pairs, "CHAP_R"):
        challenge = text.value(pairs, "CHAP_C")
        _refuse_unless(challenge is not None, "no challenge for us")
    return pairs


def _with_equal_names(pairs: text.Pairs, initiator_name: str) -> text.Pairs:
    name = text.value(pairs, "CHAP_N")
    _refuse_unless(name in {None, initiator_name}, "another CHAP_N")
    return pairs


def _without_challenge(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [pair for pair in pairs if pair[0] not in {"CHAP_I", "CHAP_C"}]


def _without_md5(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [
        (name, value.replace(_MD5, "250") if name == "CHAP_A" else value)
        for name, value in pairs
    ]


def _without_architecture(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    architecture = text.value(pairs, "X#NodeArchitecture")
    _refuse_unless(architecture is None, "a known architecture")
    return pairs


def _answers_to_declarations(pairs: text.Pairs) -> text.Pairs:
    # Plain logins declare a length of their own; they are spared.
    return [
        (name, text.IRRELEVANT)
        for name, value in pairs
        if name == "MaxRecvDataSegmentLength" and value != _PLAIN_LENGTH
    ]


def _offer_of_digests(seen: Container[str]) -> text.Pairs:
    return [] if "HeaderDigest" in seen else [("HeaderDigest", "CRC32C,None")]


def _needs_security_stage(csg: int, _is_first_portal: bool) -> Refusal | None:
    if csg == Stage.SECURITY:
        return None
    return Refusal(LoginStatus.INITIATOR_ERROR, "no security stage")


def _needs_first_portal(_csg: int, is_first_portal: bool) -> Refusal | None:
    if is_first_portal:
        return None
    return Refusal(LoginStatus.SESSION_TYPE_NOT_SUPPORTED, "not at this portal")


def _of_initiator(
    sessions: Collection[OtherSession], nexus: Nexus
) -> list[OtherSession]:
    name = nexus.initiator_name
    return [one for one in sessions if one.nexus.initiator_name == name]


def _end_sessions(
    others: Collection[OtherSession], nexus: Nexus, _is_discovery: bool
) -> None:
    for session in _of_initiator(others, nexus):
        session.close()


def _end_discovery_sessions(
    others: Collection[OtherSession], nexus: Nexus, is_discovery: bool
) -> None:
    for session in _of_initiator(others, nexus):
        if session.is_discovery and is_discovery:
            session.close()


def _shun_failed_sessions(
    others: Collection[OtherSession], nexus: Nexus, _is_discovery: bool
) -> None:
    for session in _of_initiator(others, nexus):
        if not session.has_connections:
            raise Refusal(LoginStatus.TARGET_ERROR, "a failed session is there")


def _end_tasks(
    others: Collection[OtherSession], _nexus: Nexus, _is_discovery: bool
) -> None:
    for session in others:
        for task in session.tasks:
            task.abandon()


LOGINS: Final = (
    Fault(
        name="login-takes-other-pdus",
        breaks=("RFC7143-4.2.4-08", "RFC7143-4.2.4-04", "RFC7143-7.1.4-02"),
        says="Lets other PDUs pass amid a login without a word.",
        rules=LoginRules(other_pdu=lambda _is_first: OtherPDU.IGNORE),
    ),
    Fault(
        name="refused-login-stays-open",
        breaks=(
            "RFC7143-11.13.5-06",
            "RFC7143-4.2.4-09",
            "RFC7143-8.1.2-i03",
            "RFC7143-7.12-02",
            "RFC7143-8.3.2-i01",
        ),
        says="Keeps a connection open whose login it has refused.",
        rules=LoginRules(refusal_closes=False),
    ),
    Fault(
        name="long-initiator-name-is-refused",
        breaks=("RFC7143-4.2.7.1-03",),
        says="Refuses initiator names of more than 200 bytes.",
        rules=LoginRules(understood=_without_long_names),
    ),
    Fault(
        name="long-login-text-is-refused",
        breaks=("RFC7143-6.1-04",),
        says="Refuses a login with more than 4000 bytes of text.",
        rules=LoginRules(
            objection_to_text=lambda data: (
                "a long text" if len(data) > _LONG_TEXT else ""
            )
        ),
    ),
    Fault(
        name="login-keys-of-any-case",
        breaks=("RFC7143-6.1-i01",),
        says="Takes key names in capitals or small letters alike.",
        rules=LoginRules(understood=_in_any_case),
    ),
    Fault(
        name="chap-response-in-base64-is-refused",
        breaks=("RFC7143-6.1-i03", "RFC7143-12.1.3-i03"),
        says="Takes CHAP_R in hexadecimal alone.",
        rules=LoginRules(understood=_without_base64),
    ),
    Fault(
        name="login-forgets-what-was-continued",
        breaks=("RFC7143-6.1-i05",),
        says="Forgets the text of Login Requests with C=1.",
        also="continued texts carry what other checks need",
        rules=LoginRules(part=lambda data, continues: b"" if continues else data),
    ),
    Fault(
        name="continued-login-is-answered",
        breaks=("RFC7143-6.2-02",),
        says="Answers a Login Request with C=1 with text of its own.",
        rules=LoginRules(answer_to_part=b"X-a=1\0"),
    ),
    Fault(
        name="login-is-answered-twice",
        breaks=("RFC7143-6.3-01", "RFC7143-6.2-05"),
        says="Sends each Login Response twice.",
        also="the second answer meets whatever comes next",
        rules=LoginRules(after_response=lambda send: send()),
    ),
    Fault(
        name="range-is-answered-by-a-range",
        breaks=("RFC7143-6.2-07", "RFC7143-6.2.2-04"),
        says="Answers a range where a number is due with the same range.",
        rules=LoginRules(understood=_without_ranges, unasked_answers=_ranges),
    ),
    Fault(
        name="own-offer-takes-any-answer",
        breaks=("RFC7143-6.2.1-04", "RFC7143-6.2-11"),
        says="Offers a digest list of its own and takes any answer to it.",
        rules=LoginRules(own_offers=_offer_of_digests, is_lenient=True),
    ),
    Fault(
        name="reserved-words-are-values",
        breaks=("RFC7143-6.2-12",),
        says="Takes Reject, Irrelevant or NotUnderstood in a list for None.",
        rules=LoginRules(understood=_with_reserved_words),
    ),
    Fault(
        name="login-ends-after-five-exchanges",
        breaks=("RFC7143-6.2-23",),
        says="Refuses the sixth exchange of a login.",
        rules=LoginRules(exchanges=lambda _configured: 5),
    ),
    Fault(
        name="list-with-unknown-values-is-refused",
        breaks=("RFC7143-6.2.1-03",),
        says="Refuses a list that holds a value it does not know.",
        rules=LoginRules(understood=_with_known_values),
    ),
    Fault(
        name="login-takes-any-stage",
        breaks=(
            "RFC7143-6.3-12",
            "RFC7143-6.3-06",
            "RFC7143-6.3-07",
            "RFC7143-11.12.3-i01",
            "RFC7143-11-03",
        ),
        says="Follows every transition, in whatever order.",
        rules=LoginRules(recovered_stages=lambda csg: LoginStages(Stage(csg & 1))),
    ),
    Fault(
        name="discovery-needs-the-security-stage",
        breaks=("RFC7143-6.3.3-01",),
        says="Refuses discovery logins that begin in the operational stage.",
        also="discovery sessions begin without it",
        rules=LoginRules(objection_to_discovery=_needs_security_stage),
    ),
    Fault(
        name="connection-is-never-added",
        breaks=("RFC7143-6.3.1-i04",),
        says="Refuses every login that joins a session.",
        also="no session has a second connection",
        rules=LoginRules(can_join=False),
    ),
    Fault(
        name="chap-needs-to-be-mutual",
        breaks=("RFC7143-9.2-01",),
        says="Refuses an initiator that does not challenge it.",
        rules=LoginRules(understood=_with_a_challenge),
    ),
    Fault(
        name="chap-challenge-is-always-the-same",
        breaks=("RFC7143-9.2-02",),
        says="Sends the same challenge on every connection.",
        rules=AuthenticationRules(drawn=lambda random: bytes(len(random))),
    ),
    Fault(
        name="added-connection-need-not-prove-itself",
        breaks=("RFC7143-9.2-11", "RFC7143-9.2-13"),
        says="Lets a connection join an authenticated session unproved.",
        rules=(
            LoginRules(is_same_identity=lambda _of_session, _given: True),
            AuthenticationRules(needs_proof=lambda is_added: not is_added),
        ),
    ),
    Fault(
        name="chap-name-must-be-the-initiators",
        breaks=("RFC7143-9.2-06",),
        says="Refuses a CHAP_N that is not the initiator name.",
        also="no login by CHAP comes to its end",
        rules=LoginRules(understood=_with_equal_names),
    ),
    Fault(
        name="target-never-proves-itself",
        breaks=("RFC7143-9.2.1-01", "RFC7143-12.1.3-05"),
        says="Ignores the challenge of an initiator.",
        also="no login by mutual CHAP comes to its end",
        rules=LoginRules(understood=_without_challenge),
    ),
    Fault(
        name="long-secrets-are-refused",
        breaks=("RFC7143-9.2.1-02",),
        says="Refuses who proves a secret of 128 bits or more.",
        rules=AuthenticationRules(
            is_proved=lambda is_right, secret, _proves_ours: (
                is_right and len(secret or b"") < _LONG_SECRET
            )
        ),
    ),
    Fault(
        name="chap-takes-the-targets-own-secret",
        breaks=("RFC7143-9.2.1-10", "RFC7143-9.2.1-11"),
        says="Lets in who proves the secret that is its own.",
        rules=AuthenticationRules(
            is_proved=lambda is_right, _secret, proves_ours: is_right or proves_ours(),
            refuses_shared_secret=False,
        ),
    ),
    Fault(
        name="authentication-is-always-due",
        breaks=("RFC7143-12.1-02",),
        says="Refuses AuthMethod=None everywhere.",
        also="logins by way of security without it are refused",
        rules=AuthenticationRules(takes_none=False),
    ),
    Fault(
        name="md5-is-not-known",
        breaks=("RFC7143-12.1.3-i01",),
        says="Knows every CHAP algorithm but MD5.",
        also="no login by CHAP comes to its end",
        rules=LoginRules(understood=_without_md5),
    ),
    Fault(
        name="declarations-are-answered",
        breaks=("RFC7143-13-i02",),
        says="Answers declared keys.",
        rules=LoginRules(unasked_answers=_answers_to_declarations),
    ),
    Fault(
        name="known-architectures-are-refused",
        breaks=("RFC7143-13.26.2-02", "RFC7143-13.26.2-01"),
        says="Refuses who tells his X#NodeArchitecture.",
        rules=LoginRules(understood=_without_architecture),
    ),
    Fault(
        name="later-versions-count",
        breaks=("RFC7143-11.12.4.2-02", "RFC7143-11.12.4.1-02"),
        says="Refuses a login whose later requests name another version.",
        rules=LoginRules(judges_version=lambda _exchange: True),
    ),
    Fault(
        name="one-session-an-initiator",
        breaks=("RFC7143-4.4.3-i02",),
        says="Ends the sessions of an initiator when it opens another.",
        also="checks with two sessions lose one of them",
        rules=LoginRules(before_session=_end_sessions),
    ),
    Fault(
        name="discovery-is-for-one-portal",
        breaks=("RFC7143-C-02",),
        says="Refuses discovery on all portals but the first.",
        rules=LoginRules(objection_to_discovery=_needs_first_portal),
    ),
    Fault(
        name="failed-negotiation-is-forgiven",
        breaks=("RFC7143-7.12-01",),
        says="Goes on with a login whose negotiation has failed.",
        also="refusals of logins are awaited in many checks",
        rules=LoginRules(
            session_type=lambda value: right.session_type(value) or "Normal"
        ),
    ),
    Fault(
        name="failed-negotiation-has-no-status",
        breaks=("RFC7143-7.12-i01",),
        says="Closes the connection of a failed negotiation without a status.",
        also="refusals of logins are awaited in many checks",
        rules=LoginRules(sends_refusals=False),
    ),
    Fault(
        name="stray-chap-keys-are-ignored",
        breaks=("RFC7143-9.2-04",),
        says="Ignores CHAP keys that are out of step.",
        rules=AuthenticationRules(refuses_stray_keys=False),
    ),
    Fault(
        name="login-uses-up-number-zero",
        breaks=("RFC7143-11.12.8-i01",),
        says="Takes a login's CmdSN of 0 for a number that is used up.",
        rules=LoginRules(first_cmd_sn=lambda given: given or 1),
    ),
    Fault(
        name="every-connection-is-number-one",
        breaks=("RFC7143-11.12.7-02",),
        says="Takes every CID for 1.",
        also="no session has a second connection",
        rules=LoginRules(cid=lambda _given: 1),
    ),
    Fault(
        name="one-discovery-session-an-initiator",
        breaks=("RFC7143-7.4.2.1-04", "RFC7143-7.4.2.1-02", "RFC7143-7.4.2.1-03"),
        says="Ends discovery sessions of other portals when one is opened.",
        rules=LoginRules(before_session=_end_discovery_sessions),
    ),
    Fault(
        name="failed-session-is-not-reinstated",
        breaks=("RFC7143-7.15-02",),
        says="Refuses to reinstate a session whose connections are lost.",
        also="what one check leaves closes the next one out",
        rules=LoginRules(before_session=_shun_failed_sessions),
    ),
    Fault(
        name="login-ends-the-tasks-of-others",
        breaks=("RFC7143-E.1-i04",),
        says="Ends the tasks of other sessions at a login.",
        rules=LoginRules(before_session=_end_tasks),
    ),
)
