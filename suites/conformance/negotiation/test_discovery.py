# SPDX-License-Identifier: GPL-2.0-only
"""Keys on Discovery sessions (RFC 7143 sections 7.4.1, 12, 13)."""

from collections.abc import Callable

import pytest

from initiator.expect import check
from initiator.login import LoginExchange, handle_of
from iscsi import text
from iscsi.constants import Stage
from iscsi.keys import Key
from iscsi.text import Pairs
from suites.support.login import advance, begin, expect_no_login
from suites.support.negotiation import (
    AN_OFFER,
    IRRELEVANT,
    REFUSED,
    Offer,
    answer_of,
    identify,
)


@pytest.mark.requirement("RFC7143-6.2-14", "RFC7143-6.2-15")
@pytest.mark.parametrize("key", IRRELEVANT, ids=identify)
def test_irrelevant_key_is_understood(offer_in_discovery: Offer, key: Key) -> None:
    """A Discovery session answers a key that it does not use as a known key."""
    answers = offer_in_discovery([(key.name, AN_OFFER[key.name])])

    answer = answer_of(answers, key.name)
    check(
        answer not in (text.NOT_UNDERSTOOD, REFUSED), ["Irrelevant", "a value"], answer
    )


@pytest.mark.requirement("RFC7143-7.4.1-01", "RFC7143-13.21-01")
@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_recovery_level_is_zero(offer_in_discovery: Offer, level: str) -> None:
    """A Discovery session answers any ErrorRecoveryLevel with 0."""
    answers = offer_in_discovery([("ErrorRecoveryLevel", level)])

    answer = answer_of(answers, "ErrorRecoveryLevel")
    check(answer == "0", "ErrorRecoveryLevel=0", answer, field="ErrorRecoveryLevel")


@pytest.mark.requirement("RFC7143-13.21-i01")
def test_discovery_has_one_connection(
    login: LoginExchange,
    discovery_pairs: Pairs,
    discovery_stage: Stage,
    new_login: Callable[..., LoginExchange],
) -> None:
    """A Discovery session accepts no second connection, whatever MaxConnections is."""
    digests = [("HeaderDigest", "None"), ("DataDigest", "None")]
    names = begin(login, discovery_pairs, discovery_stage)
    first = advance(login, [*names, ("MaxConnections", "8"), *digests])

    second = new_login(isid=login.isid, tsih=handle_of(first), cid=2)

    expect_no_login(second, discovery_pairs, csg=discovery_stage)


@pytest.mark.requirement("RFC7143-6.3.3-01")
def test_discovery_login_negotiates(
    login: LoginExchange, discovery_pairs: Pairs
) -> None:
    """The target completes a Discovery login that offers digests and a length."""
    digests = [("HeaderDigest", "None"), ("DataDigest", "None")]
    length = ("MaxRecvDataSegmentLength", "65536")

    response = advance(login, [*discovery_pairs, *digests, length])

    check(response.nsg == Stage.FULL_FEATURE, "a completed login", response)


@pytest.mark.requirement("RFC7143-13.22-02")
def test_no_vendor_keys_in_discovery(offer_in_discovery: Offer) -> None:
    """The target sends no vendor key on a Discovery session."""
    answers = offer_in_discovery([("HeaderDigest", "None")]) or []

    vendor = [name for name, _value in answers if name.startswith("X-")]
    check(answers and not vendor, "no X- key", answers)
