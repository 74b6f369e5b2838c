# SPDX-License-Identifier: GPL-2.0-only
"""The faults of Text Requests and SendTargets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from iscsi import text
from reftarget.faults.row import Fault
from reftarget.rules import (
    TextRules,
    texts,
)


def _all_in_normal(value: str, own: str, is_discovery: bool) -> str | None:
    return value if value == "All" else texts.send_targets(value, own, is_discovery)


def _answer_to_authentication(pairs: text.Pairs) -> text.Pairs | None:
    return [("AuthMethod", "CHAP")] if text.value(pairs, "AuthMethod") else None


def _accept_any_keys(declared: dict[str, str], pairs: text.Pairs) -> None:
    declared.update(pair for pair in pairs if pair[1].isdecimal())


def _ping_discovery(is_discovery: bool, ping: Callable[[], None]) -> None:
    if is_discovery:
        ping()


def _empty_value_lists_all(value: str, own: str, is_discovery: bool) -> str | None:
    return texts.send_targets(value, own, is_discovery) if value else "All"


def _nothing_by_name(value: str, own: str, is_discovery: bool) -> str | None:
    if value not in {"", "All"}:
        return ""
    return texts.send_targets(value, own, is_discovery)


TEXTS: Final = (
    Fault(
        name="send-targets-lists-forbidden-targets",
        breaks=("RFC7143-C-15",),
        says="Names targets that the initiator may not access.",
        rules=TextRules(lists=lambda _is_admitted: True),
    ),
    Fault(
        name="send-targets-all-on-normal-session",
        breaks=("RFC7143-C-09", "RFC7143-C-05"),
        says="Answers SendTargets=All on a normal session.",
        rules=TextRules(send_targets=_all_in_normal),
    ),
    Fault(
        name="redeclared-max-data-segment-is-ignored",
        breaks=("RFC7143-13.12-i02", "RFC7143-11.16.3-02"),
        says="Keeps to the old MaxRecvDataSegmentLength after a new one was declared.",
        also="a cut negotiation declares it again",
        rules=TextRules(redeclared_length_counts=False),
    ),
    Fault(
        name="fresh-text-goes-on",
        breaks=("RFC7143-11.10.4-i01", "RFC7143-6.4-i01"),
        says="Treats a new Text Request as the next one of the old exchange.",
        rules=TextRules(new_request_resets=False),
    ),
    Fault(
        name="failed-text-takes-effect",
        breaks=("RFC7143-6.2-19", "RFC7143-7.12-03", "RFC7143-7.12-04"),
        says="Applies what a failed negotiation declared.",
        rules=TextRules(failed_takes_effect=True),
    ),
    Fault(
        name="unfinished-text-takes-effect",
        breaks=("RFC7143-6.4-i01",),
        says="Applies declarations before the exchange ends.",
        rules=TextRules(takes_effect_early=True),
    ),
    Fault(
        name="text-takes-authentication",
        breaks=("RFC7143-6.3-08",),
        says="Answers authentication keys in a Text Request.",
        rules=TextRules(own_answers=_answer_to_authentication),
    ),
    Fault(
        name="text-takes-leading-keys",
        breaks=(
            "RFC7143-13-01",
            "RFC7143-13-i01",
        ),
        says="Negotiates leading-only keys in full-feature phase.",
        rules=TextRules(has_place=lambda _use: True),
    ),
    Fault(
        name="empty-send-targets-is-all",
        breaks=("RFC7143-C-13",),
        says="Answers an empty SendTargets with all targets.",
        rules=TextRules(send_targets=_empty_value_lists_all),
    ),
    Fault(
        name="named-send-targets-finds-nothing",
        breaks=("RFC7143-C-10", "RFC7143-C-11"),
        says="Finds nothing for SendTargets with a name.",
        rules=TextRules(send_targets=_nothing_by_name),
    ),
    Fault(
        name="send-targets-list-is-cut",
        breaks=(
            "RFC7143-C-i03",
            "RFC7143-6.1-01",
        ),
        says="Returns as much of a list as one response holds.",
        rules=TextRules(rest=lambda _parts: []),
    ),
    Fault(
        name="inadmissible-text-value-is-used",
        breaks=("RFC7143-6.2-i01", "RFC7143-7.12-03"),
        says="Uses a value that it has rejected.",
        also="a segment length of 0 breaks every exchange",
        rules=TextRules(after_negotiation=_accept_any_keys),
    ),
    Fault(
        name="discovery-session-is-pinged",
        breaks=("RFC7143-7.4.3-01",),
        says="Sends a ping on discovery sessions.",
        also="its ping comes between a request and its answer",
        rules=TextRules(before_response=_ping_discovery),
    ),
)
