# SPDX-License-Identifier: GPL-2.0-only
"""Faults in the text of negotiations: keys, values and the bits of their PDUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from iscsi import headers, text
from iscsi.constants import RESERVED_TAG, Stage
from reftarget.faults.changes import (
    TEXTS,
    change_data,
    change_text,
    change_value,
    on,
    one_more,
    set_fields,
    without_keys,
)
from reftarget.faults.row import Fault
from reftarget.rules.authentication import AuthenticationRules
from reftarget.twist import Twist

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.twist import Sender

_LONG: Final = 300
"""Beyond the 255 bytes of a simple value."""

_BULKY: Final = 9000
"""Beyond the 8192 bytes of a login PDU."""

_WORD_BITS: Final = 64

_TOO_MUCH: Final = 1024
"""As many bytes more make any CHAP_C too long."""


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


def _is_the_last_part(header: headers.LoginResponse | headers.TextResponse) -> bool:
    return not header.continuation


def _with_many_r2ts(_kind: type[headers.Header], pairs: text.Pairs) -> text.Pairs:
    recovers = dict(pairs).get("ErrorRecoveryLevel", "0") != "0"
    return [
        (key, "4" if recovers and (key, value) == ("MaxOutstandingR2T", "1") else value)
        for key, value in pairs
    ]


def _refuses_type(header: headers.LoginResponse) -> bool:
    return (header.status_class, header.status_detail) == (2, 9)


def _on_the_way(*pairs: tuple[str, str], in_discovery: bool = False) -> Twist:
    """Return a twist that adds pairs to a login that is not over yet.

    Plain logins, which are over in one exchange, are spared, so that a target with
    the fault can be tested at all. A login gets the pairs once.
    """
    served: WeakSet[Sender] = WeakSet()

    def twist(
        sender: Sender, header: headers.Header, data: bytes
    ) -> tuple[headers.Header, bytes]:
        is_wanted = not in_discovery or sender.is_discovery
        if is_wanted and _is_on_the_way(header) and sender not in served:
            served.add(sender)
            data += text.encode(list(pairs))
        return header, data

    return twist


def _with_a_long_alias(
    header: headers.LoginResponse, data: bytes
) -> tuple[headers.LoginResponse, bytes]:
    others = [pair for pair in text.decode(data) if pair[0] != "TargetAlias"]
    is_first = len(others) < len(text.decode(data))
    if is_first:
        others.append(("TargetAlias", "a" * _LONG))
    return header, text.encode(others)


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
    renamed: text.Pairs = []
    for name, value in pairs:
        if name == "TargetName" and any(key == "TargetName" for key, _ in renamed):
            break
        renamed.append((name, value))
    return renamed


SPEECH: Final = (
    Fault(
        name="text-is-left-over",
        breaks=("RFC7143-6.1-01",),
        says="Ends each text with bytes that are no key=value pair.",
        also="the addition is in every text",
        twist=change_data(
            TEXTS, lambda data: data and data + b"left over\0", _is_the_last_part
        ),
    ),
    Fault(
        name="key-name-is-malformed",
        breaks=("RFC7143-6.1-02", "RFC7143-6.2-02"),
        says="Sends a key whose name begins with a small letter.",
        twist=_on_the_way(("x-lower", "1")),
    ),
    Fault(
        name="value-is-too-long",
        breaks=("RFC7143-6.1-i04",),
        says="Gives a simple value of 300 bytes.",
        twist=on(headers.LoginResponse, _with_a_long_alias, _is_on_the_way),
    ),
    Fault(
        name="vendor-key-in-discovery",
        breaks=("RFC7143-13.22-02",),
        says="Sends a vendor's key in discovery sessions.",
        twist=_on_the_way(("X-com.example.extra", "1"), in_discovery=True),
    ),
    Fault(
        name="vendor-key-is-malformed",
        breaks=("RFC7143-13.22-01",),
        says="Sends a vendor's key with a blank in its name.",
        also="its name breaks the format of all keys",
        twist=_on_the_way(("X-com example", "1")),
    ),
    Fault(
        name="architecture-is-too-long",
        breaks=("RFC7143-13.26.1-01",),
        says="Gives an X#NodeArchitecture of 300 bytes.",
        twist=change_value("X#NodeArchitecture", lambda _value: "a" * _LONG),
    ),
    Fault(
        name="architecture-is-said-twice",
        breaks=("RFC7143-13.26.1-02", "RFC7143-6.3-14"),
        says="Sends X#NodeArchitecture once more at the end of a login.",
        twist=_on_the_way(("X#NodeArchitecture", "again")),
    ),
    Fault(
        name="challenge-is-decimal",
        breaks=("RFC7143-6.1-03",),
        says="Sends CHAP_C as a decimal number.",
        also="no login by CHAP completes",
        twist=change_value("CHAP_C", _decimal),
    ),
    Fault(
        name="challenge-is-too-long",
        breaks=("RFC7143-12.1.3-07",),
        says="Sends a CHAP_C of more than 1024 bytes.",
        rules=AuthenticationRules(
            random_challenge=lambda random: random + bytes(_TOO_MUCH)
        ),
    ),
    Fault(
        name="challenge-without-identifier",
        breaks=("RFC7143-12.1.3-02",),
        says="Leaves CHAP_I out.",
        also="no login by CHAP completes",
        twist=without_keys("CHAP_I"),
    ),
    Fault(
        name="chap-algorithm-was-not-offered",
        breaks=("RFC7143-12.1.3-i02",),
        says="Answers CHAP_A with an algorithm that was not offered.",
        also="no login by CHAP completes",
        twist=change_value("CHAP_A", lambda _value: "99"),
    ),
    Fault(
        name="chap-is-not-known",
        breaks=("RFC7143-12.1-04",),
        says="Rejects AuthMethod=CHAP although it requires CHAP.",
        also="no login by CHAP completes",
        twist=change_value("AuthMethod", _instead("CHAP", text.REJECT)),
    ),
    Fault(
        name="unknown-method-is-none",
        breaks=("RFC7143-6.3.2-03",),
        says="Answers methods that it does not know with None.",
        twist=change_value("AuthMethod", _instead(text.REJECT, "None")),
    ),
    Fault(
        name="method-was-not-the-first",
        breaks=("RFC7143-6.3.2-02", "RFC7143-6.2.1-01"),
        says="Answers AuthMethod with KRB5 instead of None.",
        twist=change_value("AuthMethod", _instead("None", "KRB5")),
    ),
    Fault(
        name="none-was-not-offered",
        breaks=("RFC7143-6.2.1-02",),
        says="Answers a digest list that it cannot serve with None.",
        twist=change_text(
            lambda pairs: [
                (key, "None" if "Digest" in key and value == text.REJECT else value)
                for key, value in pairs
            ]
        ),
    ),
    Fault(
        name="continued-login-goes-on",
        breaks=("RFC7143-11.13.7-01", "RFC7143-6.2-01"),
        says="Sets T in a Login Response with C=1.",
        twist=set_fields(headers.LoginResponse, _is_continued, transit=True, nsg=3),
    ),
    Fault(
        name="continued-text-is-final",
        breaks=("RFC7143-11.11.2-01",),
        says="Sets F in a Text Response with C=1.",
        twist=set_fields(
            headers.TextResponse,
            _is_continued,
            final=True,
            target_transfer_tag=RESERVED_TAG,
        ),
    ),
    Fault(
        name="final-text-asks-for-an-answer",
        breaks=("RFC7143-11.11.1-01", "RFC7143-6.4-07"),
        says="Offers a key in a Text Response with F=1.",
        twist=_in_text(("MaxBurstLength", "8192")),
    ),
    Fault(
        name="final-text-is-answered-unfinished",
        breaks=("RFC7143-6.4-06",),
        says="Answers F=1 with an empty Text Response with F=0.",
        also="no text exchange completes",
        twist=on(
            headers.TextResponse,
            lambda header, _data: (_unfinished(header), b""),
            _ends,
        ),
    ),
    Fault(
        name="transition-asks-for-an-answer",
        breaks=("RFC7143-6.3-11", "RFC7143-11.13.6-01"),
        says="Offers a key in the last Login Response.",
        also="what it adds is answered amid many logins",
        twist=_at_the_end(("MaxOutstandingR2T", "4")),
    ),
    Fault(
        name="login-response-is-too-long",
        breaks=("RFC7143-6.3-i03", "RFC7143-13.22-02", "RFC7143-6.2-02"),
        says="Sends Login Responses of more than 8192 bytes.",
        twist=_on_the_way(*((f"X-com.example.k{i}", "a" * 250) for i in range(36))),
    ),
    Fault(
        name="text-response-is-too-long",
        breaks=("RFC7143-11.11.6-01",),
        says="Sends more text than the initiator's MaxRecvDataSegmentLength.",
        twist=_in_text(*((f"X-com.example.k{i}", "a" * 250) for i in range(1100))),
    ),
    Fault(
        name="names-are-malformed",
        breaks=("RFC7143-4.2.7.2-01", "RFC7143-C-04"),
        says="Names targets with capitals and blanks.",
        twist=change_value("TargetName", lambda _value: "iqn.2001-04.com.example:A B"),
    ),
    Fault(
        name="eui-name-is-short",
        breaks=("RFC7143-4.2.7.5-i01", "RFC7143-C-04"),
        says="Names targets by an eui. of four digits.",
        twist=change_value("TargetName", lambda _value: "eui.02004567"),
    ),
    Fault(
        name="naa-name-is-short",
        breaks=("RFC7143-4.2.7.6-i01",),
        says="Names targets by an naa. of four digits.",
        also="a session asks for its own target by that name",
        twist=change_value("TargetName", lambda _value: "naa.52004567"),
    ),
    Fault(
        name="names-are-no-names",
        breaks=("RFC7143-4.2.7.1-01",),
        says="Names targets by words that are no iSCSI names.",
        also="targets are known by their names",
        twist=change_value("TargetName", lambda _value: "disk"),
    ),
    Fault(
        name="recovery-in-order-with-many-r2ts",
        breaks=("RFC7143-13.19-02",),
        says="Answers MaxOutstandingR2T=1 with 4 where errors are recovered.",
        wording=_with_many_r2ts,
    ),
    Fault(
        name="protocol-level-always-2",
        breaks=("RFC7143-13.24-01",),
        says="Answers every iSCSIProtocolLevel with 2.",
        twist=change_value("iSCSIProtocolLevel", lambda _value: "2"),
    ),
    Fault(
        name="session-type-refusal-is-vague",
        breaks=("RFC7143-11.13.5-i05",),
        says="Refuses an unknown session type with status 0203.",
        twist=set_fields(headers.LoginResponse, _refuses_type, status_detail=3),
    ),
    Fault(
        name="login-begins-with-another-exp-cmd-sn",
        breaks=("RFC7143-11.12.8-01",),
        says="Gives an ExpCmdSN beyond the login's CmdSN.",
        twist=set_fields(
            headers.LoginResponse, _is_success, exp_cmd_sn=one_more("exp_cmd_sn")
        ),
    ),
    Fault(
        name="send-targets-finds-nothing",
        breaks=("RFC7143-C-08", "RFC7143-C-12"),
        says="Answers SendTargets with no target.",
        twist=on(
            headers.TextResponse,
            lambda header, data: (header, b"" if b"TargetName=" in data else data),
        ),
    ),
    Fault(
        name="send-targets-all-is-the-first",
        breaks=("RFC7143-C-04",),
        says="Answers SendTargets with the first target alone.",
        also="long lists are made of several targets",
        twist=change_text(_renamed),
    ),
)
"""By the fault's name."""
