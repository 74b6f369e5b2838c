# SPDX-License-Identifier: GPL-2.0-only
"""Makers of twists: what a fault does to the PDUs that a target sends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from iscsi import headers, serial, text
from iscsi.errors import DecodeError
from reftarget.twist import Twist

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.twist import Sender, Twisted, Wording

_H = TypeVar("_H", bound=headers.Header)

TEXTS: Final = (headers.LoginResponse, headers.TextResponse)
STATUSES: Final = (
    headers.SCSIResponse,
    headers.TaskManagementResponse,
    headers.TextResponse,
    headers.LogoutResponse,
    headers.NOPIn,
    headers.Reject,
)


def on(
    kind: type[_H] | tuple[type[_H], ...],
    change: Callable[[_H, bytes], Twisted],
    when: Callable[[Any], bool] = lambda _header: True,
) -> Twist:
    """Return a twist of one kind of PDU."""

    def twist(_sender: Sender, header: headers.Header, data: bytes) -> Twisted:
        if isinstance(header, kind) and when(header):
            return change(header, data)
        return header, data

    return twist


def set_fields(
    kind: type[_H] | tuple[type[_H], ...],
    when: Callable[[Any], bool] = lambda _header: True,
    **values: Any,
) -> Twist:
    """Return a twist that sets fields; a function makes a value of the header."""

    def change(header: _H, data: bytes) -> Twisted:
        changes = {
            name: value(header) if callable(value) else value
            for name, value in values.items()
        }
        return replace(header, **changes), data

    return on(kind, change, when)


def swallow(kind: type[_H], when: Callable[[Any], bool] = lambda _h: True) -> Twist:
    """Return a twist that never sends one kind of PDU."""
    return on(kind, lambda _header, _data: None, when)


def change_data(
    kind: type[_H] | tuple[type[_H], ...],
    change: Callable[[bytes], bytes],
    when: Callable[[Any], bool] = lambda _header: True,
) -> Twist:
    """Return a twist of the data segment of one kind of PDU."""
    return on(kind, lambda header, data: (header, change(data)), when)


def change_text(
    change: Callable[[text.Pairs], text.Pairs],
    kind: type[headers.Header] | tuple[type[headers.Header], ...] = TEXTS,
) -> Twist:
    """Return a twist of the pairs in Login and Text Responses, or in some kinds."""

    def of_data(data: bytes) -> bytes:
        try:
            return text.encode(change(text.decode(data)))
        except DecodeError:  # a part of a longer text
            return data

    return change_data(kind, of_data)


def without_keys(*names: str) -> Twist:
    """Return a twist that leaves keys out of Login and Text Responses."""
    return change_text(lambda pairs: [pair for pair in pairs if pair[0] not in names])


def change_value(name: str, change: Callable[[str], str]) -> Twist:
    """Return a twist of the value of one key."""
    return change_text(
        lambda pairs: [
            (key, change(value) if key == name else value) for key, value in pairs
        ]
    )


def word_value(name: str, change: Callable[[str], str]) -> Wording:
    """Return a wording of the value of one key, before the text is cut into PDUs."""

    def wording(_kind: type[headers.Header], pairs: text.Pairs) -> text.Pairs:
        return [(key, change(value) if key == name else value) for key, value in pairs]

    return wording


def one_more(field: str) -> Callable[[Any], int]:
    """Return a value for `set_fields`: one more than the header has (RFC 1982)."""
    return lambda header: serial.add(getattr(header, field), 1)


def one_less(field: str) -> Callable[[Any], int]:
    """Return a value for `set_fields`: one less than the header has (RFC 1982)."""
    return lambda header: serial.add(getattr(header, field), -1)
