# SPDX-License-Identifier: GPL-2.0-only
"""Logins: stages, keys, identities and refusals."""

from typing import Any

import pytest

from iscsi import pdu, text
from iscsi.address import Portal
from iscsi.constants import LoginStatus, Stage
from reftarget.config import Access, Limits, Redirection
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import (
    INITIATOR,
    NAME,
    Peer,
    make_target,
    names,
    pairs_of,
)


@pytest.fixture
def target() -> ReferenceTarget:
    return make_target()


@pytest.fixture
def peer(target: ReferenceTarget) -> Peer:
    return Peer(target)


def test_single_request_login_reaches_full_feature_phase(peer: Peer) -> None:
    response = peer.login(MaxBurstLength="4096", ErrorRecoveryLevel="1")

    assert (response.status, response.transit, response.nsg) == (0, 1, 3)
    assert response.tsih != 0
    assert response.isid == peer.isid
    assert response.exp_cmd_sn == 100
    assert pairs_of(response) == {
        "TargetPortalGroupTag": "1",
        "MaxBurstLength": "4096",
        "ErrorRecoveryLevel": "1",
        "MaxRecvDataSegmentLength": "262144",
    }


def test_login_through_both_stages(peer: Peer) -> None:
    first = peer.send(
        peer.login_request([*names(), ("AuthMethod", "None")], csg=0, nsg=1)
    )[0]
    second = peer.send(peer.login_request([("HeaderDigest", "CRC32C,None")]))[0]

    assert (first.csg, first.nsg, first.transit, first.tsih) == (0, 1, 1, 0)
    assert pairs_of(first) == {"AuthMethod": "None", "TargetPortalGroupTag": "1"}
    assert second.stat_sn == first.stat_sn + 1
    assert pairs_of(second)["HeaderDigest"] == "CRC32C"
    assert peer.connection.digests.header


def test_text_over_several_requests_is_joined(peer: Peer) -> None:
    data = text.encode([*names(), ("MaxBurstLength", "8192")])

    empty = peer.send(peer.login_request([], data=data[:70], continuation=1, transit=0))
    last = peer.send(peer.login_request([], data=data[70:]))

    assert (empty[0].transit, bytes(empty[0].data)) == (0, b"")
    assert pairs_of(last[0])["MaxBurstLength"] == "8192"


def test_long_answer_is_split_with_continuation(peer: Peer) -> None:
    unknown = [(f"X-com.example.{i:050}", "1") for i in range(200)]
    parts = text.split(text.encode([*names(), *unknown]), 8192)
    for part in parts[:-1]:
        peer.send(peer.login_request([], data=part, continuation=1, transit=0))

    answers = peer.send(peer.login_request([], data=parts[-1]))
    received = [answers[-1]]
    while received[-1].continuation:
        assert not received[-1].transit
        received += peer.send(peer.login_request([]))

    pairs = text.decode(b"".join(bytes(one.data) for one in received))
    assert len(received) == 2
    assert dict(pairs)[unknown[-1][0]] == "NotUnderstood"
    assert received[-1].transit


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([("TargetName", NAME)], LoginStatus.MISSING_PARAMETER),
        ([("InitiatorName", INITIATOR)], LoginStatus.MISSING_PARAMETER),
        (names(TargetName="iqn.2001-04.com.example:no"), LoginStatus.NOT_FOUND),
        (names(SessionType="Odd"), LoginStatus.SESSION_TYPE_NOT_SUPPORTED),
        (names(SessionType=""), LoginStatus.SESSION_TYPE_NOT_SUPPORTED),
        ([*names(), ("InitiatorName", "x")], LoginStatus.INITIATOR_ERROR),
        (
            [*names(), ("DataDigest", "None"), ("DataDigest", "None")],
            LoginStatus.INITIATOR_ERROR,
        ),
        ([*names(), ("AuthMethod", "None")], LoginStatus.INITIATOR_ERROR),
        ([*names(), ("MaxBurstLength", "Reject")], LoginStatus.INITIATOR_ERROR),
        ([*names(), ("SendTargets", "All")], LoginStatus.INITIATOR_ERROR),
    ],
)
def test_refused_logins_say_why_and_close(
    peer: Peer, pairs: text.Pairs, status: LoginStatus
) -> None:
    response = peer.send(peer.login_request(pairs))[0]

    assert response.status == status
    assert peer.connection.is_closing
    assert not peer.target.sessions


