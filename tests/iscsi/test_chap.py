# SPDX-License-Identifier: GPL-2.0-only
import hashlib

import pytest

from iscsi import chap
from iscsi.chap import Algorithm, Challenge
from iscsi.errors import NegotiationError


@pytest.mark.parametrize(
    ("algorithm", "name", "length"),
    [
        (Algorithm.MD5, "md5", 16),
        (Algorithm.SHA1, "sha1", 20),
        (Algorithm.SHA256, "sha256", 32),
        (Algorithm.SHA3_256, "sha3_256", 32),
    ],
)
def test_the_response_hashes_identifier_secret_and_challenge(
    algorithm: Algorithm, name: str, length: int
) -> None:
    expected = hashlib.new(name, b"\x07secret1234567" + b"challenge").digest()

    digest = chap.response(algorithm, 7, b"secret1234567", b"challenge")

    assert digest == expected
    assert chap.RESPONSE_LENGTH[algorithm] == len(digest) == length


def test_only_the_right_secret_verifies() -> None:
    challenge = Challenge(Algorithm.MD5, 1, b"c" * 16)
    answer = challenge.respond(b"right")

    assert challenge.verify(b"right", answer)
    assert not challenge.verify(b"wrong", answer)
    assert not challenge.verify(b"right", answer[:-1])


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("5", Algorithm.MD5),
        ("7,5", Algorithm.SHA256),
        ("99,0x05", Algorithm.MD5),
        ("x,5", Algorithm.MD5),
        ("99", None),
        ("", None),
    ],
)
def test_the_first_known_algorithm_is_chosen(
    offered: str, chosen: Algorithm | None
) -> None:
    assert chap.choose_algorithm(offered) == chosen


def test_an_algorithm_that_is_switched_off_is_not_chosen() -> None:
    assert chap.choose_algorithm("5,7", (Algorithm.SHA256,)) is Algorithm.SHA256


def test_a_challenge_is_parsed_in_each_encoding() -> None:
    assert chap.parse_challenge("5", "0x10", "0xabcd") == Challenge(
        Algorithm.MD5, 16, b"\xab\xcd"
    )


@pytest.mark.parametrize(
    ("triple", "key"),
    [
        (("6x", "1", "0xab"), "CHAP_A"),
        (("4", "1", "0xab"), "CHAP_A"),
        (("5", "256", "0xab"), "CHAP_I"),
        (("5", "-1", "0xab"), "CHAP_I"),
        (("5", "1", "0xzz"), "CHAP_C"),
        (("5", "1", "0b"), "CHAP_C"),
        (("5", "1", "0x" + "00" * 1025), "CHAP_C"),
    ],
)
def test_malformed_challenges_name_their_key(
    triple: tuple[str, str, str], key: str
) -> None:
    with pytest.raises(NegotiationError) as caught:
        chap.parse_challenge(*triple)

    assert caught.value.key == key


def test_a_secret_is_not_shown() -> None:
    representation = repr(chap.Credentials("user", b"a secret of ours"))

    assert "user" in representation
    assert "secret of ours" not in representation
