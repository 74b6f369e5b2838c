# SPDX-License-Identifier: GPL-2.0-only
"""CHAP of the initiator (RFC 7143 sections 9.2 and 12.1.3)."""

from collections.abc import Callable

import pytest

from initiator.expect import check, clause, expect_drop
from initiator.login import LoginExchange, handle_of
from iscsi import text
from iscsi.chap import MAX_BINARY, Algorithm
from iscsi.constants import LoginStatus, Stage
from iscsi.pdu import LoginResponse
from suites.plugins.targets import TestedTarget
from suites.support.login import (
    advance,
    ask,
    expect_full_feature,
    expect_no_login,
    texts_of,
)
from suites.support.security import OUT_OF_STEP, ChapLogin
from suites.support.ways import OTHER_ALGORITHMS, charging

NewChapLogin = Callable[[], ChapLogin]

pytestmark = pytest.mark.needs("chap")

_ENCODINGS = {
    "hexadecimal": lambda data: "0x" + data.hex(),
    "upper-case-digits": lambda data: "0x" + data.hex().upper(),
    "upper-case-prefix": lambda data: "0X" + data.hex(),
    "Base64": text.format_base64,
    "upper-case-Base64-prefix": lambda data: "0B" + text.format_base64(data)[2:],
}
_FORMLESS = ["0x", "0xZZ", "0b!!", "0b=", "deadbeef", "0y00", "123abc"]
_FAILURE = LoginStatus.AUTHENTICATION_FAILURE


@pytest.mark.requirement("RFC7143-11.13.1-01", "RFC7143-11.13.2-01")
def test_a_refusal_has_the_versions_of_the_login(chap_login: ChapLogin) -> None:
    """A response that ends a login has Version-max and Version-active of the others."""
    challenge = chap_login.challenge()
    wrong = text.format_hex(challenge.respond(b"no secret of anybody"))

    refusal = chap_login.expect_refusal_of(chap_login.proof(challenge, CHAP_R=wrong))

    if refusal is None:
        pytest.skip(
            "not applicable: the target drops the connection without a response"
        )
    first = chap_login.login.connection.transcript.received()[0]
    assert isinstance(first, LoginResponse)
    expected = f"Version-max {first.version_max}"
    is_same = refusal.version_max == first.version_max
    check(is_same, expected, refusal, field="Version-max")
    expected = f"Version-active {first.version_active}"
    check(
        refusal.version_active == first.version_active,
        expected,
        refusal,
        requirement="RFC7143-11.13.2-01",
        field="Version-active",
    )


@pytest.mark.requirement("RFC7143-9.2.1-01", "RFC7143-9.2.1-02", "RFC7143-12.1.3-i01")
def test_right_secret_logs_in(chap_login: ChapLogin) -> None:
    """The target accepts a right CHAP_R with MD5 and a secret of 16 bytes."""
    challenge = chap_login.challenge()

    chap_login.prove(chap_login.proof(challenge))
    chap_login.enter()

    expect_full_feature(chap_login.login)


@pytest.mark.requirement("RFC7143-12.1.3-02", "RFC7143-12.1.3-i02")
@pytest.mark.parametrize("algorithms", ["5", "5,7", "7,5", "6,5", "200,5", "250,251,5"])
def test_algorithm_is_one_of_the_list(chap_login: ChapLogin, algorithms: str) -> None:
    """The target chooses an offered algorithm and sends its challenge with it."""
    with charging(chap_login.way, OTHER_ALGORITHMS):
        challenge = chap_login.challenge(algorithms)

    offered = [int(item) for item in algorithms.split(",")]
    check(
        challenge.algorithm in offered,
        f"one of {algorithms}",
        challenge.algorithm,
        requirement="RFC7143-12.1.3-i02",
        field="CHAP_A",
    )


@pytest.mark.requirement("RFC7143-12.1.3-i02", "RFC7143-12.1.3-02")
@pytest.mark.parametrize("algorithms", ["0", "250", "55", "250,251", "4294967301"])
def test_no_algorithm_is_known(chap_login: ChapLogin, algorithms: str) -> None:
    """The target refuses a list of unknown algorithms as a failed authentication."""
    chap_login.choose()

    chap_login.expect_refusal_of([("CHAP_A", algorithms)], _FAILURE, nsg=None)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize("algorithms", ["MD5", "five", "-5", "5x"])
