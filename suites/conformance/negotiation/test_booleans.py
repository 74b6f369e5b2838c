# SPDX-License-Identifier: GPL-2.0-only
"""Keys that negotiate Yes or No (RFC 7143 sections 6.2.2 and 13)."""

import pytest

from initiator.expect import check
from iscsi.keys import Key, Kind
from iscsi.negotiation import RESULT_CLAUSES
from suites.support.negotiation import (
    BOOLEANS,
    SILENCE,
    Offer,
    answer_of,
    expect_legal_answer,
    identify,
)

_KEYS = [
    pytest.param(
        key, id=key.name, marks=pytest.mark.requirement(RESULT_CLAUSES[key.name])
    )
    for key in BOOLEANS
]


def _decisive(key: Key) -> str:
    return "No" if key.kind is Kind.AND else "Yes"


@pytest.mark.requirement("RFC7143-13-i03", "RFC7143-6.2.2-05")
@pytest.mark.parametrize("key", _KEYS)
def test_value_that_decides(offer: Offer, key: Key) -> None:
    """The target answers a deciding offer with the same value, or sends no answer."""
    answers = offer([(key.name, _decisive(key))])

    answer = answer_of(answers, key.name)
    expected = f"{key.name}={_decisive(key)}, or no answer"
    check(
        answer in (SILENCE, _decisive(key)),
        expected,
        answer,
        requirement=RESULT_CLAUSES[key.name],
        field=key.name,
    )


@pytest.mark.requirement("RFC7143-6.2.2-07", "RFC7143-6.2.2-05")
@pytest.mark.parametrize("key", _KEYS)
def test_value_that_leaves_it_open(offer: Offer, key: Key) -> None:
    """The target answers an offer that leaves the result open with Yes or No."""
    value = "Yes" if key.kind is Kind.AND else "No"

    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    check(
        answer in ("Yes", "No"),
        f"{key.name}=Yes or No",
        answer,
        requirement="RFC7143-6.2.2-05" if answer == SILENCE else None,
        field=key.name,
    )


@pytest.mark.requirement("RFC7143-6.2.2-03", "RFC7143-6.1-i01", "RFC7143-6.2.2-05")
@pytest.mark.parametrize(
    "value", ["yes", "NO", "True", "1", "", "Yes,No"], ids=identify
)
@pytest.mark.parametrize("key", _KEYS)
def test_value_that_is_not_boolean(offer: Offer, key: Key, value: str) -> None:
    """The target rejects, refuses or corrects a value that is neither Yes nor No."""
    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    expect_legal_answer(key, answer, ["a refusal", "Reject", "Yes", "No"])