def test_operational_key_in_security_stage_is_refused(peer: Peer) -> None:
    request = peer.login_request([*names(), ("MaxBurstLength", "512")], csg=0, nsg=1)

    assert peer.send(request)[0].status == LoginStatus.INITIATOR_ERROR


def test_a_habit_passes_over_keys_of_another_stage_alone() -> None:
    peer = Peer(make_target(habits=("keys-of-another-stage-are-ignored",)))
    pairs = [*names(), ("AuthMethod", "None"), ("MaxBurstLength", "512")]

    answered = pairs_of(peer.send(peer.login_request(pairs, csg=0, nsg=1))[0])

    assert answered == {"AuthMethod": "None", "TargetPortalGroupTag": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        {"csg": 2},
        {"nsg": 2},
        {"csg": 3},
        {"csg": 1, "nsg": 1},
        {"csg": 1, "nsg": 0},
        {"continuation": 1},
    ],
)
def test_reserved_stages_and_forbidden_transitions_are_refused(
    peer: Peer, fields: dict[str, int]
) -> None:
    response = peer.send(peer.login_request(names(), **fields))[0]

    assert response.status == LoginStatus.INITIATOR_ERROR


def test_unsupported_version_is_refused_with_the_one_supported(peer: Peer) -> None:
    response = peer.login(fields={"version_min": 1, "version_max": 2})

    assert response.status == LoginStatus.UNSUPPORTED_VERSION
    assert response.version_active == 0


def test_first_pdu_that_is_no_login_request_drops_the_connection(peer: Peer) -> None:
    assert peer.send(pdu.NOPOut()) == []
    assert peer.connection.is_closing


def test_other_request_during_login_is_refused(peer: Peer) -> None:
    peer.send(peer.login_request(names(), transit=0))

    response = peer.send(pdu.NOPOut())[0]

    assert response.status == LoginStatus.INVALID_DURING_LOGIN
    assert peer.connection.is_closing


def test_tag_that_changes_during_login_is_refused(peer: Peer) -> None:
    peer.send(peer.login_request(names(), transit=0))

    response = peer.send(peer.login_request([], initiator_task_tag=0x99))[0]

    assert response.status == LoginStatus.INITIATOR_ERROR


def test_unknown_tsih_is_refused(peer: Peer) -> None:
    assert peer.login(fields={"tsih": 9}).status == LoginStatus.SESSION_DOES_NOT_EXIST


def test_same_isid_reinstates_the_session(target: ReferenceTarget) -> None:
    first, second = Peer(target), Peer(target)
    old = first.login().tsih

    new = second.login().tsih

    assert first.connection.is_closing
    assert list(target.sessions) == [new]
    assert new != old


def test_other_isid_gives_a_session_of_its_own(target: ReferenceTarget) -> None:
    first, second = Peer(target), Peer(target)
    second.isid = b"\x80\x00\x01\x02\x03\x05"
    first.login()
    second.login()

    assert len(target.sessions) == 2
    assert not first.connection.is_closing


def test_connection_joins_its_session_up_to_the_limit(target: ReferenceTarget) -> None:
    first = Peer(target)
    first.login(MaxConnections="2")
    peers = [Peer(target, cid=cid) for cid in (1, 2)]
    for peer in peers:
        peer.tsih = first.tsih

    statuses = [peer.login().status for peer in peers]

    assert statuses == [0, LoginStatus.TOO_MANY_CONNECTIONS]
    assert list(target.sessions[first.tsih].connections) == [0, 1]


def test_leading_only_key_on_an_added_connection_is_refused(
    target: ReferenceTarget,
) -> None:
    first, second = Peer(target), Peer(target, cid=1)
    first.login(MaxConnections="2")
    second.tsih = first.tsih

    response = second.login(MaxBurstLength="512")

    assert response.status == LoginStatus.INITIATOR_ERROR


