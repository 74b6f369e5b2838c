# SPDX-License-Identifier: GPL-2.0-only
"""Keys that negotiate a number (RFC 7143 sections 6.1, 6.2.2 and 13)."""

import pytest

from initiator.expect import check, chose
from initiator.login import LoginExchange, LoginRefused
from iscsi import text
from iscsi.errors import ConnectionLost
from iscsi.keys import KEYS, Key, Kind
from iscsi.negotiation import RESULT_CLAUSES
from iscsi.text import Pairs
from suites.plugins.sessions import NewLogin
from suites.support.login import advance, answers_to, ask, expect_full_feature
from suites.support.negotiation import (
    NUMBERS,
    REFUSED,
    SILENCE,
    Offer,
    answer_of,
    expect_legal_answer,
    identify,
    is_legal_answer,
    offer_first,
)

_KEYS = [
    pytest.param(
        key, id=key.name, marks=pytest.mark.requirement(RESULT_CLAUSES[key.name])
    )
    for key in NUMBERS
]
_RULED = [
    pytest.param(
        key,
        value,
        id=f"{key.name}={value}",
        marks=pytest.mark.requirement(RESULT_CLAUSES[key.name]),
    )
    for key in NUMBERS
    for value in sorted({key.low, int(key.default or 0), key.high - 1, key.high})
]
_GARBAGE = ["", "abc", "-1", "1.5", " 1", "0x", "1,2", "18446744073709551616"]
_LENGTH = KEYS["MaxRecvDataSegmentLength"]


def _is_result(key: Key, offered: int, answer: str) -> bool:
    """Tell whether the key's result function permits an answer."""
    if answer in (REFUSED, SILENCE, *text.RESERVED_ANSWERS):
        return False
    result = text.parse_number(answer)
    in_range = key.low <= result <= key.high
    agrees = result <= offered if key.kind is Kind.MINIMUM else result >= offered
    return in_range and agrees


@pytest.mark.requirement("RFC7143-13-i03", "RFC7143-6.2.2-01")
@pytest.mark.parametrize(("key", "value"), _RULED)
def test_result_function_is_followed(offer: Offer, key: Key, value: int) -> None:
    """The target answers a number in its range by a result that the key allows."""
    answers = offer([(key.name, str(value))])

    answer = answer_of(answers, key.name)
    rule = "at most" if key.kind is Kind.MINIMUM else "at least"
    check(
        _is_result(key, value, answer),
        f"{key.name}, {rule} {value}",
        answer,
        requirement="RFC7143-6.2.2-01"
        if answer == SILENCE
        else RESULT_CLAUSES[key.name],
        field=key.name,
    )


@pytest.mark.requirement("RFC7143-6.1-i02")
@pytest.mark.parametrize("prefix", ["0x", "0X"])
@pytest.mark.parametrize("key", _KEYS)
def test_number_in_hexadecimal(offer: Offer, key: Key, prefix: str) -> None:
    """The target understands a hexadecimal number like a decimal one."""
    value = int(key.default or "0")

    answers = offer([(key.name, f"{prefix}{value:X}")])

    answer = answer_of(answers, key.name)
    check(
        _is_result(key, value, answer),
        f"{key.name} for {value}",
        answer,
        field=key.name,
    )


@pytest.mark.requirement("RFC7143-6.1-i02")
@pytest.mark.parametrize("value", ["0x000000200", "0X0200", "0x200"])
def test_leading_zeros_of_hexadecimal(
    new_login: NewLogin, first_pairs: Pairs, value: str
) -> None:
    """The target reads 200h with or without leading zeros as the number 512."""

    def answer_to(offered: str) -> str:
        login = new_login()
        answers = offer_first(login, first_pairs, [("MaxBurstLength", offered)])
        login.connection.close()
        return answer_of(answers, "MaxBurstLength")

    # Other checks judge its answer to the number.
    decimal, answer = answer_to("512"), answer_to(value)
    check(answer == decimal, f"MaxBurstLength {decimal}, as for 512", answer)


@pytest.mark.requirement("RFC7143-6.2.2-03", "RFC7143-13-i03", "RFC7143-6.2.2-01")
@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key in NUMBERS for value in (key.low - 1, key.high + 1)],
    ids=identify,
)
def test_number_beyond_its_range(offer: Offer, key: Key, value: int) -> None:
    """The target rejects, refuses or corrects a number that is out of range."""
    answers = offer([(key.name, str(value))])

    answer = answer_of(answers, key.name)
    expect_legal_answer(key, answer, ["a refusal", "Reject", "a value within range"])


@pytest.mark.requirement("RFC7143-6.2.2-03", "RFC7143-6.2.2-01")
@pytest.mark.parametrize("value", _GARBAGE, ids=identify)
def test_value_that_is_not_a_number(offer: Offer, value: str) -> None:
    """The target rejects, refuses or corrects a value that is not a number."""
    key = KEYS["MaxBurstLength"]

    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    expect_legal_answer(key, answer, ["a refusal", "Reject", "a value within range"])


@pytest.mark.requirement("RFC7143-6.2-07", "RFC7143-6.2.2-04", "RFC7143-6.2.2-01")
def test_range_in_place_of_a_number(offer: Offer) -> None:
    """The target rejects, refuses or corrects a range for a key that takes a number."""
    key = KEYS["MaxBurstLength"]

    answers = offer([(key.name, "512~1024")])

    answer = answer_of(answers, key.name)
    expect_legal_answer(key, answer, ["a refusal", "Reject", "one number"])


