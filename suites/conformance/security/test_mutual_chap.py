# SPDX-License-Identifier: GPL-2.0-only
"""CHAP of the target (RFC 7143 sections 9.2.1 and 12.1.3)."""

from collections.abc import Callable

import pytest

import targets
from initiator.expect import check, clause, expect_drop
from iscsi import text
from iscsi.chap import MAX_BINARY
from iscsi.constants import LoginStatus
from suites.plugins.targets import TestedTarget
from suites.support.login import expect_full_feature
from suites.support.security import (
    OUT_OF_STEP,
    OWN_CHALLENGE,
    ChapLogin,
)

NewChapLogin = Callable[[], ChapLogin]

pytestmark = pytest.mark.needs("chap-mutual")


@pytest.fixture
def chap_node(target: TestedTarget) -> targets.Target:
    """The target name that authenticates itself."""
    node = target.running.mutual_target
    assert node is not None
    return node


_FAILURE = LoginStatus.AUTHENTICATION_FAILURE


@pytest.mark.requirement("RFC7143-12.1.3-05", "RFC7143-9.2.1-01")
def test_target_proves_itself(chap_login: ChapLogin) -> None:
    """The target answers a challenge with its name and the right CHAP_R."""
    challenge = chap_login.challenge()

    answers = chap_login.prove(chap_login.mutual_proof(challenge))

    chap_login.check_proof_of_target(answers, challenge)
    chap_login.enter()
    expect_full_feature(chap_login.login)


@pytest.mark.requirement("RFC7143-12.1.3-07", "RFC7143-12.1.3-05")
@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 255, 1023, MAX_BINARY])
def test_challenge_of_any_length(chap_login: ChapLogin, size: int) -> None:
    """The target answers a challenge of 1 to 1024 bytes correctly."""
    data = bytes(number % 251 for number in range(1, size + 1))
    challenge = chap_login.challenge()

    pairs = chap_login.mutual_proof(challenge, CHAP_C=text.format_hex(data))
    answers = chap_login.prove(pairs)

    chap_login.check_proof_of_target(answers, challenge, data=data)


@pytest.mark.requirement("RFC7143-12.1.3-i03", "RFC7143-6.1-i03")
@pytest.mark.parametrize("prefix", ["0b", "0B", "0x", "0X"])
def test_challenge_in_any_encoding(chap_login: ChapLogin, prefix: str) -> None:
    """The target answers a challenge in hexadecimal or Base64 correctly."""
    challenge = chap_login.challenge()
    is_base64 = prefix in ("0b", "0B")
    value = (text.format_base64 if is_base64 else text.format_hex)(OWN_CHALLENGE)

    pairs = chap_login.mutual_proof(challenge, CHAP_C=prefix + value[2:])
    answers = chap_login.prove(pairs)

    chap_login.check_proof_of_target(answers, challenge)


@pytest.mark.requirement("RFC7143-12.1.3-05", "RFC7143-6.1-i02")
@pytest.mark.parametrize("value", ["0", "1", "127", "128", "255", "0x5a", "0XFF"])
def test_identifier_of_any_value(chap_login: ChapLogin, value: str) -> None:
    """The target answers any identifier, in decimal or hexadecimal, correctly."""
    challenge = chap_login.challenge()

    answers = chap_login.prove(chap_login.mutual_proof(challenge, CHAP_I=value))

    number = int(value, 0)
    chap_login.check_proof_of_target(answers, challenge, identifier=number)


@pytest.mark.requirement("RFC7143-12.1.3-05")
def test_identifier_of_the_target(chap_login: ChapLogin) -> None:
    """The target accepts its own identifier with another challenge."""
    challenge = chap_login.challenge()
    value = str(challenge.identifier)

    answers = chap_login.prove(chap_login.mutual_proof(challenge, CHAP_I=value))

    number = challenge.identifier
    chap_login.check_proof_of_target(answers, challenge, identifier=number)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize("value", ["256", "65536", "-1", "abc", "4294967296"])
def test_identifier_beyond_an_octet(chap_login: ChapLogin, value: str) -> None:
    """The target ends a login whose CHAP_I exceeds an octet."""
    challenge = chap_login.challenge()

    pairs = chap_login.mutual_proof(challenge, CHAP_I=value)

    chap_login.expect_refusal_of(pairs, *OUT_OF_STEP, _FAILURE)