def test_session_does_not_span_portal_groups(target: ReferenceTarget) -> None:
    first = Peer(target)
    first.login(MaxConnections="2")
    second = Peer(target, portal=Portal("192.0.2.2", 3260, 2), cid=1)
    second.tsih = first.tsih

    assert second.login().status == LoginStatus.CANNOT_INCLUDE_IN_SESSION


@pytest.mark.parametrize(
    ("redirection", "status"),
    [
        (Redirection("192.0.2.9:3260"), LoginStatus.TARGET_MOVED_TEMPORARILY),
        (Redirection("192.0.2.9:3260", True), LoginStatus.TARGET_MOVED_PERMANENTLY),
    ],
)
def test_redirection_gives_the_address(
    redirection: Redirection, status: LoginStatus
) -> None:
    response = Peer(make_target(redirection=redirection)).login()

    assert response.status == status
    assert pairs_of(response) == {"TargetAddress": "192.0.2.9:3260"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"is_removed": True}, LoginStatus.TARGET_REMOVED),
        ({"is_online": False}, LoginStatus.SERVICE_UNAVAILABLE),
        (
            {"access": Access(initiators=("iqn.2001-04.com.example:other",))},
            LoginStatus.AUTHORIZATION_FAILURE,
        ),
        ({"groups": (7,)}, LoginStatus.NOT_FOUND),
    ],
)
def test_configured_refusals(changes: dict[str, Any], status: LoginStatus) -> None:
    assert Peer(make_target(**changes)).login().status == status


def test_session_limit_is_out_of_resources() -> None:
    target = make_target(limits=Limits(sessions=1))
    first, second = Peer(target), Peer(target)
    second.isid = b"\x80\x00\x01\x02\x03\x05"
    first.login()

    assert second.login().status == LoginStatus.OUT_OF_RESOURCES


def test_a_bug_of_the_target_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise OSError("no entropy")

    monkeypatch.setattr("reftarget.admission.admit", broken)
    peer = Peer(make_target())

    assert peer.login().status == LoginStatus.TARGET_ERROR
    assert peer.connection.is_closing


def test_stalled_login_is_closed(peer: Peer) -> None:
    peer.send(peer.login_request(names(), transit=0))

    peer.target.tick(16.0)

    assert peer.connection.is_closing
    assert not peer.target.connections


def test_alias_is_declared() -> None:
    response = Peer(make_target(alias="a disk")).login()

    assert pairs_of(response)["TargetAlias"] == "a disk"


def test_discovery_answers_irrelevant_to_normal_keys(peer: Peer) -> None:
    request = peer.login_request(
        [
            ("InitiatorName", INITIATOR),
            ("SessionType", "Discovery"),
            ("MaxBurstLength", "512"),
            ("ErrorRecoveryLevel", "2"),
        ]
    )

    pairs = pairs_of(peer.send(request)[0])

    assert pairs["MaxBurstLength"] == "Irrelevant"
    assert pairs["ErrorRecoveryLevel"] == "0"


def test_security_stage_straight_to_full_feature_keeps_defaults(peer: Peer) -> None:
    request = peer.login_request(
        [*names(), ("AuthMethod", "None")], csg=int(Stage.SECURITY)
    )

    peer.send(request)

    assert peer.connection.parameters.target_max_recv_data_segment_length == 8192


def test_login_that_joins_ends_with_its_session(target: ReferenceTarget) -> None:
    first, second = Peer(target), Peer(target, cid=1)
    first.login(MaxConnections="2")
    second.tsih = first.tsih
    second.send(second.login_request(names(), transit=0))

    first.send(pdu.LogoutRequest(reason=0))

    assert second.connection.is_closing
    assert not target.connections


def test_login_data_beyond_the_default_segment_is_refused(peer: Peer) -> None:
    peer.send(peer.login_request(names(), transit=0))

    request = peer.fill(peer.login_request([], data_segment_length=8193))
    peer.send_bytes(request.segments()[0])

    assert peer.receive()[0].status == LoginStatus.INITIATOR_ERROR
    assert peer.connection.is_closing
