# SPDX-License-Identifier: GPL-2.0-only
"""Makers of twists for habits: what may be said otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from iscsi import headers, text
from iscsi.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.twist import Sender, Twist, Twisted

_H = TypeVar("_H", bound=headers.Header)

_TEXTS: Final = (headers.LoginResponse, headers.TextResponse)


def set_fields(
    kind: type[_H], when: Callable[[_H], bool] = lambda _header: True, **values: Any
) -> Twist:
    """Return a twist that sets fields of one kind of PDU."""

    def twist(_sender: Sender, header: headers.Header, data: bytes) -> Twisted:
        if isinstance(header, kind) and when(header):
            header = replace(header, **values)
        return header, data

    return twist


def change_login(change: Callable[[text.Pairs], text.Pairs]) -> Twist:
    """Return a twist of the pairs of each Login Response that succeeds.

    A part of a longer text is left as it is.
    """
    return _change_pairs(headers.LoginResponse, change)


def change_texts(change: Callable[[text.Pairs], text.Pairs]) -> Twist:
    """Return a twist of the pairs of each Login Response and Text Response."""
    return _change_pairs(_TEXTS, change)


def change_text_responses(change: Callable[[text.Pairs], text.Pairs]) -> Twist:
    """Return a twist of the pairs of each Text Response that is not continued."""
    return _change_pairs(headers.TextResponse, change)


def _change_pairs(
    kinds: type[headers.Header] | tuple[type[headers.Header], ...],
    change: Callable[[text.Pairs], text.Pairs],
) -> Twist:
    def twist(_sender: Sender, header: headers.Header, data: bytes) -> Twisted:
        if not isinstance(header, kinds) or not data:
            return header, data
        try:
            pairs = text.decode(data)
        except DecodeError:
            return header, data
        if text.encode(pairs) != data:
            return header, data  # a part that begins or ends within a pair
        return header, text.encode(change(pairs))

    return twist