def test_algorithm_is_no_number(chap_login: ChapLogin, algorithms: str) -> None:
    """The target ends a login whose CHAP_A is not a number."""
    chap_login.choose()

    chap_login.expect_refusal_of([("CHAP_A", algorithms)], nsg=None)


@pytest.mark.requirement("RFC7143-12.1.3-07", "RFC7143-12.1.3-02")
def test_challenge_keeps_its_limits(chap_login: ChapLogin) -> None:
    """The target's challenge has 1 to 1024 bytes, its identifier one octet."""
    challenge = chap_login.challenge()

    size = len(challenge.challenge)
    check(1 <= size <= MAX_BINARY, f"1 to {MAX_BINARY} bytes", size)
    check(challenge.identifier <= 0xFF, "CHAP_I up to 255", challenge.identifier)


@pytest.mark.requirement("RFC7143-6.1-03", "RFC7143-12.1.3-02")
def test_challenge_is_no_decimal(chap_login: ChapLogin) -> None:
    """The target encodes a challenge beyond 64 bits in hexadecimal or Base64."""
    size = len(chap_login.challenge().challenge)

    value = text.value(texts_of(chap_login.login), "CHAP_C") or ""
    is_encoded = value[:2].lower() in ("0x", "0b")
    check(is_encoded or size <= 8, "0x or 0b", value)


@pytest.mark.requirement("RFC7143-9.2-02")
def test_challenges_differ(new_chap_login: NewChapLogin) -> None:
    """The target sends a different challenge on each connection."""
    challenges = _challenges(new_chap_login, 3)

    hex_challenges = [item.hex() for item in challenges]
    check(len(set(challenges)) == 3, "three different challenges", hex_challenges)


@pytest.mark.needs("restart")
@pytest.mark.requirement("RFC7143-9.2-02")
def test_challenges_differ_over_restarts(
    target: TestedTarget, new_chap_login: NewChapLogin
) -> None:
    """The first challenges after a restart are not those after the last restart."""
    series = []
    for _start in range(2):
        target.restart()
        series.append(_challenges(new_chap_login, 3))

    first, second = series
    repeated = [item.hex() for item in second if item in first]
    check(not repeated, "no challenge that was sent before the restart", repeated)


def _challenges(new_chap_login: NewChapLogin, number: int) -> list[bytes]:
    """Return the challenges of as many logins."""
    challenges = []
    for _number in range(number):
        # One login after the other: a target may handle only one at a time.
        chap_login = new_chap_login()
        challenges.append(chap_login.challenge().challenge)
        chap_login.login.connection.close()
    return challenges


@pytest.mark.requirement("RFC7143-12.1.3-i03", "RFC7143-6.1-i03")
@pytest.mark.parametrize("encode", _ENCODINGS.values(), ids=_ENCODINGS)
def test_response_in_any_encoding(
    chap_login: ChapLogin, encode: Callable[[bytes], str]
) -> None:
    """The target accepts CHAP_R in hexadecimal and in Base64."""
    challenge = chap_login.challenge()
    answer = challenge.respond(chap_login.credentials.secret)

    chap_login.prove(chap_login.proof(challenge, CHAP_R=encode(answer)))
    chap_login.enter()

    expect_full_feature(chap_login.login)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
@pytest.mark.parametrize("encode", _ENCODINGS.values(), ids=_ENCODINGS)
def test_wrong_response(chap_login: ChapLogin, encode: Callable[[bytes], str]) -> None:
    """The target refuses a wrong CHAP_R in any encoding as a failed authentication."""
    challenge = chap_login.challenge()
    answer = challenge.respond(b"not-the-secret-at-all")

    pairs = chap_login.proof(challenge, CHAP_R=encode(answer))

    chap_login.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
