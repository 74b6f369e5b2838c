# SPDX-License-Identifier: GPL-2.0-only
"""How a target answers each key, known, unknown and obsolete (RFC 7143 6.2, 13)."""

import pytest

from initiator.expect import check
from initiator.login import LoginExchange
from iscsi import text
from iscsi.constants import Stage
from iscsi.keys import KEYS, Key, Kind
from iscsi.negotiation import is_admissible
from iscsi.text import Pairs
from suites.support.login import ask, expect_refusal, provoke, texts_of
from suites.support.negotiation import (
    AN_OFFER,
    OPERATIONAL,
    REFUSED,
    SILENCE,
    Offer,
    answer_of,
    identify,
)

_UNKNOWN = [
    "X-com.example.colour",
    "X-com.example.a.b_c-d+e@f",
    "NoSuchKey",
    pytest.param("maxburstlength", marks=pytest.mark.requirement("RFC7143-6.1-i01")),
    "MaxBurstLengths",
    "MaxBurst",
    "X" * 63,
]
_OBSOLETE_FLAGS = ["IFMarker", "OFMarker"]
_OBSOLETE_RANGES = ["IFMarkInt", "OFMarkInt"]
# Section 11.12.10: only the X# extension is optional.
_UNDERSTOOD = [key for key in OPERATIONAL if not key.name.startswith("X")]
_ONCE = [
    key for key in OPERATIONAL if key.kind is not Kind.OBSOLETE and not key.may_repeat
]


@pytest.mark.requirement("RFC7143-6.2-08")
@pytest.mark.parametrize("name", _UNKNOWN, ids=identify)
def test_unknown_key_is_not_understood(offer: Offer, name: str) -> None:
    """The target answers an unknown key with NotUnderstood."""
    answers = offer([(name, "value")])

    answer = answer_of(answers, name)
    check(answer == text.NOT_UNDERSTOOD, f"{name}=NotUnderstood", answer)


@pytest.mark.requirement("RFC7143-6.2-08")
def test_unknown_keys_leave_the_others_alone(offer: Offer) -> None:
    """The target answers known keys as usual if there are unknown ones between them."""
    one, two = ("X-com.example.one", "1"), ("X-com.example.two", "2")

    pairs = offer([one, ("HeaderDigest", "None"), two, ("DataDigest", "None")])

    answers = [answer_of(pairs, name) for name in (one[0], two[0], "HeaderDigest")]
    expected = [text.NOT_UNDERSTOOD, text.NOT_UNDERSTOOD, "None"]
    check(answers == expected, str(expected), answers)


@pytest.mark.requirement("RFC7143-6.2-10", "RFC7143-11.12.10-02")
@pytest.mark.parametrize("key", _UNDERSTOOD, ids=identify)
def test_known_key_is_understood(offer: Offer, key: Key) -> None:
    """The target answers no key of RFC 7143 with NotUnderstood."""
    answers = offer([(key.name, AN_OFFER[key.name])])

    answer = answer_of(answers, key.name)
    check(
        answer not in (text.NOT_UNDERSTOOD, REFUSED),
        "any other answer or none",
        answer,
        field=key.name,
    )


@pytest.mark.requirement("RFC7143-13.25-01")
@pytest.mark.parametrize("name", _OBSOLETE_FLAGS)
@pytest.mark.parametrize("value", ["Yes", "No"])
def test_marker_is_rejected(offer: Offer, name: str, value: str) -> None:
    """The target answers IFMarker and OFMarker with Reject."""
    answer = answer_of(offer([(name, value)]), name)

    check(answer == text.REJECT, f"{name}=Reject", answer)


@pytest.mark.requirement("RFC7143-13.25-03")
@pytest.mark.parametrize("name", _OBSOLETE_FLAGS)
@pytest.mark.parametrize("value", ["Yes", "No"])
def test_marker_is_rejected_or_declined(offer: Offer, name: str, value: str) -> None:
    """The target answers IFMarker and OFMarker with Reject or No.

    An offer of No needs no answer, since the values are ANDed (section 6.2.2).
    """
    answer = answer_of(offer([(name, value)]), name)

    allowed = [text.REJECT, "No", *([SILENCE] if value == "No" else [])]
    check(answer in allowed, allowed, answer)


