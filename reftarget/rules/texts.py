# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about Text Requests (RFC 7143 sections 6.4 and 11.10, appendix C)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi import text
from iscsi.keys import Use
from reftarget.ruleset import RuleSet


def rest(parts: list[bytes]) -> list[bytes]:
    """Return what is still sent of a text after its first part: the rest (6.1)."""
    return parts


def before_response(_is_discovery: bool, _ping: Callable[[], None]) -> None:
    """Do nothing before a Text Response (section 7.4.3).

    Args:
        _is_discovery: it is sent on a discovery session.
        _ping: sends a ping.
    """


def own_answers(_pairs: text.Pairs) -> text.Pairs | None:
    """Return the answers to a text that is not negotiated; None: it is (6.3)."""
    return None


def has_place(use: Use) -> bool:
    """Whether a key may be negotiated in full-feature phase (chapter 13)."""
    return use in {Use.ALL, Use.FULL_FEATURE_ONLY}


def after_negotiation(_declared: dict[str, str], _pairs: text.Pairs) -> None:
    """Do nothing more with what was declared (section 6.2)."""


def send_targets(value: str, own: str, is_discovery: bool) -> str | None:
    """Return the target that SendTargets asks for (appendix C).

    Args:
        value: the value of the key.
        own: the target of the session; empty: it has none.
        is_discovery: whether it is a discovery session.

    Returns:
        A name, `All` for all of them, or None where the key is rejected.
    """
    if is_discovery:
        return value or own
    return own if value in {"", own} else None


def refusals_in_discovery(_pairs: text.Pairs) -> text.Pairs | None:
    """Return the answers to keys of a discovery session; None: all is rejected (4.3).

    Args:
        _pairs: a text without SendTargets.
    """
    return None


def lists(is_admitted: bool) -> bool:
    """Whether a target is listed: where the initiator may access it (appendix C)."""
    return is_admitted


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules(RuleSet):
    """The decisions about Text Requests."""

    new_request_resets: bool = True
    """A new request ends the exchange before it (section 11.10.4)."""
    failed_takes_effect: bool = False
    """What a failed negotiation declared takes effect (section 6.2)."""
    takes_effect_early: bool = False
    """What is declared takes effect before the exchange ends (section 6.4)."""
    longest_part: int = 1 << 24
    """Bytes of text in one response, if the initiator takes as many (section 6.1)."""
    rest: Callable[[list[bytes]], list[bytes]] = rest
    before_response: Callable[[bool, Callable[[], None]], None] = before_response
    own_answers: Callable[[text.Pairs], text.Pairs | None] = own_answers
    has_place: Callable[[Use], bool] = has_place
    after_negotiation: Callable[[dict[str, str], text.Pairs], None] = after_negotiation
    send_targets: Callable[[str, str, bool], str | None] = send_targets
    refusals_in_discovery: Callable[[text.Pairs], text.Pairs | None] = (
        refusals_in_discovery
    )
    lists: Callable[[bool], bool] = lists
    redeclared_length_counts: bool = True
    """A MaxRecvDataSegmentLength that is declared again counts (section 13.12)."""
