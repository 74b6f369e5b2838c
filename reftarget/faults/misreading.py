# SPDX-License-Identifier: GPL-2.0-only
"""The faults of logins that misread the text of an initiator."""

from __future__ import annotations

from typing import Final

from iscsi import text
from iscsi.constants import LoginStatus
from iscsi.keys import KEYS, Kind
from reftarget.faults.row import Fault
from reftarget.refusal import Refusal
from reftarget.rules import (
    LoginRules,
)

_LONG_NAME: Final = 200
_BY_FOLDED: Final = {name.lower(): name for name in KEYS}
_MD5: Final = "5"


def _with_all_understood(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    for name, value in pairs:
        if value == text.NOT_UNDERSTOOD:
            raise Refusal(LoginStatus.INITIATOR_ERROR, f"{name} is needed")
    return pairs


def _refuse_unless(is_right: bool, why: str) -> None:
    if not is_right:
        raise Refusal(LoginStatus.INITIATOR_ERROR, why)


def _without_long_names(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    name = text.value(pairs, "InitiatorName")
    _refuse_unless(name is None or len(name) <= _LONG_NAME, "a long name")
    return pairs


def _in_any_case(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [(_BY_FOLDED.get(name.lower(), name), value) for name, value in pairs]


def _without_base64(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    response = text.value(pairs, "CHAP_R") or ""
    _refuse_unless(not response.lower().startswith("0b"), "Base64")
    return pairs


def _without_ranges(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [pair for pair in pairs if "~" not in pair[1]]


def _ranges(pairs: text.Pairs) -> text.Pairs:
    return [pair for pair in pairs if "~" in pair[1]]


def _with_reserved_words(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    """Return the pairs with None for a reserved word in a list."""
    pairs_read: text.Pairs = []
    for name, value in pairs:
        key = KEYS.get(name)
        if value not in text.RESERVED_ANSWERS:
            pairs_read.append((name, value))
        elif key is not None and key.kind is Kind.LIST:
            pairs_read.append((name, "None"))
    return pairs_read


def _with_known_values(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    for name, value in pairs:
        key = KEYS.get(name)
        if key is not None and key.kind is Kind.LIST:
            are_known = set(text.parse_list(value)) <= set(key.choices)
            _refuse_unless(are_known, "an unknown value")
    return pairs


def _with_a_challenge(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    if text.value(pairs, "CHAP_R"):
        challenge = text.value(pairs, "CHAP_C")
        _refuse_unless(challenge is not None, "no challenge for us")
    return pairs


def _with_equal_names(pairs: text.Pairs, initiator_name: str) -> text.Pairs:
    name = text.value(pairs, "CHAP_N")
    _refuse_unless(name in {None, initiator_name}, "another CHAP_N")
    return pairs


def _without_challenge(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [pair for pair in pairs if pair[0] not in {"CHAP_I", "CHAP_C"}]


def _without_md5(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [
        (name, value.replace(_MD5, "250") if name == "CHAP_A" else value)
        for name, value in pairs
    ]


def _without_architecture(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    architecture = text.value(pairs, "X#NodeArchitecture")
    _refuse_unless(architecture is None, "a known architecture")
    return pairs


MISREADING: Final = (
    Fault(
        name="not-understood-ends-the-login",
        breaks=("RFC7143-6.2-09", "RFC7143-13.26.2-06"),
        says="Ends a login when its own key is not understood.",
        rules=LoginRules(understood=_with_all_understood),
    ),
    Fault(
        name="long-initiator-name-is-refused",
        breaks=("RFC7143-4.2.7.1-03",),
        says="Refuses initiator names of more than 200 bytes.",
        rules=LoginRules(understood=_without_long_names),
    ),
    Fault(
        name="login-keys-of-any-case",
        breaks=(
            "RFC7143-6.1-i01",
            "RFC7143-6.2-08",
        ),
        says="Ignores the case of key names.",
        rules=LoginRules(understood=_in_any_case),
    ),
    Fault(
        name="chap-response-in-base64-is-refused",
        breaks=("RFC7143-6.1-i03", "RFC7143-12.1.3-i03", "RFC7143-9.2-05"),
        says="Takes CHAP_R in hexadecimal alone.",
        rules=LoginRules(understood=_without_base64),
    ),
    Fault(
        name="range-is-answered-by-a-range",
        breaks=("RFC7143-6.2-07", "RFC7143-6.2.2-04", "RFC7143-13.25-04"),
        says="Answers a range for a numerical key with the same range.",
        rules=LoginRules(understood=_without_ranges, unasked_answers=_ranges),
    ),
    Fault(
        name="reserved-words-are-values",
        breaks=("RFC7143-6.2-12",),
        says="Takes Reject, Irrelevant or NotUnderstood in a list for None.",
        rules=LoginRules(understood=_with_reserved_words),
    ),
    Fault(
        name="list-with-unknown-values-is-refused",
        breaks=("RFC7143-6.2.1-03",),
        says="Refuses a list that holds a value it does not know.",
        rules=LoginRules(understood=_with_known_values),
    ),
    Fault(
        name="chap-needs-to-be-mutual",
        breaks=("RFC7143-9.2-01",),
        says="Refuses an initiator that does not challenge it.",
        also="no login by one-way CHAP completes",
        rules=LoginRules(understood=_with_a_challenge),
    ),
    Fault(
        name="chap-name-must-be-the-initiators",
        breaks=("RFC7143-9.2-06", "RFC7143-9.2.1-01"),
        says="Refuses a CHAP_N that is not the initiator name.",
        also="no login by CHAP completes",
        rules=LoginRules(understood=_with_equal_names),
    ),
    Fault(
        name="target-never-proves-itself",
        breaks=(
            "RFC7143-9.2.1-01",
            "RFC7143-12.1.3-05",
            "RFC7143-9.2-04",
            "RFC7143-9.2.1-14",
            "RFC7143-12.1.3-07",
        ),
        says="Ignores the challenge of an initiator.",
        also="no login by mutual CHAP completes",
        rules=LoginRules(understood=_without_challenge),
    ),
    Fault(
        name="md5-is-not-known",
        breaks=(
            "RFC7143-12.1.3-i01",
            "RFC7143-9.2.1-01",
        ),
        says="Knows every CHAP algorithm but MD5.",
        also="no login by CHAP completes",
        rules=LoginRules(understood=_without_md5),
    ),
    Fault(
        name="known-architectures-are-refused",
        breaks=("RFC7143-13.26.2-02", "RFC7143-13.26.2-01", "RFC7143-6.2-09"),
        says="Refuses an initiator that declares X#NodeArchitecture.",
        rules=LoginRules(understood=_without_architecture),
    ),
)
