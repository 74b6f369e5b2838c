# SPDX-License-Identifier: GPL-2.0-only
"""Text Requests, discovery and logout."""

from dataclasses import replace

import pytest

from iscsi import pdu, text
from iscsi.address import Portal
from iscsi.constants import (
    RESERVED_TAG,
    LoginStatus,
    LogoutReason,
    LogoutResponseCode,
    RejectReason,
)
from reftarget.config import Access, Config, TargetConfig
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import (
    INITIATOR,
    NAME,
    PORTAL,
    Peer,
    config,
    make_target,
    pairs_of,
    read,
)

IPV6 = Portal("2001:db8::1", 3261, 2)
OTHER = "iqn.2001-04.com.example:other"


@pytest.fixture
def peer() -> Peer:
    return Peer(make_target())


def discoverer(target: ReferenceTarget, *, portal: Portal = PORTAL) -> Peer:
    peer = Peer(target, portal=portal)
    request = peer.login_request(
        [("InitiatorName", INITIATOR), ("SessionType", "Discovery")]
    )
    response = peer.send(request)[0]
    assert response.status == LoginStatus.SUCCESS
    peer.tsih = response.tsih
    return peer


def two_targets() -> Config:
    base = config(portals=(PORTAL, IPV6))
    secret = TargetConfig(
        "iqn.2001-04.com.example:hidden", access=Access(initiators=("iqn.x",))
    )
    return replace(
        base, targets=(*base.targets, TargetConfig(OTHER, groups=(2,)), secret)
    )


def asked(peer: Peer, what: str) -> text.Pairs:
    answers = peer.send(pdu.TextRequest(data=f"SendTargets={what}\0".encode()))
    return text.decode(bytes(answers[0].data))


ALL = [
    ("TargetName", NAME),
    ("TargetAddress", "192.0.2.1:3260,1"),
    ("TargetAddress", "[2001:db8::1]:3261,2"),
    ("TargetName", OTHER),
    ("TargetAddress", "[2001:db8::1]:3261,2"),
]


@pytest.mark.parametrize(
    ("what", "answer"),
    [("All", ALL), (OTHER, ALL[3:]), ("iqn.2001-04.com.example:hidden", []), ("", [])],
)
def test_send_targets_on_discovery(what: str, answer: text.Pairs) -> None:
    assert asked(discoverer(ReferenceTarget(two_targets())), what) == answer


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("", ALL[:3]),
        (NAME, ALL[:3]),
        ("All", [("SendTargets", "Reject")]),
        (OTHER, [("SendTargets", "Reject")]),
    ],
)
def test_send_targets_on_a_normal_session(what: str, answer: text.Pairs) -> None:
    peer = Peer(ReferenceTarget(two_targets())).logged_in()

    assert asked(peer, what) == answer


def test_wildcard_portal_is_shown_as_the_peer_sees_it() -> None:
    wildcard = Portal("0.0.0.0", 3260, 1)  # noqa: S104 - shown, not bound
    peer = discoverer(ReferenceTarget(config(portals=(wildcard,))))
    peer.connection.local_host = "198.51.100.7"

    assert ("TargetAddress", "198.51.100.7:3260,1") in asked(peer, "All")


def test_long_answer_takes_several_responses() -> None:
    targets = tuple(TargetConfig(f"iqn.2001-04.com.example:{i:03}") for i in range(40))
    peer = discoverer(ReferenceTarget(config(targets=targets)))
    declaration = b"MaxRecvDataSegmentLength=512\0"
    peer.send(pdu.TextRequest(data=declaration + b"SendTargets=iqn.x\0"))

    request = pdu.TextRequest(data=b"SendTargets=All\0")
    received = peer.send(request)
    while not received[-1].final:
        assert received[-1].target_transfer_tag != RESERVED_TAG
        received += peer.send(
            pdu.TextRequest(
                initiator_task_tag=request.initiator_task_tag,
                target_transfer_tag=received[-1].target_transfer_tag,
                lun=received[-1].lun,
            )
        )

    pairs = text.decode(b"".join(bytes(one.data) for one in received))
    assert max(len(one.data) for one in received) == 512
    assert [value for key, value in pairs if key == "TargetName"] == [
        target.name for target in targets
    ]
    assert received[-1].target_transfer_tag == RESERVED_TAG


