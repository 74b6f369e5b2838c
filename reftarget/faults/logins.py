# SPDX-License-Identifier: GPL-2.0-only
"""The faults of logins."""

from __future__ import annotations

from collections.abc import Collection, Container
from collections.abc import Set as AbstractSet
from typing import Final

from iscsi import text
from iscsi.constants import LoginStatus, Stage
from iscsi.login import LoginStages
from reftarget.faults.row import Fault
from reftarget.refusal import Refusal
from reftarget.rules import (
    AuthenticationRules,
    LoginRules,
)
from reftarget.rules import login as right
from reftarget.rules.login import OtherPDU, OtherSession
from reftarget.scsi.task import Nexus

_LONG_TEXT: Final = 4000
_PLAIN_LENGTH: Final = "262144"


def _without_repeated_keys(pairs: text.Pairs, seen: AbstractSet[str]) -> text.Pairs:
    return [pair for pair in dict(pairs).items() if pair[0] not in seen]


def _answer_to_send_targets(pairs: text.Pairs) -> text.Pairs:
    return [pair for pair in pairs if pair[0] == "SendTargets"]


def _without_send_targets(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [pair for pair in pairs if pair[0] != "SendTargets"]


def _offer_of_old_reporting(seen: Container[str], _is_leading: bool) -> text.Pairs:
    return [] if "TaskReporting" in seen else [("TaskReporting", "RFC3720")]


def _answers_to_declarations(pairs: text.Pairs) -> text.Pairs:
    # Plain logins declare a length of their own; the fault leaves them alone.
    return [
        (name, text.IRRELEVANT)
        for name, value in pairs
        if name == "MaxRecvDataSegmentLength" and value != _PLAIN_LENGTH
    ]


def _offer_of_digests(seen: Container[str], _is_leading: bool) -> text.Pairs:
    return [] if "HeaderDigest" in seen else [("HeaderDigest", "CRC32C,None")]


def _ignores_unless_first(is_first: bool) -> OtherPDU:
    return OtherPDU.DROP if is_first else OtherPDU.IGNORE


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


def _keep_failed_sessions_closed(
    others: Collection[OtherSession], nexus: Nexus, _is_discovery: bool
) -> None:
    for session in _of_initiator(others, nexus):
        if not session.has_connections and session.nexus == nexus:
            raise Refusal(LoginStatus.TARGET_ERROR, "a failed session exists")


def _end_tasks(
    others: Collection[OtherSession], _nexus: Nexus, _is_discovery: bool
) -> None:
    for session in others:
        for task in session.tasks:
            task.abandon()


LOGINS: Final = (
    Fault(
        name="first-pdu-need-not-be-login",
        breaks=("RFC7143-4.2.4-07",),
        says="Keeps a connection whose first PDU is not a Login Request.",
        rules=LoginRules(
            other_pdu=lambda is_first: OtherPDU.IGNORE if is_first else OtherPDU.REFUSE
        ),
    ),
    Fault(
        name="login-takes-repeated-key",
        breaks=("RFC7143-6.3-15", "RFC7143-6.3-14"),
        says="Accepts a key that is offered twice in a login.",
        also="declaring a name twice is the same fault",
        rules=LoginRules(negotiated=_without_repeated_keys),
    ),
    Fault(
        name="login-takes-key-of-other-stage",
        breaks=(
            "RFC7143-6.3-i01",
            "RFC7143-12-01",
            "RFC7143-6.3.3-i01",
        ),
        says="Accepts an operational key in the security stage.",
        rules=LoginRules(checks_stage=False),
    ),
    Fault(
        name="send-targets-is-answered-in-logins",
        breaks=("RFC7143-13.3-i01",),
        says="Answers SendTargets in a login.",
        rules=LoginRules(
            unasked_answers=_answer_to_send_targets, understood=_without_send_targets
        ),
    ),
    Fault(
        name="login-takes-unknown-tsih",
        breaks=(
            "RFC7143-6.3.1-i01",
            "RFC7143-6.3.1-i06",
            "RFC7143-11.12.6-04",
            "RFC7143-4.4.3-01",
            "RFC7143-6.3.5-i02",
        ),
        says="Creates a new session for a TSIH that does not exist.",
        rules=LoginRules(unknown_tsih_is_new=True),
    ),
    Fault(
        name="isid-rule-is-not-kept",
        breaks=(
            "RFC7143-4.4.3-i01",
            "RFC7143-6.3.5-i01",
            "RFC7143-7.4.2.2-01",
            "RFC7143-7.4.2.2-i01",
            "RFC7143-6.3.1-i03",
            "RFC7143-7.4.2.1-01",
            "RFC7143-7.4.2.1-05",
            "RFC7143-8.1.2-i06",
            "RFC7143-8.3.2-i05",
            "RFC7143-11.14-i03",
        ),
        says="Keeps the old session when a new one has its name, ISID and group.",
        rules=LoginRules(reinstates=False),
    ),
    Fault(
        name="max-connections-is-not-kept",
        breaks=("RFC7143-13.2-i02", "RFC7143-11.13.5-i03", "RFC7143-13.21-i01"),
        says="Takes connections beyond MaxConnections.",
        rules=LoginRules(has_room=lambda _count, _maximum, _is_known: True),
    ),
    Fault(
        name="added-connection-has-another-identity",
        breaks=("RFC7143-9.2-12",),
        says="Adds a connection of another CHAP name to a session.",
        rules=LoginRules(is_same_identity=lambda _of_session, _given: True),
    ),
    Fault(
        name="task-reporting-is-offered-alone",
        breaks=(
            "RFC7143-13.23-02",
            "RFC7143-11.13.6-01",
        ),
        says="Offers TaskReporting with RFC3720 as the only value.",
        also=(
            "the offer's answer is due, and a login by hand that does not give it"
            " stays unfinished"
        ),
        rules=LoginRules(own_offers=_offer_of_old_reporting),
    ),
    Fault(
        name="reinstatement-is-refused-below-level-2",
        breaks=(
            "RFC7143-4.2.1-03",
            "RFC7143-6.3.1-i05",
            "RFC7143-6.3.4-02",
            "RFC7143-6.3.4-03",
        ),
        says="Refuses a second connection where MaxConnections is 1, also to replace.",
        rules=LoginRules(has_room=lambda count, maximum, _is_known: count < maximum),
    ),
    Fault(
        name="login-takes-other-pdus",
        breaks=("RFC7143-4.2.4-08", "RFC7143-4.2.4-04", "RFC7143-7.1.4-02"),
        says="Silently ignores other PDUs in the middle of a login.",
        rules=LoginRules(other_pdu=_ignores_unless_first),
    ),
    Fault(
        name="refused-login-stays-open",
        breaks=(
            "RFC7143-11.13.5-06",
            "RFC7143-4.2.4-09",
            "RFC7143-8.1.2-i03",
            "RFC7143-7.12-02",
            "RFC7143-8.3.2-i01",
            "RFC7143-9.2.1-15",
            "RFC7143-9.2.1-11",
        ),
        says="Keeps a connection open whose login it has refused.",
        rules=LoginRules(refusal_closes=False),
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
        name="own-offer-takes-any-answer",
        breaks=("RFC7143-6.2.1-04", "RFC7143-6.2-11"),
        says="Offers a digest list of its own and takes any answer to it.",
        rules=LoginRules(own_offers=_offer_of_digests, takes_any_answer=True),
    ),
    Fault(
        name="login-ends-after-five-exchanges",
        breaks=("RFC7143-6.2-23",),
        says="Refuses the sixth exchange of a login.",
        rules=LoginRules(exchanges=lambda _configured: 5),
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
        says="Agrees to every transition, in any order.",
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
        breaks=("RFC7143-6.3.1-i04", "RFC7143-6.3.1-i05"),
        says="Refuses every login that joins a session.",
        also="no session has a second connection",
        rules=LoginRules(can_join=False),
    ),
    Fault(
        name="added-connection-need-not-prove-itself",
        breaks=("RFC7143-9.2-11", "RFC7143-9.2-12", "RFC7143-9.2-13"),
        says="Adds an unauthenticated connection to an authenticated session.",
        rules=(
            LoginRules(is_same_identity=lambda _of_session, _given: True),
            AuthenticationRules(needs_proof=lambda is_added: not is_added),
        ),
    ),
    Fault(
        name="declarations-are-answered",
        breaks=("RFC7143-13-i02", "RFC7143-6.3-14", "RFC7143-13.12-i01"),
        says="Answers declared keys.",
        rules=LoginRules(unasked_answers=_answers_to_declarations),
    ),
    Fault(
        name="later-versions-count",
        breaks=("RFC7143-11.12.4.2-02", "RFC7143-11.12.4.1-02"),
        says="Refuses a login whose later requests name another version.",
        rules=LoginRules(judges_version=lambda _exchange: True),
    ),
    Fault(
        name="one-session-an-initiator",
        breaks=(
            "RFC7143-4.4.3-i02",
            "RFC7143-6.3.1-i02",
            "RFC7143-7.4.2.1-01",
            "RFC7143-7.4.2.1-04",
            "RFC7143-7.4.2.1-05",
        ),
        says="Ends the sessions of an initiator when it opens another.",
        also="checks with two sessions lose one of them",
        rules=LoginRules(before_session=_end_sessions),
    ),
    Fault(
        name="discovery-is-for-one-portal",
        breaks=("RFC7143-C-02", "RFC7143-7.4.2.1-02"),
        says="Refuses discovery on all portals but the first.",
        rules=LoginRules(objection_to_discovery=_needs_first_portal),
    ),
    Fault(
        name="failed-negotiation-is-forgiven",
        breaks=("RFC7143-7.12-01", "RFC7143-11.13.5-i05"),
        says="Continues a login whose negotiation has failed.",
        also="refusals of logins are awaited in many checks",
        rules=LoginRules(
            session_type=lambda value: right.session_type(value) or "Normal"
        ),
    ),
    Fault(
        name="failed-negotiation-has-no-status",
        breaks=("RFC7143-7.12-i01", "RFC7143-4.2.4-08"),
        says="Closes the connection of a failed negotiation without a status.",
        also="refusals of logins are awaited in many checks",
        rules=LoginRules(sends_refusals=False),
    ),
    Fault(
        name="login-uses-up-number-zero",
        breaks=("RFC7143-11.12.8-i01",),
        says="Counts a login's CmdSN of 0 as used up.",
        rules=LoginRules(first_cmd_sn=lambda given: given or 1),
    ),
    Fault(
        name="every-connection-is-number-one",
        breaks=(
            "RFC7143-11.12.7-02",
            "RFC7143-7.1.4.3-06",
            "RFC7143-8.1.2-i06",
            "RFC7143-8.1.2-i07",
            "RFC7143-8.2-i01",
            "RFC7143-8.2-i04",
            "RFC7143-11.14-04",
            "RFC7143-11.14.5-01",
            "RFC7143-11.15-01",
        ),
        says="Takes every CID for 1.",
        also="what recovers a connection by its CID meets another one",
        rules=LoginRules(cid=lambda _given: 1),
    ),
    Fault(
        name="one-discovery-session-an-initiator",
        breaks=(
            "RFC7143-7.4.2.1-04",
            "RFC7143-7.4.2.1-01",
            "RFC7143-7.4.2.1-02",
            "RFC7143-7.4.2.1-03",
            "RFC7143-7.4.2.1-05",
        ),
        says="Ends discovery sessions of other portals when one is opened.",
        rules=LoginRules(before_session=_end_discovery_sessions),
    ),
    Fault(
        name="failed-session-is-not-reinstated",
        breaks=("RFC7143-7.15-02",),
        says="Refuses to reinstate a session whose connections are lost.",
        rules=LoginRules(before_session=_keep_failed_sessions_closed),
    ),
    Fault(
        name="login-ends-the-tasks-of-others",
        breaks=("RFC7143-E.1-i04",),
        says="Ends the tasks of other sessions at a login.",
        rules=LoginRules(before_session=_end_tasks),
    ),
)
