# SPDX-License-Identifier: GPL-2.0-only
"""CHAP, from the target's end."""

import pytest

from iscsi import chap, pdu, text
from iscsi.chap import Algorithm
from iscsi.constants import LoginStatus
from reftarget.config import Access
from tests.reftarget.peer import CHAP_ACCESS, Peer, make_target, names, pairs_of

SECRET = CHAP_ACCESS.users[0].secret


@pytest.fixture
def peer() -> Peer:
    return Peer(make_target(access=CHAP_ACCESS))


def say(peer: Peer, pairs: text.Pairs, *, transit: int = 0) -> pdu.PDU:
    request = peer.login_request(pairs, csg=0, nsg=1, transit=transit)
    return peer.send(request)[0]


def challenged(peer: Peer, algorithms: str = "5") -> chap.Challenge:
    say(peer, [*names(), ("AuthMethod", "CHAP,None")])
    values = pairs_of(say(peer, [("CHAP_A", algorithms)]))
    return chap.parse_challenge(values["CHAP_A"], values["CHAP_I"], values["CHAP_C"])


def proof(
    challenge: chap.Challenge, secret: bytes = SECRET, name: str = "user"
) -> text.Pairs:
    return [
        ("CHAP_N", name),
        ("CHAP_R", text.format_hex(challenge.respond(secret))),
    ]


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_right_response_lets_in(peer: Peer, algorithm: Algorithm) -> None:
    challenge = challenged(peer, f"99,{int(algorithm)}")

    answer = say(peer, proof(challenge), transit=1)

    assert challenge.algorithm is algorithm
    assert (answer.status, answer.transit) == (0, 1)
    assert peer.login_request([]) is not None
    assert peer.send(peer.login_request([]))[0].tsih


def test_mutual_authentication_proves_the_target(peer: Peer) -> None:
    challenge = challenged(peer)
    own = chap.Challenge(Algorithm.MD5, 9, b"our own challenge")
    pairs = [
        *proof(challenge),
        ("CHAP_I", "9"),
        ("CHAP_C", text.format_base64(own.challenge)),
    ]

    values = pairs_of(say(peer, pairs, transit=1))

    assert CHAP_ACCESS.mutual is not None
    assert values["CHAP_N"] == CHAP_ACCESS.mutual.name
    assert own.verify(CHAP_ACCESS.mutual.secret, text.parse_binary(values["CHAP_R"]))


@pytest.mark.parametrize(
    ("secret", "name"), [(b"wrong", "user"), (SECRET, "nobody"), (b"", "nobody")]
)
def test_wrong_proof_fails(peer: Peer, secret: bytes, name: str) -> None:
    answer = say(peer, proof(challenged(peer), secret, name), transit=1)

    assert answer.status == LoginStatus.AUTHENTICATION_FAILURE
    assert peer.connection.is_closing


def test_missing_response_is_a_missing_parameter(peer: Peer) -> None:
    challenged(peer)

    answer = say(peer, [("CHAP_N", "user")])

    assert answer.status == LoginStatus.MISSING_PARAMETER


def test_response_out_of_step_is_an_initiator_error(peer: Peer) -> None:
    say(peer, [*names(), ("AuthMethod", "CHAP")])

    answer = say(peer, [("CHAP_N", "user"), ("CHAP_R", "0x00")])

    assert answer.status == LoginStatus.INITIATOR_ERROR


@pytest.mark.parametrize("algorithms", ["99", "none", ""])
def test_no_common_algorithm_fails(peer: Peer, algorithms: str) -> None:
    say(peer, [*names(), ("AuthMethod", "CHAP")])

    answer = say(peer, [("CHAP_A", algorithms)])

    assert answer.status == LoginStatus.AUTHENTICATION_FAILURE


def test_reflected_challenge_closes(peer: Peer) -> None:
    challenge = challenged(peer)
    pairs = [
        *proof(challenge),
        ("CHAP_I", str(challenge.identifier)),
        ("CHAP_C", text.format_hex(challenge.challenge)),
    ]

    answer = say(peer, pairs, transit=1)

    assert answer.status == LoginStatus.AUTHENTICATION_FAILURE
    assert peer.connection.is_closing


def test_skipping_the_security_stage_fails(peer: Peer) -> None:
    assert peer.login().status == LoginStatus.AUTHENTICATION_FAILURE


@pytest.mark.parametrize("method", ["None", "KRB5,None", "Odd"])
def test_no_acceptable_method_fails(peer: Peer, method: str) -> None:
    answer = say(peer, [*names(), ("AuthMethod", method)])

    assert answer.status == LoginStatus.AUTHENTICATION_FAILURE


def test_transit_without_proof_fails(peer: Peer) -> None:
    answer = say(peer, names(), transit=1)

    assert answer.status == LoginStatus.AUTHENTICATION_FAILURE


def test_mutual_without_a_secret_of_ours_fails() -> None:
    peer = Peer(make_target(access=Access(users=CHAP_ACCESS.users)))
    challenge = challenged(peer)

    answer = say(peer, [*proof(challenge), ("CHAP_I", "1"), ("CHAP_C", "0x01")])

    assert answer.status == LoginStatus.AUTHENTICATION_FAILURE


def test_open_target_offered_chap_alone_says_reject() -> None:
    answer = say(Peer(make_target()), [*names(), ("AuthMethod", "CHAP")])

    assert pairs_of(answer)["AuthMethod"] == "Reject"
