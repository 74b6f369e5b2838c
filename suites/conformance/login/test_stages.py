# SPDX-License-Identifier: GPL-2.0-only
"""Stages, their transitions and the T bit (RFC 7143 sections 6.3, 11.12.3, 11.13.6)."""

from itertools import product

import pytest

from initiator.expect import check, clause, expect_drop, expect_reject_or_drop
from initiator.login import LoginExchange
from initiator.session import Session
from iscsi.constants import LoginStatus, Stage
from iscsi.keys import KEYS
from iscsi.login import TRANSITIONS
from iscsi.pdu import LoginRequest, LoginResponse, NOPOut, SCSICommand, TextRequest
from iscsi.scsi import cdb
from iscsi.text import Pairs
from suites.support.login import (
    advance,
    ask,
    expect_full_feature,
    expect_no_transition,
    expect_refusal,
    log_in_through_all_stages,
    provoke,
)

_LEGAL = sorted((start, end) for start, end in TRANSITIONS if start is not None)
_ILLEGAL = [
    pair for pair in product(range(4), range(4)) if pair not in set(TRANSITIONS)
]
_BACKWARDS = [Stage.SECURITY, Stage.OPERATIONAL, 2]


def _transition_id(pair: object) -> str:
    return ">".join(str(int(code)) for code in pair) if isinstance(pair, tuple) else ""


@pytest.mark.requirement("RFC7143-6.3-12", "RFC7143-6.3-05")
@pytest.mark.parametrize("transition", _LEGAL, ids=_transition_id)
def test_transition_of_the_table_is_granted(
    login: LoginExchange, first_pairs: Pairs, transition: tuple[Stage, Stage]
) -> None:
    """The target agrees to each legal stage transition, with no keys but the names."""
    start, end = transition
    method = [("AuthMethod", "None")] if start is Stage.SECURITY else []

    response = advance(login, [*first_pairs, *method], csg=start, nsg=end)

    check(response.csg == start, f"CSG {int(start)}", response)
    check((start, response.nsg) in TRANSITIONS, "NSG of the table", response)


@pytest.mark.requirement("RFC7143-6.3-10")
@pytest.mark.parametrize("transition", _LEGAL, ids=_transition_id)
def test_next_stage_is_not_beyond_the_requested_one(
    login: LoginExchange, first_pairs: Pairs, transition: tuple[Stage, Stage]
) -> None:
    """The target selects no stage beyond the requested one."""
    start, end = transition
    method = [("AuthMethod", "None")] if start is Stage.SECURITY else []

    response = advance(login, [*first_pairs, *method], csg=start, nsg=end)

    check(response.nsg <= end, f"NSG up to {int(end)}", response)


@pytest.mark.requirement("RFC7143-6.3-12", "RFC7143-11.12.3-i01")
@pytest.mark.parametrize("transition", _ILLEGAL, ids=_transition_id)
def test_transition_beyond_the_table_is_not_granted(
    login: LoginExchange, first_pairs: Pairs, transition: tuple[int, int]
) -> None:
    """The target agrees to no illegal stage transition."""
    start, end = transition

    provoke(login, first_pairs, csg=start, nsg=end)

    expect_no_transition(login)


@pytest.mark.requirement("RFC7143-11.12.3-i01", "RFC7143-11-03", "RFC7143-6.3-06")
@pytest.mark.parametrize("stage", [2, Stage.FULL_FEATURE])
def test_login_starts_in_no_other_stage(
    login: LoginExchange, first_pairs: Pairs, stage: int
) -> None:
    """The target refuses a login that starts in full-feature phase or stage 2."""
    provoke(login, first_pairs, csg=stage)

    expect_refusal(login, is_malformed=True)


@pytest.mark.requirement("RFC7143-6.3-07", "RFC7143-6.3-12")
@pytest.mark.parametrize("end", [None, Stage.OPERATIONAL, Stage.FULL_FEATURE])
def test_security_does_not_follow_the_operational_stage(
    login: LoginExchange, first_pairs: Pairs, end: Stage | None
) -> None:
    """The target refuses the security stage after the operational stage has begun."""
    ask(login, first_pairs, csg=Stage.OPERATIONAL)

    provoke(login, [("AuthMethod", "None")], csg=Stage.SECURITY, nsg=end)

    expect_refusal(login, is_malformed=True)


