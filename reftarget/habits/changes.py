# SPDX-License-Identifier: GPL-2.0-only
"""Makers of twists for habits: what may be said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import headers, text
from iscsi.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.twist import Sender, Twist, Twisted

_TEXTS: Final = (headers.LoginResponse, headers.TextResponse)


def change_login(change: Callable[[text.Pairs], text.Pairs]) -> Twist:
    """Return a twist of the pairs of each Login Response that succeeds.

    A part of a longer text is left as it is.
    """
    return _change_pairs(headers.LoginResponse, change)


def change_texts(change: Callable[[text.Pairs], text.Pairs]) -> Twist:
    """Return a twist of the pairs of each Login Response and Text Response."""
    return _change_pairs(_TEXTS, change)


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
        return header, text.encode(change(pairs))

    return twist
