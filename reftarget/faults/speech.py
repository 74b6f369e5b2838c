# SPDX-License-Identifier: GPL-2.0-only
"""Faults of what is said in negotiations: keys, values and the bits of their PDUs.

A row is: the requirement that it breaks, what it does in a sentence, how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import headers, text
from iscsi.constants import RESERVED_TAG, Stage
from reftarget.faults.changes import (
    change_text,
    change_value,
    on,
    one_more,
    set_fields,
    without_keys,
)
from reftarget.twist import Twist

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.twist import Sender

_LONG: Final = 300
"""Beyond the 255 bytes of a simple value."""

_BULKY: Final = 9000
"""Beyond the 8192 bytes of a login PDU."""

_WORD_BITS: Final = 64


def _is_success(header: headers.LoginResponse) -> bool:
    return header.status_class == 0


def _is_last_login(header: headers.LoginResponse) -> bool:
    return _is_success(header) and header.transit and header.nsg == 3


def _is_on_the_way(header: headers.Header) -> bool:
    return (
        isinstance(header, headers.LoginResponse)
        and _is_success(header)
        and header.csg == Stage.OPERATIONAL
        and not header.transit
        and not header.continuation
    )


def _goes_on(header: headers.TextResponse) -> bool:
    return not header.final


def _ends(header: headers.TextResponse) -> bool:
    return header.final


def _is_continued(header: headers.LoginResponse | headers.TextResponse) -> bool:
    return header.continuation


def _refuses_type(header: headers.LoginResponse) -> bool:
    return (header.status_class, header.status_detail) == (2, 9)


def _on_the_way(*pairs: tuple[str, str], in_discovery: bool = False) -> Twist:
    """Return a twist that adds pairs to a login that is not over yet.

    Plain logins, which are over in one exchange, are spared, so that a target with
    the fault can be tested at all.
    """

    def twist(
        sender: Sender, header: headers.Header, data: bytes
    ) -> tuple[headers.Header, bytes]:
        is_wanted = not in_discovery or sender.is_discovery
        if is_wanted and _is_on_the_way(header):
            data += text.encode(list(pairs))
        return header, data

    return twist


def _at_the_end(*pairs: tuple[str, str]) -> Twist:
    """Return a twist that adds pairs to the last Login Response."""
    return on(
        headers.LoginResponse,
        lambda header, data: (header, data + text.encode(list(pairs))),
        _is_last_login,
    )


def _in_text(*pairs: tuple[str, str]) -> Twist:
    """Return a twist that adds pairs to final Text Responses."""
    return on(
        headers.TextResponse,
        lambda header, data: (header, data + text.encode(list(pairs))),
        _ends,
    )


def _decimal(value: str) -> str:
    return str(int(value, 16)) if value.lower().startswith("0x") else value


def _longer(value: str) -> str:
    return value + "00" * 1100 if value.lower().startswith("0x") else value


def _instead(word: str, other: str) -> Callable[[str], str]:
    return lambda value: other if value == word else value


def _unfinished(header: headers.TextResponse) -> headers.TextResponse:
    return headers.TextResponse(
        final=False,
        initiator_task_tag=header.initiator_task_tag,
        target_transfer_tag=1,
        stat_sn=header.stat_sn,
        exp_cmd_sn=header.exp_cmd_sn,
        max_cmd_sn=header.max_cmd_sn,
    )


def _renamed(pairs: text.Pairs) -> text.Pairs:
    """Return the first target of a list alone."""
    found: text.Pairs = []
    for name, value in pairs:
        if name == "TargetName" and any(key == "TargetName" for key, _ in found):
            break
        found.append((name, value))
    return found


SPEECH: Final[dict[str, tuple[str, str, Twist]]] = {
    "key-name-is-malformed": (
        "RFC7143-6.1-02",
        "Says a key whose name begins with a small letter.",
        _on_the_way(("x-lower", "1")),
    ),
    "value-is-too-long": (
        "RFC7143-6.1-i04",
        "Gives a simple value of 300 bytes.",
        _on_the_way(("TargetAlias", "a" * _LONG)),
    ),
    "vendor-key-in-discovery": (
        "RFC7143-13.22-02",
        "Says a vendor's key in discovery sessions.",
        _on_the_way(("X-com.example.extra", "1"), in_discovery=True),
    ),
    "vendor-key-is-malformed": (
        "RFC7143-13.22-01",
        "Says a vendor's key with a blank in its name.",
        _on_the_way(("X-com example", "1")),
    ),
    "architecture-is-too-long": (
        "RFC7143-13.26.1-01",
        "Gives an X#NodeArchitecture of 300 bytes.",
        change_value("X#NodeArchitecture", lambda _value: "a" * _LONG),
    ),
    "architecture-is-said-twice": (
        "RFC7143-13.26.1-02",
        "Says X#NodeArchitecture once more at the end of a login.",
        _on_the_way(("X#NodeArchitecture", "again")),
    ),
    "challenge-is-decimal": (
        "RFC7143-6.1-03",
        "Sends CHAP_C as a decimal number.",
        change_value("CHAP_C", _decimal),
    ),
    "challenge-is-too-long": (
        "RFC7143-12.1.3-07",
        "Sends a CHAP_C of more than 1024 bytes.",
        change_value("CHAP_C", _longer),
    ),
    "challenge-without-identifier": (
        "RFC7143-12.1.3-02",
        "Leaves CHAP_I out.",
        without_keys("CHAP_I"),
    ),
    "chap-algorithm-was-not-offered": (
        "RFC7143-12.1.3-i02",
        "Answers CHAP_A with an algorithm that nobody offered.",
        change_value("CHAP_A", lambda _value: "99"),
    ),
    "chap-is-not-known": (
        "RFC7143-12.1-04",
        "Rejects AuthMethod=CHAP where it is due.",
        change_value("AuthMethod", _instead("CHAP", text.REJECT)),
    ),
    "unknown-method-is-none": (
        "RFC7143-6.3.2-03",
        "Answers methods that it does not know with None.",
        change_value("AuthMethod", _instead(text.REJECT, "None")),
    ),
    "method-was-not-the-first": (
        "RFC7143-6.3.2-02",
        "Answers AuthMethod with KRB5 where None was due.",
        change_value("AuthMethod", _instead("None", "KRB5")),
    ),
    "none-was-not-offered": (
        "RFC7143-6.2.1-02",
        "Answers a digest list that it cannot serve with None.",
        change_text(
            lambda pairs: [
                (key, "None" if "Digest" in key and value == text.REJECT else value)
                for key, value in pairs
            ]
        ),
    ),
    "continued-login-goes-on": (
        "RFC7143-11.13.7-01",
        "Sets T in a Login Response with C=1.",
        set_fields(headers.LoginResponse, _is_continued, transit=True, nsg=3),
    ),
    "continued-text-is-final": (
        "RFC7143-11.11.2-01",
        "Sets F in a Text Response with C=1.",
        set_fields(
            headers.TextResponse,
            _is_continued,
            final=True,
            target_transfer_tag=RESERVED_TAG,
        ),
    ),
    "text-goes-on-without-tag": (
        "RFC7143-11.11.1-03",
        "Gives a Text Response with F=0 the reserved Target Transfer Tag.",
        set_fields(headers.TextResponse, _goes_on, target_transfer_tag=RESERVED_TAG),
    ),
    "final-text-asks-for-an-answer": (
        "RFC7143-11.11.1-01",
        "Offers a key in a Text Response with F=1.",
        _in_text(("MaxBurstLength", "8192")),
    ),
    "final-text-is-answered-unfinished": (
        "RFC7143-6.4-06",
        "Answers F=1 with an empty Text Response with F=0.",
        on(
            headers.TextResponse,
            lambda header, _data: (_unfinished(header), b""),
            _ends,
        ),
    ),
    "transition-asks-for-an-answer": (
        "RFC7143-6.3-11",
        "Offers a key in the last Login Response.",
        _at_the_end(("MaxOutstandingR2T", "4")),
    ),
    "login-response-is-too-long": (
        "RFC7143-6.3-i03",
        "Sends Login Responses of more than 8192 bytes.",
        _on_the_way(*((f"X-com.example.k{i}", "a" * 250) for i in range(36))),
    ),
    "text-response-is-too-long": (
        "RFC7143-11.11.6-01",
        "Sends more text than the initiator's MaxRecvDataSegmentLength.",
        _in_text(*((f"X-com.example.k{i}", "a" * 250) for i in range(1100))),
    ),
    "names-are-malformed": (
        "RFC7143-4.2.7.2-01",
        "Names targets with capitals and blanks.",
        change_value("TargetName", lambda _value: "iqn.2001-04.com.example:A B"),
    ),
    "eui-name-is-short": (
        "RFC7143-4.2.7.5-i01",
        "Names targets by an eui. of four digits.",
        change_value("TargetName", lambda _value: "eui.02004567"),
    ),
    "naa-name-is-short": (
        "RFC7143-4.2.7.6-i01",
        "Names targets by an naa. of four digits.",
        change_value("TargetName", lambda _value: "naa.52004567"),
    ),
    "names-are-no-names": (
        "RFC7143-4.2.7.1-01",
        "Names targets by words that are no iSCSI names.",
        change_value("TargetName", lambda _value: "disk"),
    ),
    "recovery-in-order-with-many-r2ts": (
        "RFC7143-13.19-02",
        "Answers MaxOutstandingR2T=1 with 4.",
        change_value("MaxOutstandingR2T", _instead("1", "4")),
    ),
    "protocol-level-always-2": (
        "RFC7143-13.24-01",
        "Answers every iSCSIProtocolLevel with 2.",
        change_value("iSCSIProtocolLevel", lambda _value: "2"),
    ),
    "session-type-refusal-is-vague": (
        "RFC7143-11.13.5-i05",
        "Refuses an unknown session type with status 0203.",
        set_fields(headers.LoginResponse, _refuses_type, status_detail=3),
    ),
    "login-begins-with-another-exp-cmd-sn": (
        "RFC7143-11.12.8-01",
        "Gives an ExpCmdSN beyond the login's CmdSN.",
        set_fields(
            headers.LoginResponse, _is_success, exp_cmd_sn=one_more("exp_cmd_sn")
        ),
    ),
    "send-targets-finds-nothing": (
        "RFC7143-C-08",
        "Answers SendTargets with no target.",
        on(
            headers.TextResponse,
            lambda header, data: (header, b"" if b"TargetName=" in data else data),
        ),
    ),
    "send-targets-all-is-the-first": (
        "RFC7143-C-04",
        "Answers SendTargets with the first target alone.",
        change_text(_renamed),
    ),
}
"""By the fault's name."""
