# SPDX-License-Identifier: GPL-2.0-only
"""Makes text of a peer printable: one line, without terminal control sequences."""

LONGEST = 1000
"""The maximum length of a message that is kept and shown, in characters."""


def line(text: str) -> str:
    """Return text as a printable line of at most `LONGEST` characters or so."""
    escaped = printable(text[: 2 * LONGEST])
    if len(escaped) <= LONGEST and len(text) <= 2 * LONGEST:
        return escaped
    return f"{escaped[:LONGEST]} ... ({len(text)} characters)"


def printable(text: str) -> str:
    r"""Return text with escapes for everything but visible characters and spaces.

    Newlines, escape sequences, NUL, bidirectional and other invisible controls, lone
    surrogates and unassigned characters become Python escapes, such as \x1b. Visible
    text in any script is unchanged.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
