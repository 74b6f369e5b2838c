# SPDX-License-Identifier: GPL-2.0-only
"""Keys in their stage, and in the other one (RFC 7143 sections 6.3, 12)."""

import pytest

from initiator.expect import check
from iscsi import text
from iscsi.constants import Stage
from iscsi.keys import Key, Kind
from iscsi.text import Pairs
from suites.plugins.sessions import NewLogin
from suites.support.login import ask
from suites.support.negotiation import (
    AN_OFFER,
    OPERATIONAL,
    REFUSED,
    SILENCE,
    Offer,
    answer_of,
    identify,
)

_KEYS = [key for key in OPERATIONAL if key.kind is not Kind.OBSOLETE]
_METHODS = ["AuthMethod=None", "CHAP_A=5", "CHAP_N=user", "SRP_U=user"]


@pytest.mark.requirement("RFC7143-6.3-i01", "RFC7143-12-01")
@pytest.mark.parametrize("key", _KEYS, ids=identify)
def test_operational_key_in_the_security_stage(offer: Offer, key: Key) -> None:
    """The target ends a login with operational keys in security, or ignores them."""
    pairs = [("AuthMethod", "None"), (key.name, AN_OFFER[key.name])]

    answers = offer(pairs, csg=Stage.SECURITY)

    answer = answer_of(answers, key.name)
    turned_down = (REFUSED, SILENCE, *text.RESERVED_ANSWERS)
    check(answer in turned_down, list(turned_down), answer)


@pytest.mark.requirement("RFC7143-6.3-i01")
@pytest.mark.parametrize("pair", _METHODS)
def test_security_key_in_the_operational_stage(offer: Offer, pair: str) -> None:
    """The target ends a login with security keys in operation, or ignores them."""
    name, _equals, value = pair.partition("=")

    answers = offer([(name, value)], csg=Stage.OPERATIONAL)

    answer = answer_of(answers, name)
    turned_down = (REFUSED, SILENCE, *text.RESERVED_ANSWERS)
    check(answer in turned_down, list(turned_down), answer)


@pytest.mark.requirement("RFC7143-6.2-10")
@pytest.mark.parametrize("stage", [Stage.SECURITY, Stage.OPERATIONAL])
def test_alias_is_accepted_in_either_stage(
    offer: Offer, new_login: NewLogin, first_pairs: Pairs, stage: Stage
) -> None:
    """The target accepts InitiatorAlias in either stage, and sends no answer."""
    method = [("AuthMethod", "None")] if stage is Stage.SECURITY else []

    answers = offer([*method, ("InitiatorAlias", "Gerät 1")], csg=stage)

    answer = answer_of(answers, "InitiatorAlias")
    if answer == REFUSED:
        # The alias is not the cause if the target refuses the stage without it, too.
        ask(new_login(), [*first_pairs, *method], csg=stage)
    check(answer == SILENCE, "no answer to a declaration", answer)
