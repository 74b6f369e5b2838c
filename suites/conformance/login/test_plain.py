# SPDX-License-Identifier: GPL-2.0-only
"""Sessions as every check opens them (RFC 7143 chapters 6, 11 to 13).

The other checks continue after deviations in their logins and texts
(`initiator.slips`). Here each clause that they ignore is judged.
"""

from collections.abc import Callable

import pytest

from initiator.session import Session
from iscsi.keys import KEYS, Kind
from iscsi.negotiation import RESULT_CLAUSES
from suites.support.negotiation import AN_OFFER

OpenSession = Callable[..., Session]

_EVERY_KEY = {
    name: value
    for name, value in AN_OFFER.items()
    if KEYS[name].kind is not Kind.OBSOLETE and not name.startswith("X#")
}
"""Other checks offer the extension keys of section 13.26."""

_PASSED_OVER = (
    "RFC7143-6.1-01",
    "RFC7143-6.2-06",
    "RFC7143-6.2-12",
    "RFC7143-6.2-15",
    "RFC7143-6.2.1-01",
    "RFC7143-6.2.2-01",
    "RFC7143-6.2.2-05",
    "RFC7143-6.3-01",
    "RFC7143-6.3-10",
    "RFC7143-6.3-12",
    "RFC7143-6.3-14",
    "RFC7143-11.12.3-i01",
    "RFC7143-11.13.6-01",
    "RFC7143-11.13.7-01",
    "RFC7143-13.3-i01",
    "RFC7143-13.4-i01",
    "RFC7143-13.9-i01",
    "RFC7143-13.12-i01",
    "RFC7143-13.26.1-02",
    *RESULT_CLAUSES.values(),
)
"""The clauses on logins and texts that a target can break without ending them."""


@pytest.mark.parametrize(
    "clause",
    [
        pytest.param(name, id=name, marks=pytest.mark.requirement(name))
        for name in _PASSED_OVER
    ],
)
def test_plain_sessions_break_no_rule(open_session: OpenSession, clause: str) -> None:
    """The target completes plain logins and a discovery without breaking a rule."""
    for keys in ({}, _EVERY_KEY):
        open_session(keys).ping()

    discovery = open_session(is_discovery=True, target_name=None)
    discovery.send_targets()

    # Slips of the clauses in this check's marker have been raised already.
    assert clause not in discovery.transcript.slips.first
