# SPDX-License-Identifier: GPL-2.0-only
"""Text over several Login PDUs: the C bit (RFC 7143 sections 6.1, 6.2, 11.13.7)."""

from collections.abc import Callable

import pytest

from initiator.expect import check, clause
from initiator.login import LoginExchange
from iscsi import text
from iscsi.constants import Stage
from iscsi.errors import NegotiationError
from iscsi.keys import KEYS
from iscsi.negotiation import conclude
from iscsi.pdu import LoginResponse
from iscsi.text import Pairs
from suites.plugins.sessions import NewLogin
from suites.support.login import advance, ask, expect_no_transition, provoke

_OFFER = b"HeaderDigest=None\0MaxBurstLength=8192\0DataDigest=None\0"
_CUTS = {
    "between pairs": _OFFER.index(b"Max"),
    "within a key": _OFFER.index(b"Burst"),
    "before equals": _OFFER.index(b"=8192"),
    "after equals": _OFFER.index(b"8192"),
    "within a value": _OFFER.index(b"92"),
    "before NUL": _OFFER.index(b"\0Data"),
}


def _send_parts(
    login: LoginExchange, parts: list[bytes]
) -> tuple[list[LoginResponse], Pairs]:
    """Send all parts, all but the last with C=1; return the answers and the text."""
    empty = [ask(login, part, continuation=1)[0] for part in parts[:-1]]
    return empty, ask(login, parts[-1])[1]


def _are_answered(answers: Pairs, offered: Pairs) -> bool:
    """Tell whether each pair is answered by a value that its key's rule allows.

    A target may choose less than 8192; other checks judge its choice.
    """
    try:
        agreed = [
            conclude(KEYS[name], value, text.value(answers, name))
            for name, value in offered
        ]
    except NegotiationError:
        return False
    return None not in agreed


@pytest.fixture
def answered_whole(new_login: NewLogin, first_pairs: Pairs) -> Callable[[Pairs], Pairs]:
    """Offer the same pairs uncut on another connection; return their answers.

    If the target answers the uncut text wrongly, too, it has read the cut text.
    """

    def offer(offered: Pairs) -> Pairs:
        names = dict(offered)
        answers = ask(new_login(), [*first_pairs, *offered])[1]
        return [pair for pair in answers if pair[0] in names]

    return offer


def _are_answered_alike(
    answers: Pairs, offered: Pairs, answered_whole: Callable[[Pairs], Pairs]
) -> bool:
    """Tell whether pairs are answered as the rules permit, or like the uncut text."""
    if _are_answered(answers, offered):
        return True
    names = dict(offered)
    answered = sorted(pair for pair in answers if pair[0] in names)
    return answered == sorted(answered_whole(offered))


@pytest.mark.requirement("RFC7143-6.1-i05")
@pytest.mark.parametrize("cut", _CUTS.values(), ids=_CUTS)
def test_pairs_span_requests(
    login: LoginExchange,
    first_pairs: Pairs,
    answered_whole: Callable[[Pairs], Pairs],
    cut: int,
) -> None:
    """The target reads pairs that are split anywhere and continued with the C bit."""
    _response, offered = ask(login, first_pairs)

    _empty, answers = _send_parts(login, [_OFFER[:cut], _OFFER[cut:]])

    # This offer also answers the target's own offers, which need no further answer.
    expected = [pair for pair in text.decode(_OFFER) if pair[0] not in dict(offered)]
    is_read = _are_answered_alike(answers, expected, answered_whole)
    check(is_read, f"answers to {expected}", answers)


@pytest.mark.requirement("RFC7143-6.1-i05", "RFC7143-6.2-02")
@pytest.mark.parametrize("cut", _CUTS.values(), ids=_CUTS)
def test_first_text_spans_requests(
    login: LoginExchange,
    first_pairs: Pairs,
    answered_whole: Callable[[Pairs], Pairs],
    cut: int,
) -> None:
    """The target accepts a first request, with the names, that the C bit continues."""
    data = text.encode(first_pairs)

    _empty, answers = _send_parts(login, [data + _OFFER[:cut], _OFFER[cut:]])

    expected = [("MaxBurstLength", "8192")]
    is_read = _are_answered_alike(answers, expected, answered_whole)
    check(is_read, "MaxBurstLength, at most 8192", answers)


@pytest.mark.requirement("RFC7143-6.2-02", "RFC7143-6.3-i02")
@pytest.mark.parametrize("count", [2, 3, 5])
def test_answer_to_continued_text_is_empty(
    login: LoginExchange, first_pairs: Pairs, count: int
) -> None:
    """The target answers C=1 by a response without text, with T=0 and C=0."""
    ask(login, first_pairs)
    size = -(-len(_OFFER) // count)

    with clause("RFC7143-6.1-i05"):
        empty, _answers = _send_parts(login, text.split(_OFFER, size))

    wrong = [item for item in empty if item.data or item.continuation]
    check(not wrong, "empty responses", wrong and wrong[0], login.connection.transcript)
    early = [item for item in empty if item.transit]
    check(not early, "T=0", early and early[0], requirement="RFC7143-6.3-i02")


@pytest.mark.requirement("RFC7143-6.2-01")
def test_continuation_and_transition_exclude_each_other(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target agrees to no transition if a request has both C and T."""
    ask(login, first_pairs)

    provoke(login, b"HeaderDigest=No", nsg=Stage.FULL_FEATURE, continuation=1)

    expect_no_transition(login)


@pytest.mark.requirement("RFC7143-11.13.7-01", "RFC7143-6.2-01", "RFC7143-6.1-01")
def test_no_response_has_both_c_and_t(new_login: NewLogin, first_pairs: Pairs) -> None:
    """The target splits a long text into responses that never have both C and T."""
    bulky = [(f"X-com.example.bulky{number}", "v" * 200) for number in range(25)]
    filler = [(f"X-com.example.{number:03}", "v") for number in range(300)]

    with clause("RFC7143-6.2-08"):
        ask(new_login(), [*first_pairs, ("X-com.example.first", "v")])
    # If the target refuses a text of this length with short answers, it breaks another
    # clause.
    with clause("RFC7143-6.1-04"):
        ask(new_login(), [*first_pairs, *bulky])
    login = new_login()
    with clause("RFC7143-6.2-08"):
        ask(login, [*first_pairs, *filler])
    advance(login)

    wrong = [item for item in login.responses if item.continuation and item.transit]
    check(not wrong, "C or T", wrong and wrong[0], login.connection.transcript)