@pytest.mark.requirement("RFC7143-6.3-12")
def test_stage_does_not_change_without_a_transition(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target refuses an operational request before that stage is reached."""
    ask(login, [*first_pairs, ("AuthMethod", "None")], csg=Stage.SECURITY)

    provoke(login, [("MaxConnections", "1")], csg=Stage.OPERATIONAL)

    expect_refusal(login, is_malformed=True)


@pytest.mark.requirement("RFC7143-6.3-12")
@pytest.mark.parametrize("end", _BACKWARDS)
def test_operational_stage_is_left_forwards_only(
    login: LoginExchange, first_pairs: Pairs, end: int
) -> None:
    """The target leaves the operational stage only for full-feature phase."""
    ask(login, first_pairs)

    provoke(login, csg=Stage.OPERATIONAL, nsg=end)

    expect_no_transition(login)


@pytest.mark.requirement("RFC7143-6.3-i02", "RFC7143-11.13.6-02")
@pytest.mark.parametrize("stage", [Stage.SECURITY, Stage.OPERATIONAL])
def test_only_requested_transitions_are_granted(
    login: LoginExchange, first_pairs: Pairs, stage: Stage
) -> None:
    """The target answers T=0 with T=0, however often."""
    method = [("AuthMethod", "None")] if stage is Stage.SECURITY else []

    ask(login, [*first_pairs, *method], csg=stage)
    ask(login, [("InitiatorAlias", "assay")], csg=stage)

    early = [response for response in login.responses if response.transit]
    check(not early, "T=0", early and early[0], login.connection.transcript)


@pytest.mark.requirement("RFC7143-6.3-13")
def test_final_exchange_leads_to_full_feature_phase(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The last Login Response has T=1 and NSG=3; full-feature phase follows."""
    *partial, final = log_in_through_all_stages(login, first_pairs)

    check(final.transit and final.nsg == Stage.FULL_FEATURE, "T=1, NSG=3", final)
    early = [item for item in partial if item.transit and item.nsg == 3]
    check(not early, "no NSG=3 before the end", early and early[0])
    expect_full_feature(login)


@pytest.mark.requirement("RFC7143-6.3-11", "RFC7143-11.13.6-01")
def test_transition_asks_for_no_answer(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """A response with T=1 offers no key that the initiator would have to answer."""
    offered = [("HeaderDigest", "None"), ("DataDigest", "None")]
    response = advance(login, [*first_pairs, *offered])

    pairs = [item.partition(b"=")[0].decode() for item in response.data.split(b"\0")]
    unanswered = [
        name
        for name in pairs
        if name in KEYS and not KEYS[name].is_declarative and name not in dict(offered)
    ]
    check(not unanswered, "no offer in a response with T=1", response)


@pytest.mark.requirement("RFC7143-6.3-01", "RFC7143-6.2-05")
def test_one_response_to_a_request(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target sends exactly one Login Response for each Login Request."""
    log_in_through_all_stages(login, first_pairs)
    expect_full_feature(login)

    transcript = login.connection.transcript
    requests = [pdu for pdu in transcript.sent() if isinstance(pdu, LoginRequest)]
    answers = [pdu for pdu in transcript.received() if isinstance(pdu, LoginResponse)]
    check(len(answers) == len(requests), f"{len(requests)} responses", len(answers))


@pytest.mark.requirement("RFC7143-6.2-23")
def test_six_exchanges_are_allowed(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target completes a login of six exchanges."""
    offers = ["HeaderDigest=None", "DataDigest=None", "MaxConnections=1"]
    further_keys = ["ErrorRecoveryLevel=0", "InitialR2T=Yes"]
    ask(login, first_pairs)

    for offer in [*offers, *further_keys]:
        ask(login, offer.encode() + b"\0")
    advance(login)

    expect_full_feature(login)


@pytest.mark.requirement("RFC7143-4.2.4-07")
@pytest.mark.parametrize(
    "pdu",
    [
        NOPOut(immediate=1, initiator_task_tag=1),
        SCSICommand(initiator_task_tag=1, cdb=cdb.test_unit_ready().ljust(16, b"\0")),
        TextRequest(initiator_task_tag=1, data=b"SendTargets=All\0"),
    ],
    ids=["NOP-Out", "SCSI Command", "Text Request"],
)
def test_first_pdu_is_a_login_request(
    login: LoginExchange, pdu: NOPOut | SCSICommand | TextRequest
) -> None:
    """The target drops a connection whose first PDU is not a Login Request."""
    login.connection.send(pdu)

    expect_drop(login.connection)

    answers = login.connection.transcript.received()
    check(not answers, "no answer", answers and answers[0])


@pytest.mark.requirement("RFC7143-4.2.4-08", "RFC7143-4.2.4-09", "RFC7143-4.2.4-04")
@pytest.mark.parametrize(
    "pdu",
    [
        NOPOut(immediate=1, initiator_task_tag=1),
        SCSICommand(initiator_task_tag=1, cdb=cdb.test_unit_ready().ljust(16, b"\0")),
        TextRequest(initiator_task_tag=1, data=b"SendTargets=All\0"),
    ],
    ids=["NOP-Out", "SCSI Command", "Text Request"],
)
def test_other_pdu_ends_the_login(
    login: LoginExchange,
    first_pairs: Pairs,
    pdu: NOPOut | SCSICommand | TextRequest,
) -> None:
    """The target refuses another PDU during a login as invalid during login."""
    ask(login, first_pairs)
    # The target ignores a PDU beyond the window (section 4.2.2.1).
    amid = pdu.copy()
    amid.cmd_sn, amid.exp_stat_sn = login.cmd_sn, login.status.exp_stat_sn

    login.send_other(amid)

    own = "RFC7143-4.2.4-08"
    expect_refusal(login, LoginStatus.INVALID_DURING_LOGIN, closing_clause=own)
    with clause("RFC7143-4.2.4-09"):
        expect_drop(login.connection)


@pytest.mark.requirement("RFC7143-4.2.4-06")
def test_login_is_over_in_full_feature_phase(session: Session) -> None:
    """The target rejects a Login Request in full-feature phase, or disconnects."""
    pairs = b"InitiatorName=iqn.2026-11.com.example:again\0SessionType=Discovery\0"
    second_login = LoginRequest(
        csg=1, nsg=3, transit=1, cmd_sn=session.cmd_sn, data=pairs
    )

    session.send(second_login)

    expect_reject_or_drop(session.connection, of=second_login)


@pytest.mark.requirement("RFC7143-11.12.7-02")
def test_cid_of_the_first_request_counts(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target ignores a new CID in a later Login Request, or ends the login."""
    ask(login, first_pairs)

    provoke(login, csg=Stage.OPERATIONAL, cid=login.cid + 1)

    expect_no_transition(login)
