# SPDX-License-Identifier: GPL-2.0-only
"""The form of text: pairs, delimiters, lengths (RFC 7143 section 6.1)."""

import pytest

from initiator.expect import check
from initiator.login import LoginExchange
from iscsi import text
from iscsi.constants import Stage
from iscsi.text import Pairs
from suites.support.login import advance, ask, provoke
from suites.support.negotiation import AN_OFFER, Offer, answer_of, expect_not_taken

_KEYS = ("HeaderDigest", "DataDigest", "MaxConnections", "MaxBurstLength")


@pytest.mark.requirement("RFC7143-6.1-01")
@pytest.mark.parametrize("stage", [Stage.SECURITY, Stage.OPERATIONAL])
def test_every_pair_ends_with_nul(
    login: LoginExchange, first_pairs: Pairs, stage: Stage
) -> None:
    """Every pair that the target sends, including the last one, ends with one NUL."""
    method = [("AuthMethod", "None")] if stage is Stage.SECURITY else []

    ask(login, [*first_pairs, *method], csg=stage)

    data = bytes(login.responses[-1].data)
    check(data.endswith(b"\0"), "NUL at the end", data)
    check(b"\0\0" not in data, "one NUL after each pair", data)


@pytest.mark.requirement("RFC7143-6.1-02", "RFC7143-6.1-i04", "RFC7143-13.26.1-01")
def test_target_text_keeps_the_format(offer: Offer) -> None:
    """The target's key names are labels of up to 63 bytes, its values up to 255."""
    answers = offer([(name, AN_OFFER[name]) for name in _KEYS]) or []

    check(answers, "answers", "no text")
    names = [name for name, _value in answers if not text.is_standard_label(name)]
    check(not names, "key names of section 6.1", names)
    longer = [name for name, value in answers if len(value.encode()) > 255]
    is_architecture = longer == ["X#NodeArchitecture"]
    check(
        not longer,
        "values of at most 255 bytes",
        longer,
        requirement="RFC7143-13.26.1-01" if is_architecture else "RFC7143-6.1-i04",
        field=longer[0] if longer else "",
    )


@pytest.mark.requirement("RFC7143-6.1-01")
@pytest.mark.parametrize(
    "tail",
    [
        b"=None\0",
        b"HeaderDigest None\0DataDigest=None\0",
        b"HeaderDigest=\xff\xfe\0",
    ],
    ids=["no-key", "blank-for-equals", "no-UTF-8"],
)
def test_text_without_a_pair_is_not_an_offer(
    login: LoginExchange, first_pairs: Pairs, tail: bytes
) -> None:
    """The target does not treat text without a key=value pair as an offer."""
    provoke(login, text.encode(first_pairs) + tail)

    name = tail.partition(b"=")[0].rstrip(b"\0").decode()
    expect_not_taken(login, name)


@pytest.mark.requirement("RFC7143-6.1-01")
def test_last_pair_without_nul(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target reads a last pair without NUL only to the end of the data segment."""
    filler = b"X-com.example.a=" + b"v" * (-len(text.encode(first_pairs)) % 4) + b"\0"
    data = text.encode(first_pairs) + filler + b"MaxBurstLength=819"

    provoke(login, data, padding=b"222"[: -len(data) % 4])

    expect_not_taken(login, "MaxBurstLength", "819")


@pytest.mark.requirement("RFC7143-6.2-08", "RFC7143-6.1-02")
@pytest.mark.parametrize(
    "name", ["X" + "k" * 62, "X-com.example.k+m@n_o-p.9"], ids=["63-bytes", "signs"]
)
def test_every_legal_key_name_is_read(offer: Offer, name: str) -> None:
    """The target reads key names of up to 63 bytes, with every legal character."""
    answers = offer([(name, "value"), ("HeaderDigest", "None")])

    answer = answer_of(answers, name)
    check(answer == text.NOT_UNDERSTOOD, f"{name}=NotUnderstood", answers)


@pytest.mark.requirement("RFC7143-6.2-08")
@pytest.mark.parametrize(
    "value",
    ["", "a=b", "=", "a,b,,c", "[fe80::1]:3260,1", "v" * 255],
    ids=["empty", "equals-within", "equals", "commas", "address", "255-bytes"],
)
def test_value_is_read_up_to_its_nul(offer: Offer, value: str) -> None:
    """The target reads a value up to its NUL, and then the pairs after it."""
    pairs = offer([("X-com.example.any", value), ("HeaderDigest", "None")])

    answers = [answer_of(pairs, name) for name in ("X-com.example.any", "HeaderDigest")]
    expected = [text.NOT_UNDERSTOOD, "None"]
    check(answers == expected, str(expected), pairs)


@pytest.mark.requirement("RFC7143-6.1-04")
@pytest.mark.parametrize("size", [4096, 8191, 8192])
def test_eight_kilobytes_in_one_request(
    login: LoginExchange, first_pairs: Pairs, size: int
) -> None:
    """The target accepts a Login Request with up to 8192 bytes of text."""
    start = text.encode([*first_pairs, ("HeaderDigest", "None")])
    fillers = [f"X-com.example.{n:02}=" for n in range((size - len(start)) // 250)]
    body = b"".join(item.encode().ljust(249, b"v") + b"\0" for item in fillers)
    room = size - len(start) - len(body)
    data = start + body + b"X-com.example.last=".ljust(room - 1, b"v") + b"\0"
    assert len(data) == size

    _response, answers = ask(login, data)

    check(dict(answers).get("HeaderDigest") == "None", "HeaderDigest=None", answers)


@pytest.mark.requirement("RFC7143-6.1-04")
def test_eight_kilobytes_in_one_negotiation(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target completes a negotiation of 8192 bytes of text in several requests."""
    ask(login, first_pairs)
    filler = [(f"X-com.example.f{number}", "v" * 230) for number in range(8)]

    for group in range(4):
        ask(login, [(f"{name}.{group}", value) for name, value in filler])
    response = advance(login)

    check(response.nsg == Stage.FULL_FEATURE, "a completed login", response)