def test_text_in_parts_is_answered_by_empty_responses(peer: Peer) -> None:
    peer.logged_in()
    first = pdu.TextRequest(data=b"SendTar", final=0, continuation=1)

    empty = peer.send(first)[0]
    response = peer.send(
        pdu.TextRequest(
            initiator_task_tag=first.initiator_task_tag,
            target_transfer_tag=empty.target_transfer_tag,
            data=b"gets=\0",
        )
    )[0]

    assert (empty.final, bytes(empty.data)) == (0, b"")
    assert "TargetName" in pairs_of(response)


@pytest.mark.parametrize(
    "data",
    [
        b"MaxRecvDataSegmentLength=512\0MaxRecvDataSegmentLength=1024\0",
        b"HeaderDigest=None\0",
        b"MaxBurstLength=512\0",
        b"no equals sign\0",
    ],
)
def test_text_that_breaks_the_rules_is_a_protocol_error(
    peer: Peer, data: bytes
) -> None:
    peer.logged_in()

    answer = peer.send(pdu.TextRequest(data=data))[0]

    assert answer.reason == RejectReason.PROTOCOL_ERROR


def test_stale_transfer_tag_is_an_invalid_field(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(pdu.TextRequest(target_transfer_tag=5))[0]

    assert answer.reason == RejectReason.INVALID_PDU_FIELD


def test_redeclared_segment_length_holds_for_data_in(peer: Peer) -> None:
    peer.logged_in()
    before = len(peer.send(read(0, 2)))

    peer.send(pdu.TextRequest(data=b"MaxRecvDataSegmentLength=512\0"))

    assert (before, len(peer.send(read(0, 2)))) == (1, 2)


def test_unknown_key_in_text_is_not_understood(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(pdu.TextRequest(data=b"X-com.example.odd=1\0"))[0]

    assert pairs_of(answer) == {"X-com.example.odd": "NotUnderstood"}


@pytest.mark.parametrize(
    "request_",
    [
        pdu.NOPOut(),
        read(0, 1),
        pdu.TaskManagementRequest(function=1),
        pdu.SNACK(),
        pdu.TextRequest(data=b"InitiatorAlias=x\0"),
    ],
)
def test_discovery_rejects_other_requests(request_: pdu.PDU) -> None:
    peer = discoverer(make_target())

    assert peer.send(request_.copy())[0].reason == RejectReason.PROTOCOL_ERROR


def test_discovery_sessions_on_two_portals_are_independent() -> None:
    target = ReferenceTarget(two_targets())
    first, second = discoverer(target), discoverer(target, portal=IPV6)
    third = discoverer(target)

    assert first.connection.is_closing
    assert not second.connection.is_closing
    assert not third.connection.is_closing


def logout(reason: LogoutReason, cid: int = 0) -> pdu.LogoutRequest:
    return pdu.LogoutRequest(reason=int(reason), cid=cid)


def test_logout_of_the_session_answers_then_closes(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(logout(LogoutReason.CLOSE_SESSION))[0]

    assert answer.response == LogoutResponseCode.CLOSED
    assert peer.connection.is_closing
    assert not peer.target.sessions


def test_logout_of_the_only_connection_ends_the_session(peer: Peer) -> None:
    peer.logged_in()

    peer.send(logout(LogoutReason.CLOSE_CONNECTION))

    assert not peer.target.sessions


def test_logout_of_another_connection(peer: Peer) -> None:
    peer.logged_in(MaxConnections="2")
    second = Peer(peer.target, cid=1)
    second.tsih = peer.tsih
    second.login()

    answer = peer.send(logout(LogoutReason.CLOSE_CONNECTION, cid=1))[0]

    assert answer.response == LogoutResponseCode.CLOSED
    assert second.connection.is_closing
    assert list(peer.target.sessions[peer.tsih].connections) == [0]


def test_logout_of_an_unknown_connection(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(logout(LogoutReason.CLOSE_CONNECTION, cid=9))[0]

    assert answer.response == LogoutResponseCode.CID_NOT_FOUND
    assert not peer.connection.is_closing


def test_reserved_logout_reason_is_a_protocol_error(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(pdu.LogoutRequest(reason=7))[0]

    assert answer.reason == RejectReason.PROTOCOL_ERROR
