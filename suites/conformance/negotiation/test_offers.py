# SPDX-License-Identifier: GPL-2.0-only
"""The keys that a target offers unasked (RFC 7143 sections 6.2, 13.23 and 13.26)."""

import pytest

from initiator.expect import check
from initiator.login import LoginExchange
from iscsi import text
from iscsi.constants import Stage
from iscsi.text import NOT_UNDERSTOOD, Pairs
from suites.support.login import (
    advance,
    answers_to,
    ask,
    expect_full_feature,
    texts_of,
)
from suites.support.negotiation import OPERATIONAL

_ARCHITECTURE = "X#NodeArchitecture"
_OFFERED = frozenset(
    key.name
    for key in OPERATIONAL
    if not key.is_declarative and key.name != _ARCHITECTURE
)
"""The initiator's answers to keys that a target offers unasked."""


@pytest.fixture
def offered(login: LoginExchange, first_pairs: Pairs) -> dict[str, str]:
    """The keys that the target sends in a login that offers none."""
    pairs = [*first_pairs, ("AuthMethod", "None")]
    advance(login, pairs, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL)
    ask(login, csg=Stage.OPERATIONAL)
    return dict(texts_of(login))


@pytest.mark.needs("architecture")
@pytest.mark.requirement("RFC7143-6.2-09", "RFC7143-13.26.2-06")
def test_unknown_architecture_key_does_not_end_the_login(
    login: LoginExchange, offered: dict[str, str]
) -> None:
    """The target continues a login whose initiator does not know X#NodeArchitecture."""
    assert _ARCHITECTURE in offered
    others = [(key, offered[key]) for key in offered if key in _OFFERED]

    advance(login, [*answers_to(others), (_ARCHITECTURE, NOT_UNDERSTOOD)])

    expect_full_feature(login)


@pytest.mark.requirement("RFC7143-13.23-02")
def test_task_reporting_is_offered_with_both_values(offered: dict[str, str]) -> None:
    """A target that offers TaskReporting includes RFC3720 and ResponseFence."""
    values = offered.get("TaskReporting")
    if values is None:
        pytest.skip("not applicable: the target does not offer TaskReporting")

    is_complete = {"RFC3720", "ResponseFence"} <= set(text.parse_list(values))
    check(is_complete, "RFC3720 and ResponseFence", values)
