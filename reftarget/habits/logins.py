# SPDX-License-Identifier: GPL-2.0-only
"""The habits of logins and of their text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from iscsi import headers, text
from iscsi.keys import KEYS, Kind
from iscsi.negotiation import is_admissible
from reftarget.habits.changes import (
    change_login,
    change_text_responses,
    change_texts,
    set_fields,
)
from reftarget.habits.row import Habit
from reftarget.rules import AuthenticationRules, LoginRules, TextRules
from reftarget.rules.texts import send_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from reftarget.twist import Wording

_ELSEWHERE: Final = "192.0.2.7:3260,7"
"""A portal of a network for documentation (RFC 5737)."""
_BINARY: Final = frozenset({"CHAP_C", "CHAP_R"})
_DECIDES: Final = {Kind.AND: "No", Kind.OR: "Yes"}
"""The offer by which a boolean is decided, whatever the answer is (section 6.2.2)."""


def _backwards(pairs: text.Pairs) -> text.Pairs:
    return pairs[::-1]


def _in_hexadecimal(pairs: text.Pairs) -> text.Pairs:
    def encoded(name: str, value: str) -> str:
        key = KEYS.get(name)
        is_number = key is not None and key.is_numerical and value.isdecimal()
        return hex(int(value)) if is_number else value

    return [(name, encoded(name, value)) for name, value in pairs]


def _in_capitals(pairs: text.Pairs) -> text.Pairs:
    return [
        (name, f"0X{value[2:].upper()}" if value[:2] == "0x" else value)
        for name, value in _in_hexadecimal(pairs)
    ]


def _in_base64(pairs: text.Pairs) -> text.Pairs:
    def encoded(name: str, value: str) -> str:
        if name not in _BINARY or value[:2] != "0x":
            return value
        return "0b" + base64.b64encode(bytes.fromhex(value[2:])).decode("ascii")

    return [(name, encoded(name, value)) for name, value in pairs]


def _without_decided(offered: text.Pairs, answered: text.Pairs) -> text.Pairs:
    decided = {
        name
        for name, value in offered
        if (key := KEYS.get(name)) is not None and _DECIDES.get(key.kind) == value
    }
    return [pair for pair in answered if pair[0] not in decided]


def _left_out(seen: Container[str], is_leading: bool) -> text.Pairs:
    if not is_leading:
        return []
    offers = [("MaxBurstLength", "131072"), ("DefaultTime2Retain", "15")]
    return [pair for pair in offers if pair[0] not in seen]


def _is_refusal(header: headers.LoginResponse) -> bool:
    return header.status_class != 0


def _backwards_by_record(pairs: text.Pairs) -> text.Pairs:
    records: list[text.Pairs] = []
    for pair in pairs:
        if pair[0] == "TargetName" or not records:
            records.append([])
        records[-1].append(pair)
    return [pair for record in reversed(records) for pair in record]


def _with_host_names(pairs: text.Pairs) -> text.Pairs:
    return [
        (name, value.replace("127.0.0.1:", "localhost:", 1))
        if name == "TargetAddress"
        else (name, value)
        for name, value in pairs
    ]


def _without_addresses(pairs: text.Pairs) -> text.Pairs:
    return [pair for pair in pairs if pair[0] != "TargetAddress"]


def _all_where_none_is_named(value: str, own: str, is_discovery: bool) -> str | None:
    name = send_targets(value, own, is_discovery)
    return name or "All" if is_discovery else name


def _none_where_none_is_named(value: str, own: str, is_discovery: bool) -> str | None:
    return send_targets(value, own, is_discovery) or None


def _change_list(change: Callable[[text.Pairs], text.Pairs]) -> Wording:
    """Return a wording of the list that answers SendTargets."""
    return change_text_responses(
        lambda pairs: (
            change(pairs) if pairs[:1] and pairs[0][0] == "TargetName" else pairs
        )
    )


def _with_another_network(pairs: text.Pairs) -> text.Pairs:
    further = ("TargetAddress", _ELSEWHERE)
    return [
        both
        for pair in pairs
        for both in ((pair, further) if pair[0] == "TargetAddress" else (pair,))
    ]


def _with_an_alias(pairs: text.Pairs) -> text.Pairs:
    names = {name for name, _value in pairs}
    # The first response of a Normal session is the one with the portal group tag.
    if "TargetPortalGroupTag" not in names or "TargetAlias" in names:
        return pairs
    return [*pairs, ("TargetAlias", "a habit")]


def _without_illegal_lengths(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    key = KEYS["MaxRecvDataSegmentLength"]
    return [
        pair for pair in pairs if pair[0] != key.name or is_admissible(key, pair[1])
    ]


def _without_reserved_words(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    return [pair for pair in pairs if pair[1] not in text.RESERVED_ANSWERS]


LOGINS: Final = (
    Habit(
        name="reserved-words-are-passed-over",
        clause="RFC 7143 6.2",
        says="Ignores keys whose value is Reject, Irrelevant or NotUnderstood.",
        rules=LoginRules(understood=_without_reserved_words),
    ),
    Habit(
        name="keys-of-another-stage-are-ignored",
        clause="RFC 7143 6.3",
        says="Ignores keys that are not allowed in the stage.",
        rules=LoginRules(ignores_misplaced=True),
    ),
    Habit(
        name="illegal-length-is-ignored",
        clause="RFC 7143 13.12",
        says="Ignores a MaxRecvDataSegmentLength that is out of range.",
        rules=LoginRules(understood=_without_illegal_lengths),
    ),
    Habit(
        name="has-an-alias",
        clause="RFC 7143 13.6",
        says="Declares a TargetAlias in every login of a Normal session.",
        wording=change_login(_with_an_alias),
    ),
    Habit(
        name="lists-portals-elsewhere",
        clause="RFC 7143 C",
        says="Lists for each target a further portal, of a network that is not here.",
        wording=_change_list(_with_another_network),
        apart_from=("addresses-are-left-out",),
    ),
    Habit(
        name="answers-come-backwards",
        clause="RFC 7143 6.2",
        says="Answers the keys of a login in another order than they came in.",
        wording=change_login(_backwards),
    ),
    Habit(
        name="numbers-are-hexadecimal",
        clause="RFC 7143 6.1",
        says="Sends numbers in hexadecimal.",
        wording=change_texts(_in_hexadecimal),
    ),
    Habit(
        name="numbers-are-hexadecimal-in-capitals",
        clause="RFC 7143 6.1",
        says="Sends numbers in hexadecimal, with 0X and capitals.",
        wording=change_texts(_in_capitals),
        apart_from=("numbers-are-hexadecimal",),
    ),
    Habit(
        name="binary-values-are-base64",
        clause="RFC 7143 6.1",
        says="Sends the binary values of CHAP in base64.",
        wording=change_login(_in_base64),
    ),
    Habit(
        name="optional-answers-are-left-out",
        clause="RFC 7143 6.2.2",
        says="Leaves out the answers to booleans that the offer decides.",
        rules=LoginRules(answers=_without_decided),
    ),
    Habit(
        name="login-text-comes-in-parts",
        is_slow=True,
        clause="RFC 7143 6.1",
        says="Sends the text of a login in parts of 64 bytes, with C=1 in all but the"
        " last.",
        rules=LoginRules(longest_part=64),
        limits={"login_exchanges": 1024},
    ),
    Habit(
        name="offers-what-was-left-out",
        clause="RFC 7143 6.2",
        says="Offers keys that the initiator has not offered, and then waits for the"
        " answers.",
        rules=LoginRules(own_offers=_left_out, waits_for_answers=True),
    ),
    Habit(
        name="transition-comes-later",
        is_slow=True,
        clause="RFC 7143 6.3",
        says="Answers the first three requests of a login with T=0.",
        rules=LoginRules(may_transit=lambda exchange: exchange > 3),
    ),
    Habit(
        name="refusal-names-no-session",
        clause="RFC 7143 11.13",
        says="Refuses logins with ISID 0 and TSIH 0.",
        twist=set_fields(headers.LoginResponse, _is_refusal, isid=bytes(6), tsih=0),
    ),
    Habit(
        name="targets-are-listed-backwards",
        clause="RFC 7143 C",
        says="Lists the last target first.",
        wording=_change_list(_backwards_by_record),
    ),
    Habit(
        name="empty-send-targets-lists-all",
        clause="RFC 7143 C",
        says="Lists all targets for an empty SendTargets where a discovery session has"
        " no target.",
        rules=TextRules(send_targets=_all_where_none_is_named),
    ),
    Habit(
        name="empty-send-targets-is-rejected",
        clause="RFC 7143 C",
        says="Answers Reject to an empty SendTargets where a discovery session has no"
        " target.",
        rules=TextRules(send_targets=_none_where_none_is_named),
    ),
    Habit(
        name="keys-are-rejected-one-by-one-in-discovery",
        clause="RFC 7143 6.2",
        says="Answers other keys than SendTargets by Reject, each of them, where a"
        " discovery session takes none.",
        rules=TextRules(
            refusals_in_discovery=lambda pairs: [
                (name, text.REJECT) for name, _value in pairs
            ]
        ),
    ),
    Habit(
        name="addresses-are-left-out",
        clause="RFC 7143 C",
        says="Lists targets without addresses, as they are at the portal in use.",
        wording=_change_list(_without_addresses),
        apart_from=("addresses-are-host-names",),
    ),
    Habit(
        name="no-chap",
        clause="RFC 7143 12.1",
        says="Requires no CHAP.",
        rules=AuthenticationRules(needs_proof=lambda _is_added: False),
        lacks=frozenset({"chap", "chap-mutual", "identities"}),
        is_poor=True,
    ),
    Habit(
        name="addresses-are-host-names",
        clause="RFC 7143 13.8",
        says="Lists localhost instead of an IPv4 address.",
        wording=_change_list(_with_host_names),
    ),
    Habit(
        name="transition-comes-late",
        is_slow=True,
        clause="RFC 7143 6.3",
        says="Answers the first request of a login with T=0.",
        rules=LoginRules(may_transit=lambda exchange: exchange > 1),
    ),
)
"""What may be said otherwise in a login."""
