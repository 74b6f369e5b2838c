# SPDX-License-Identifier: GPL-2.0-only
"""Keys that a login offers one at a time, and the target's answers."""

from collections.abc import Callable

from initiator.expect import check, chose, next_or_drop
from initiator.login import LoginExchange, LoginRefused
from iscsi import text
from iscsi.constants import Role, Stage
from iscsi.keys import KEYS, Key, Kind, When
from iscsi.negotiation import clause_of_silence, is_admissible
from iscsi.pdu import LoginResponse
from iscsi.text import Pairs
from suites.support.login import (
    INITIATOR_ERROR_CLASS,
    advance,
    ask,
    charge_missing_status,
    complete_text,
    texts_of,
)

REFUSED = "(the login is refused)"
"""Represents an answer if the target ended the login; no value looks like it."""

SILENCE = "(no answer)"
"""Represents a missing answer."""

Offer = Callable[..., Pairs | None]
"""Offers keys in a first request; returns the target's text, or None for a refusal."""

NUMBERS = [
    key
    for key in KEYS.values()
    if key.kind in (Kind.MINIMUM, Kind.MAXIMUM) and key.when is When.OPERATIONAL
]
"""The keys that negotiate a number."""

BOOLEANS = [key for key in KEYS.values() if key.is_boolean]
DIGESTS = [KEYS["HeaderDigest"], KEYS["DataDigest"]]

OPERATIONAL = [
    key
    for key in KEYS.values()
    if key.when is When.OPERATIONAL and Role.INITIATOR in key.senders
]
"""The keys that an initiator may use in the operational stage only."""

IRRELEVANT = [key for key in KEYS.values() if key.irrelevant_in_discovery]

AN_OFFER = {
    **{key.name: key.default or "None" for key in OPERATIONAL},
    "TaskReporting": "FastAbort,ResponseFence,RFC3720",
    "IFMarker": "No",
    "OFMarker": "No",
    "IFMarkInt": "2048~8192",
    "OFMarkInt": "2048~8192",
    "X#NodeArchitecture": "ExampleOS/v1",
}
"""A legal offer of each operational key."""

_DIGESTS = [("HeaderDigest", "None"), ("DataDigest", "None")]


def offer_first(
    login: LoginExchange,
    names: Pairs,
    pairs: Pairs | bytes,
    *,
    csg: Stage = Stage.OPERATIONAL,
) -> Pairs | None:
    """Send the names and some keys (T=0); return the target's text.

    None stands for a Login Response that blames the initiator.

    Raises:
        ConformanceFailure: the status does not blame the initiator.
    """
    __tracebackhide__ = True
    data = pairs if isinstance(pairs, bytes) else text.encode(pairs)
    return _unless_refused(
        login, lambda: ask(login, text.encode(names) + data, csg=csg)[1]
    )


def settle_first(login: LoginExchange, names: Pairs, pairs: Pairs) -> Pairs | None:
    """Send the names and some keys up to full-feature phase; return the text.

    Only then has a target checked that the keys are consistent (section 6.2).
    """
    __tracebackhide__ = True
    return _unless_refused(login, lambda: _settle(login, [*names, *pairs, *_DIGESTS]))


def _settle(login: LoginExchange, pairs: Pairs) -> Pairs:
    advance(login, pairs)
    return texts_of(login)


def _unless_refused(login: LoginExchange, step: Callable[[], Pairs]) -> Pairs | None:
    __tracebackhide__ = True
    try:
        with charge_missing_status():
            return step()
    except LoginRefused as refusal:
        answer = refusal.response
    check(
        answer.status_class == INITIATOR_ERROR_CLASS,
        "Status-Class 0 or 2",
        answer,
        login.connection.transcript,
    )
    return None


def answer_of(answers: Pairs | None, name: str) -> str:
    """Return the answer for a key: its value, REFUSED or SILENCE.

    A hexadecimal number is returned in decimal, since both are permitted (section 6.1).
    """
    if answers is None:
        return REFUSED
    value = text.value(answers, name)
    if value is None:
        return SILENCE
    key = KEYS.get(name)
    if key is not None and key.is_numerical and is_admissible(key, value):
        return str(text.parse_number(value))
    return value


def expect_not_taken(login: LoginExchange, name: str, *allowed: str) -> None:
    """Expect that a malformed pair is not answered like an offer.

    A target may refuse the login, drop the connection, reject the key or ignore the
    pair.

    Args:
        login: the login that sent it.
        name: the key that the pair resembles.
        *allowed: values that may nevertheless be answered.

    Raises:
        ConformanceFailure: it is answered with another value.
    """
    __tracebackhide__ = True
    response = next_or_drop(login.connection)
    if not isinstance(response, LoginResponse) or response.status_class:
        chose(response)
        return
    try:
        response, answers = complete_text(login, response)
    except LoginRefused as refusal:
        chose(refusal.response)
        return
    answer = text.value(answers, name)
    check(
        answer in (None, *text.RESERVED_ANSWERS, *allowed),
        "a refusal, or no answer to a declaration",
        response,
        login.connection.transcript,
    )
    chose(f"{name}={answer}" if answer is not None else "no answer to the pair")


def is_legal_answer(key: Key, answer: str) -> bool:
    """Tell whether an answer to an inadmissible offer is permitted.

    That is: Reject, an admissible value, or the end of the login (6.2.2, 7.12).
    """
    return answer in (REFUSED, text.REJECT) or is_admissible(key, answer)


def expect_legal_answer(key: Key, answer: str, expected: list[str]) -> None:
    """Expect that an inadmissible offer gets a permitted answer.

    An offer of any value needs an answer; silence accuses the clause about that.

    Raises:
        ConformanceFailure: it gets another, or none.
    """
    __tracebackhide__ = True
    check(
        is_legal_answer(key, answer),
        expected,
        answer,
        requirement=clause_of_silence(key) if answer == SILENCE else None,
        field=key.name,
    )


def identify(value: object) -> str:
    """Return how the name of a check shows a key or a value."""
    if isinstance(value, Key):
        return value.name
    return str(value)[:24] if value != "" else "(empty)"