@pytest.mark.requirement("RFC7143-13.25-04", "RFC7143-13.25-05")
@pytest.mark.parametrize("name", _OBSOLETE_RANGES)
def test_marker_interval_is_rejected(offer: Offer, name: str) -> None:
    """The target answers IFMarkInt and OFMarkInt with Reject."""
    answer = answer_of(offer([(name, "2048~8192")]), name)

    check(
        answer == text.REJECT,
        f"{name}=Reject",
        answer,
        requirement="RFC7143-13.25-05" if answer == text.NOT_UNDERSTOOD else None,
        field=name,
    )


@pytest.mark.requirement("RFC7143-13.26.2-01", "RFC7143-13.26.2-02")
@pytest.mark.parametrize("value", ["ExampleOS/v1234,Firmware/2.0.0.5", "a" * 255, ""])
def test_node_architecture_decides_nothing(offer: Offer, value: str) -> None:
    """The target continues the login whatever the value of X#NodeArchitecture is."""
    answers = offer([("X#NodeArchitecture", value), ("HeaderDigest", "None")])

    answer = answer_of(answers, "X#NodeArchitecture")
    check(answer != REFUSED, "a login that continues", answer)
    check(answer_of(answers, "HeaderDigest") == "None", "HeaderDigest=None", answers)


@pytest.mark.requirement("RFC7143-6.2-12")
@pytest.mark.parametrize("word", sorted(text.RESERVED_ANSWERS))
@pytest.mark.parametrize("name", ["HeaderDigest", "MaxBurstLength", "InitialR2T"])
def test_reserved_word_is_no_offer(offer: Offer, name: str, word: str) -> None:
    """The target rejects, ignores or corrects an offered reserved word.

    A target may refuse the login; it may answer Reject or Irrelevant; it may select an
    admissible value, if the key has one besides the offered ones (section 6.2.2; in a
    list, section 6.2.1 makes it select an offered one); and it may give no answer,
    since these words belong in answers.
    """
    key = KEYS[name]

    answers = offer([(name, word)])

    answer = answer_of(answers, name)
    selects = key.kind is not Kind.LIST and is_admissible(key, answer)
    is_right = answer in (REFUSED, SILENCE, text.REJECT, text.IRRELEVANT) or selects
    expected = ["a refusal", "Reject", "Irrelevant", "no answer", "an admissible value"]
    check(is_right, expected, answer)


@pytest.mark.requirement("RFC7143-6.3-14", "RFC7143-6.3-15")
@pytest.mark.parametrize("key", _ONCE, ids=identify)
def test_key_twice_in_a_request(
    login: LoginExchange, first_pairs: Pairs, key: Key
) -> None:
    """The target ends a login whose request contains a key twice."""
    pair = (key.name, AN_OFFER[key.name])

    provoke(login, [*first_pairs, pair, pair])

    expect_refusal(login)


@pytest.mark.requirement("RFC7143-6.3-14", "RFC7143-6.3-15")
@pytest.mark.parametrize("key", _ONCE, ids=identify)
def test_key_again_in_a_later_request(
    login: LoginExchange, first_pairs: Pairs, key: Key
) -> None:
    """The target ends a login that negotiates a key a second time."""
    pair = (key.name, AN_OFFER[key.name])
    ask(login, [*first_pairs, pair])

    provoke(login, [pair])

    expect_refusal(login)


@pytest.mark.requirement("RFC7143-6.3-15")
@pytest.mark.parametrize("name", ["InitiatorName", "TargetName", "SessionType"])
def test_name_again(login: LoginExchange, first_pairs: Pairs, name: str) -> None:
    """The target ends a login that declares a name or the session type again."""
    ask(login, first_pairs)

    provoke(login, [(name, dict(first_pairs)[name])])

    expect_refusal(login)


