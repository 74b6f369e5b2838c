# SPDX-License-Identifier: GPL-2.0-only
"""Text of a peer on a terminal: one line that gives no orders."""

import pytest

from iscsi.errors import NegotiationError
from iscsi.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("iqn.2026-11.org.example:disk", "iqn.2026-11.org.example:disk"),
        ("Gerät Straße 東京", "Gerät Straße 東京"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("one\ntwo\r", r"one\ntwo\r"),
        ("nul\0", r"nul\x00"),
        ("\u202eevil", r"\u202eevil"),
        ("\u2028", r"\u2028"),
        ("\x9b31m", r"\x9b31m"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_text_is_one_visible_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_errors_are_printable() -> None:
    assert str(NegotiationError("key\x1b]0;owned\x07", key="K")).isprintable()