@pytest.mark.requirement("RFC7143-13-i02", "RFC7143-13.12-i01")
@pytest.mark.parametrize("value", ["512", "0x200", "8192", "262144", "16777215"])
def test_declared_length_needs_no_answer(offer: Offer, value: str) -> None:
    """The target accepts a legal MaxRecvDataSegmentLength."""
    answers = offer([(_LENGTH.name, value)])

    answer = answer_of(answers, _LENGTH.name)
    is_own = answer == SILENCE or (
        answer.isdecimal() and _LENGTH.low <= int(answer) <= _LENGTH.high
    )
    check(is_own, "silence, or the target's own length", answer)


@pytest.mark.requirement("RFC7143-13.12-i01")
@pytest.mark.parametrize("value", ["0", "511", "16777216", "", "none"], ids=identify)
def test_illegal_length_is_not_used(
    login: LoginExchange, first_pairs: Pairs, value: str
) -> None:
    """The target ends a login with an illegal MaxRecvDataSegmentLength or ignores it.

    A declaration needs no answer, and a target may use the nearest legal length
    instead. If it uses an illegal, shorter one, the echo of a ping is too short.
    """
    try:
        _response, answers = ask(login, [*first_pairs, (_LENGTH.name, value)])
        if text.REJECT in text.values(answers, _LENGTH.name):
            chose(f"{_LENGTH.name}=Reject")
            return
        advance(login, answers_to(answers))
    except LoginRefused as refusal:
        chose(refusal.response)
        return
    except ConnectionLost:
        chose(None)
        return
    sent = bytes(_LENGTH.low)

    pong = expect_full_feature(login, sent)

    echoed = bytes(pong.data)
    expected = [
        "a refusal",
        "Reject",
        "a dropped connection",
        f"an echo of {_LENGTH.low} bytes",
    ]
    check(echoed == sent, expected, pong, login.connection.transcript)


@pytest.mark.requirement("RFC7143-13.12-i01")
def test_own_length_is_in_range(offer: Offer) -> None:
    """The target declares its MaxRecvDataSegmentLength once and within range."""
    answers = offer([(_LENGTH.name, "8192"), ("MaxBurstLength", "262144")])

    own = text.values(answers or [], _LENGTH.name)
    numbers = [text.parse_number(value) for value in own]
    check(len(numbers) <= 1, "one declaration at most", own)
    check(all(512 <= value < 2**24 for value in numbers), "512 to 2^24 - 1", own)


@pytest.mark.requirement("RFC7143-13.14-01", "RFC7143-6.2-20")
@pytest.mark.parametrize(
    ("first", "longest"),
    [("65536", "512"), ("16777215", "8192"), ("513", "512"), ("16777215", "262144")],
)
@pytest.mark.parametrize("is_first_before", [True, False], ids=["before", "after"])
def test_first_burst_stays_within_the_longest(
    settle: Offer, first: str, longest: str, is_first_before: bool
) -> None:
    """FirstBurstLength results in at most MaxBurstLength, in either order."""
    pairs = [("FirstBurstLength", first), ("MaxBurstLength", longest)]

    settled = settle(pairs if is_first_before else pairs[::-1])

    answers = [answer_of(settled, name) for name, _value in pairs]
    numbers = [int(answer) for answer in answers if answer.isdecimal()]
    is_right = len(numbers) < 2 or numbers[0] <= numbers[1]
    check(is_right, ["FirstBurstLength <= MaxBurstLength", "a refusal"], answers)


@pytest.mark.requirement("RFC7143-13.14-01")
def test_first_burst_stays_within_the_default(settle: Offer) -> None:
    """FirstBurstLength alone results in at most the default MaxBurstLength."""
    answers = settle([("FirstBurstLength", "16777215")])

    answer = answer_of(answers, "FirstBurstLength")
    is_right = not answer.isdecimal() or int(answer) <= 262144
    check(is_right, ["FirstBurstLength up to 262144", "a refusal"], answer)


@pytest.mark.requirement("RFC7143-13.14-i01")
def test_first_burst_without_unsolicited_data(offer: Offer) -> None:
    """Without unsolicited data FirstBurstLength is Irrelevant, or answered as usual."""
    pairs = [("InitialR2T", "Yes"), ("ImmediateData", "No")]

    answers = offer([*pairs, ("FirstBurstLength", "65536")])

    answer = answer_of(answers, "FirstBurstLength")
    is_right = answer == text.IRRELEVANT or is_legal_answer(
        KEYS["FirstBurstLength"], answer
    )
    check(is_right, ["Irrelevant", "Reject", "up to 65536"], answer)


@pytest.mark.needs("erl1", "several-r2ts")
@pytest.mark.requirement("RFC7143-13.19-02")
@pytest.mark.parametrize("level", ["1", "2"])
def test_recovery_with_ordered_sequences_allows_one_r2t(
    settle: Offer, level: str
) -> None:
    """With recovery and DataSequenceInOrder=Yes the result is MaxOutstandingR2T=1."""
    pairs = [("ErrorRecoveryLevel", level), ("DataSequenceInOrder", "Yes")]

    answers = settle([*pairs, ("MaxOutstandingR2T", "8")])

    recovery = answer_of(answers, "ErrorRecoveryLevel")
    maximum = answer_of(answers, "MaxOutstandingR2T")
    check(
        recovery == "0" or maximum == "1",
        "MaxOutstandingR2T=1",
        maximum,
        field="MaxOutstandingR2T",
    )