@pytest.mark.requirement("RFC7143-12.1.3-07", "RFC7143-9.2-04")
@pytest.mark.parametrize("size", [MAX_BINARY + 1, 2048, 3500])
def test_oversized_challenge(chap_login: ChapLogin, size: int) -> None:
    """The target ends a login with a challenge of more than 1024 bytes."""
    challenge = chap_login.challenge()
    value = text.format_hex(b"c" * size)

    pairs = chap_login.mutual_proof(challenge, CHAP_C=value)

    chap_login.expect_refusal_of(pairs, *OUT_OF_STEP, _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize("value", ["0x", "0xZZ", "0b", "0b!", "nonsense"])
def test_challenge_without_form(chap_login: ChapLogin, value: str) -> None:
    """The target ends a login with a CHAP_C that is not a binary value."""
    challenge = chap_login.challenge()

    pairs = chap_login.mutual_proof(challenge, CHAP_C=value)

    chap_login.expect_refusal_of(pairs, *OUT_OF_STEP, _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize("name", ["CHAP_I", "CHAP_C"])
def test_half_a_challenge(chap_login: ChapLogin, name: str) -> None:
    """The target ends a login with only one of CHAP_I and CHAP_C."""
    challenge = chap_login.challenge()

    pairs = chap_login.mutual_proof(challenge, **{name: ""})

    chap_login.expect_refusal_of(pairs, *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-9.2-i01")
def test_challenge_without_a_proof(chap_login: ChapLogin) -> None:
    """The target refuses a challenge without CHAP_R, as in a reflection attack."""
    challenge = chap_login.challenge()

    pairs = chap_login.mutual_proof(challenge, CHAP_R="")

    chap_login.expect_refusal_of(pairs, LoginStatus.MISSING_PARAMETER)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
def test_challenge_with_a_wrong_proof(chap_login: ChapLogin) -> None:
    """The target sends no CHAP_R to an initiator whose own CHAP_R is wrong."""
    challenge = chap_login.challenge()

    pairs = chap_login.mutual_proof(challenge, CHAP_R="0x" + "11" * 16)
    response = chap_login.expect_refusal_of(pairs, _FAILURE)

    assert response is not None
    check(b"CHAP_R" not in response.data, "no CHAP_R", response)


@pytest.mark.requirement("RFC7143-9.2.1-14", "RFC7143-9.2.1-15")
@pytest.mark.parametrize("offset", [0, 1])
def test_reflected_challenge(chap_login: ChapLogin, offset: int) -> None:
    """The target drops an initiator that returns the target's challenge."""
    challenge = chap_login.challenge()
    pairs = chap_login.reflection(challenge, offset)

    chap_login.expect_no_answer(pairs)

    with clause("RFC7143-9.2.1-15"):
        expect_drop(chap_login.login.connection)


@pytest.mark.requirement("RFC7143-9.2.1-14", "RFC7143-9.2.1-15")
def test_challenge_reflected_in_another_encoding(chap_login: ChapLogin) -> None:
    """The target recognizes its challenge when returned in another encoding."""
    challenge = chap_login.challenge()
    value = text.format_base64(challenge.challenge)

    chap_login.expect_no_answer(chap_login.mutual_proof(challenge, CHAP_C=value))

    with clause("RFC7143-9.2.1-15"):
        expect_drop(chap_login.login.connection)


@pytest.mark.requirement("RFC7143-9.2.1-10", "RFC7143-9.2.1-11")
def test_proof_with_the_targets_secret(chap_login: ChapLogin) -> None:
    """The target drops an initiator whose CHAP_R is made with the target's secret."""
    challenge = chap_login.challenge()
    answer = challenge.respond(chap_login.mutual.secret)

    pairs = chap_login.mutual_proof(challenge, CHAP_R=text.format_hex(answer))
    chap_login.expect_no_answer(pairs)

    with clause("RFC7143-9.2.1-11"):
        expect_drop(chap_login.login.connection)


@pytest.mark.requirement("RFC7143-12.1.3-05", "RFC7143-9.2-01")
def test_one_way_is_enough(chap_login: ChapLogin) -> None:
    """The target does not authenticate itself unless the initiator asks."""
    challenge = chap_login.challenge()

    with clause("RFC7143-9.2-01"):
        answers = chap_login.prove(chap_login.proof(challenge))

    check("CHAP_R" not in dict(answers), "no CHAP_R", answers)


@pytest.mark.requirement("RFC7143-12.1.3-05")
def test_repeated_challenge_on_another_connection(
    new_chap_login: NewChapLogin,
) -> None:
    """The target answers a challenge that another connection has used."""
    for _number in range(2):
        login = new_chap_login()
        challenge = login.challenge()
        answers = login.prove(login.mutual_proof(challenge))
        login.check_proof_of_target(answers, challenge)
        login.login.connection.close()
