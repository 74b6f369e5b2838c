# SPDX-License-Identifier: GPL-2.0-only
"""Makers of twists and wordings for habits: what may be said otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from iscsi import headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi import text
    from reftarget.twist import Sender, Twist, Twisted, Wording

_H = TypeVar("_H", bound=headers.Header)


def set_fields(
    kind: type[_H], when: Callable[[_H], bool] = lambda _header: True, **values: Any
) -> Twist:
    """Return a twist that sets fields of one kind of PDU."""

    def twist(_sender: Sender, header: headers.Header, data: bytes) -> Twisted:
        if isinstance(header, kind) and when(header):
            header = replace(header, **values)
        return header, data

    return twist


def change_login(change: Callable[[text.Pairs], text.Pairs]) -> Wording:
    """Return a change of the text that the target sends in a login."""
    return _change_pairs((headers.LoginResponse,), change)


def change_texts(change: Callable[[text.Pairs], text.Pairs]) -> Wording:
    """Return a change of the text that the target sends in a login and after it."""
    return _change_pairs((headers.LoginResponse, headers.TextResponse), change)


def change_text_responses(change: Callable[[text.Pairs], text.Pairs]) -> Wording:
    """Return a change of the text of Text Responses."""
    return _change_pairs((headers.TextResponse,), change)


def _change_pairs(
    kinds: tuple[type[headers.Header], ...],
    change: Callable[[text.Pairs], text.Pairs],
) -> Wording:
    def wording(kind: type[headers.Header], pairs: text.Pairs) -> text.Pairs:
        return change(pairs) if kind in kinds else pairs

    return wording