@pytest.mark.requirement("RFC7143-13.3-i01")
@pytest.mark.parametrize("value", ["All", ""], ids=identify)
def test_send_targets_is_not_for_logins(offer: Offer, value: str) -> None:
    """The target ends a login with SendTargets, or returns no targets in it."""
    answers = offer([("SendTargets", value)])

    answer = answer_of(answers, "SendTargets")
    turned_down = (REFUSED, SILENCE, *text.RESERVED_ANSWERS)
    check(answer in turned_down, list(turned_down), answers)


def _clause_of_strange(name: str) -> str | None:
    """Return the clause that an unexpected key of the target breaks."""
    if name == "TargetName":
        return "RFC7143-13.4-i01"
    if name.startswith("X"):
        return "RFC7143-13.22-01"
    return None if text.is_standard_label(name) else "RFC7143-6.1-02"


@pytest.mark.requirement(
    "RFC7143-6.2-06", "RFC7143-13.4-i01", "RFC7143-13.22-01", "RFC7143-13.26.1-02"
)
def test_the_target_declares_only_permitted_keys(offer: Offer) -> None:
    """The target answers the offered keys, and adds only keys that targets may send."""
    sent = [("HeaderDigest", "None"), ("DataDigest", "None")]

    answers = offer(sent) or []

    strange = [
        name
        for name, _value in answers
        if name in ("TargetName", "SendTargets", "InitiatorName", "SessionType")
        or (name not in KEYS and not name.startswith("X-"))
        or not text.is_standard_label(name)
    ]
    check(
        not strange,
        "keys that a target may send in a login",
        answers,
        requirement=_clause_of_strange(strange[0]) if strange else None,
        field=strange[0] if strange else "",
    )
    repeated = [name for name, _value in answers if len(text.values(answers, name)) > 1]
    check(
        not repeated,
        "every key once",
        answers,
        requirement="RFC7143-13.26.1-02" if "X#NodeArchitecture" in repeated else None,
        field=repeated[0] if repeated else "",
    )


@pytest.mark.requirement("RFC7143-6.3-14")
def test_own_keys_are_declared_once(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target sends no key of its own twice in a login."""
    length = ("MaxRecvDataSegmentLength", "8192")
    ask(login, [*first_pairs, length])
    for name in ("HeaderDigest", "DataDigest"):
        # A key that the target has offered is answered by now, so it is not offered
        # again.
        is_negotiated = name in dict(texts_of(login))
        ask(login, [(f"X-com.example.{name}" if is_negotiated else name, "None")])

    names = [name for name, _value in texts_of(login)]

    twice = sorted(
        {name for name in names if names.count(name) > 1} - {"TargetAddress"}
    )
    check(not twice, "every key once", twice, login.connection.transcript)


@pytest.mark.requirement("RFC7143-6.2-14", "RFC7143-6.2-15")
def test_every_key_at_once(offer: Offer) -> None:
    """The target understands an offer of every operational key at once."""
    pairs = [(key.name, AN_OFFER[key.name]) for key in _UNDERSTOOD]

    answers = offer(pairs)

    check(answers is not None, "every key understood", answers)
    for name, value in answers or []:
        is_understood = value != text.NOT_UNDERSTOOD
        check(is_understood, "every key understood", value, field=name)


@pytest.fixture
def own_offer(login: LoginExchange, first_pairs: Pairs) -> str:
    """A key with a list of values that the target has offered unasked."""
    answers = ask(login, first_pairs)[1]
    names = [name for name, _value in answers if name in ("HeaderDigest", "DataDigest")]
    if not names:
        pytest.skip("not applicable: the target offers no digest unasked")
    return names[0]


@pytest.mark.requirement("RFC7143-6.2-11")
def test_own_offer_is_not_understood(login: LoginExchange, own_offer: str) -> None:
    """The target ends a login that answers the target's offer with NotUnderstood."""
    provoke(login, [(own_offer, text.NOT_UNDERSTOOD)], nsg=Stage.FULL_FEATURE)

    expect_refusal(login)


@pytest.mark.requirement("RFC7143-6.2.1-04")
def test_own_offer_gets_another_value(login: LoginExchange, own_offer: str) -> None:
    """The target ends a login that answers its offer with a value not in the list."""
    provoke(login, [(own_offer, "Y-com.example.crc")], nsg=Stage.FULL_FEATURE)

    expect_refusal(login)