@pytest.mark.parametrize("bit", [0, 7, 64, 127])
def test_response_that_is_nearly_right(chap_login: ChapLogin, bit: int) -> None:
    """The target refuses a CHAP_R with one wrong bit as a failed authentication."""
    challenge = chap_login.challenge()
    answer = bytearray(challenge.respond(chap_login.credentials.secret))
    answer[bit // 8] ^= 0x80 >> bit % 8

    pairs = chap_login.proof(challenge, CHAP_R=text.format_hex(bytes(answer)))

    chap_login.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
@pytest.mark.parametrize("name", ["nobody", "assay", "x" * 200, "%s%n", "' OR 1=1 --"])
def test_unknown_user(chap_login: ChapLogin, name: str) -> None:
    """The target refuses an unknown CHAP_N as a failed authentication."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_N=name)

    chap_login.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.requirement("RFC7143-12.1.3-i04")
@pytest.mark.parametrize("encode", _ENCODINGS.values(), ids=_ENCODINGS)
def test_a_name_is_no_number(
    chap_login: ChapLogin, encode: Callable[[bytes], str]
) -> None:
    """The target takes a CHAP_N that begins with 0x or 0b as it stands."""
    challenge = chap_login.challenge()
    name = encode(chap_login.credentials.name.encode())

    chap_login.expect_refusal_of(chap_login.proof(challenge, CHAP_N=name), _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
def test_name_in_other_case(chap_login: ChapLogin) -> None:
    """The target refuses a CHAP_N in another case."""
    challenge = chap_login.challenge()
    name = chap_login.credentials.name.swapcase()

    chap_login.expect_refusal_of(chap_login.proof(challenge, CHAP_N=name), _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
@pytest.mark.parametrize("size", [1, 15, 17, 32, MAX_BINARY])
def test_response_of_another_length(chap_login: ChapLogin, size: int) -> None:
    """The target refuses a CHAP_R whose length is not that of the hash."""
    challenge = chap_login.challenge()
    answer = challenge.respond(chap_login.credentials.secret)
    size += size == len(answer)
    cut = answer[:size].ljust(size, b"\0")

    pairs = chap_login.proof(challenge, CHAP_R=text.format_hex(cut))

    chap_login.expect_refusal_of(pairs, _FAILURE, *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-12.1.3-07", "RFC7143-9.2-04")
@pytest.mark.parametrize("size", [MAX_BINARY + 1, 3000])
def test_oversized_response(chap_login: ChapLogin, size: int) -> None:
    """The target ends a login with a CHAP_R of more than 1024 bytes."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_R=text.format_hex(bytes(size)))

    chap_login.expect_refusal_of(pairs, _FAILURE, *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize("value", _FORMLESS)
def test_response_without_form(chap_login: ChapLogin, value: str) -> None:
    """The target refuses a CHAP_R that is not a binary value."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_R=value)

    chap_login.expect_refusal_of(pairs, _FAILURE, *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-9.2-i01", "RFC7143-9.2-04")
def test_missing_response(chap_login: ChapLogin) -> None:
    """The target refuses CHAP_N without CHAP_R as missing a parameter."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_R="")

    chap_login.expect_refusal_of(pairs, LoginStatus.MISSING_PARAMETER)


@pytest.mark.requirement("RFC7143-9.2-04")
def test_missing_name(chap_login: ChapLogin) -> None:
    """The target ends a login with CHAP_R but without CHAP_N."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_N="")

    chap_login.expect_refusal_of(pairs, *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize("end", [None, Stage.OPERATIONAL, Stage.FULL_FEATURE])
def test_missing_proof(chap_login: ChapLogin, end: Stage | None) -> None:
    """The target refuses a login that does not answer the challenge."""
    chap_login.challenge()

    chap_login.expect_refusal_of([], *OUT_OF_STEP, nsg=end)


@pytest.mark.requirement("RFC7143-9.2-04")
def test_missing_algorithms(chap_login: ChapLogin) -> None:
    """The target refuses a login in which no CHAP_A follows the method."""
    chap_login.choose()

    chap_login.expect_refusal_of([("InitiatorAlias", "a")], *OUT_OF_STEP, nsg=None)


@pytest.mark.requirement("RFC7143-9.2-04")
@pytest.mark.parametrize(
    "pair", ["CHAP_N=user", "CHAP_R=0x00", "CHAP_I=1", "CHAP_C=0x00"]
)
def test_key_before_its_step(chap_login: ChapLogin, pair: str) -> None:
    """The target ends a login with another CHAP key in the place of CHAP_A."""
    chap_login.choose()

    chap_login.expect_refusal_of(pair.encode() + b"\0", *OUT_OF_STEP, nsg=None)


@pytest.mark.requirement("RFC7143-9.2-04")
def test_proof_with_the_algorithms(chap_login: ChapLogin) -> None:
    """The target ends a login that sends CHAP_R with CHAP_A, before a challenge."""
    chap_login.choose()
    algorithms = ("CHAP_A", chap_login.algorithms)
    pairs = [algorithms, ("CHAP_N", "user"), ("CHAP_R", "0x" + "00" * 16)]

    chap_login.expect_refusal_of(pairs, *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-6.3-15", "RFC7143-9.2-04")
@pytest.mark.parametrize("name", ["CHAP_N", "CHAP_R"])
def test_key_twice(chap_login: ChapLogin, name: str) -> None:
    """The target ends a login whose request contains a CHAP key twice."""
    pairs = chap_login.proof(chap_login.challenge())

    chap_login.expect_refusal_of([*pairs, (name, dict(pairs)[name])], *OUT_OF_STEP)


@pytest.mark.requirement("RFC7143-6.3-15", "RFC7143-9.2-04")
@pytest.mark.parametrize("pair", ["CHAP_A=5", "AuthMethod=None", "AuthMethod=CHAP"])
def test_step_is_not_taken_twice(chap_login: ChapLogin, pair: str) -> None:
    """The target refuses AuthMethod or CHAP_A after its challenge."""
    chap_login.challenge()

    chap_login.expect_refusal_of(pair.encode() + b"\0", *OUT_OF_STEP, nsg=None)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
def test_proof_of_another_connection(new_chap_login: NewChapLogin) -> None:
    """The target refuses a CHAP_R that was right on another connection."""
    first = new_chap_login()
    pairs = first.proof(first.challenge())
    first.login.connection.close()
    second = new_chap_login()
    second.challenge()

    second.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.requirement("RFC7143-11.13.5-06", "RFC7143-6.3.2-05")
def test_connection_is_closed_after_a_wrong_proof(chap_login: ChapLogin) -> None:
    """The target closes the connection after an authentication failure."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_R="0x" + "00" * 16)
    with clause("RFC7143-6.3.2-05"):
        chap_login.expect_refusal_of(pairs, _FAILURE)

    expect_drop(chap_login.login.connection)


@pytest.mark.requirement("RFC7143-9.2-06")
def test_name_need_not_be_the_initiators(chap_login: ChapLogin) -> None:
    """The target accepts a CHAP_N that differs from the iSCSI name."""
    challenge = chap_login.challenge()
    assert chap_login.credentials.name != chap_login.options.initiator_name

    chap_login.prove(chap_login.proof(challenge))
    chap_login.enter()

    expect_full_feature(chap_login.login)


@pytest.mark.requirement("RFC7143-6.1-i05")
def test_proof_spans_requests(chap_login: ChapLogin) -> None:
    """The target accepts a CHAP_R that is cut and continued with the C bit."""
    pairs = chap_login.proof(chap_login.challenge())
    data = text.encode(pairs)

    ask(chap_login.login, data[:20], csg=Stage.SECURITY, continuation=1)
    chap_login.prove(data[20:])
    chap_login.enter()

    expect_full_feature(chap_login.login)


@pytest.mark.requirement("RFC7143-12.1.3-02")
@pytest.mark.parametrize("algorithm", list(Algorithm)[1:])
def test_other_algorithm_is_right_or_refused(
    chap_login: ChapLogin, algorithm: Algorithm
) -> None:
    """The target computes each optional algorithm that it chooses correctly."""
    challenge = chap_login.challenge(f"{int(algorithm)},5")

    chap_login.prove(chap_login.proof(challenge))
    chap_login.enter()

    expect_full_feature(chap_login.login)


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-9.2-13", "RFC7143-9.2-11")
def test_added_connection_proves_itself(
    chap_login: ChapLogin, new_login: Callable[..., LoginExchange]
) -> None:
    """The target adds no connection without a CHAP_R to an authenticated session."""
    chap_login.prove(chap_login.proof(chap_login.challenge()))
    first = advance(chap_login.login, [("MaxConnections", "2")])

    login = new_login(isid=chap_login.login.isid, tsih=handle_of(first), cid=2)
    names = [pair for pair in chap_login.options.names() if pair[0] != "SessionType"]

    expect_no_login(login, names)
