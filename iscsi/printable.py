# SPDX-License-Identifier: GPL-2.0-only
"""Text of a peer made fit to be shown: one line, and nothing that a terminal obeys."""

LONGEST = 1000
"""Characters of a message that is kept and shown."""


def line(text: str) -> str:
    """Return text as a printable line of at most `LONGEST` characters or so."""
    escaped = printable(text[: 2 * LONGEST])
    if len(escaped) <= LONGEST and len(text) <= 2 * LONGEST:
        return escaped
    return f"{escaped[:LONGEST]} ... ({len(text)} characters)"


def printable(text: str) -> str:
    r"""Return text with everything escaped that is not a visible character or a space.

    Newlines, escape sequences, NUL, bidirectional and other invisible controls, lone
    surrogates and unassigned characters come out as Python escapes, such as \x1b.
    Visible text, in whatever script, stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
