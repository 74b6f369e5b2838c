# SPDX-License-Identifier: GPL-2.0-only
"""Makes text of a target printable: on a terminal, in a page, in Markdown.

Names, keys and sense data come from the target, so they may contain anything: escape
sequences, NUL, right-to-left overrides, HTML.
"""

import re

_ESCAPED = {"\t": " ", "\n": "\n"}
_RUN_OF_TICKS = re.compile("`+")
_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~]")


def printable(text: str) -> str:
    r"""Return text with every character that is not printable as an escape (\x1b).

    Line ends stay; a tab becomes a space.
    """
    return "".join(
        _ESCAPED.get(character)
        or (
            character
            if character.isprintable()
            else character.encode("unicode_escape").decode("ascii")
        )
        for character in text
    )


def one_line(text: str, width: int = 0) -> str:
    """Return printable text in one line.

    Args:
        text: the text.
        width: the maximum number of characters; 0 for no limit.
    """
    line = " ".join(printable(text).split())
    if width and len(line) > width:
        return line[: max(width - 1, 0)] + "…"
    return line


def code(text: str) -> str:
    """Return text as code within a line of Markdown, without any markup in effect.

    Markdown has no escapes within code, so the fence is longer than any in the text. A
    table ends a cell at each bar, so code must not be used in a table.
    """
    line = one_line(text)
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{space}{line}{space}{fence}"


def words(text: str) -> str:
    """Return text as words within a line of Markdown, without any markup in effect.

    Unlike `code` it is suitable for headings.
    """
    return _MARKUP.sub(lambda match: "\\" + match[0], one_line(text))


def block(text: str) -> list[str]:
    """Return text as a block of code, in lines of Markdown."""
    escaped = printable(text).strip("\n")
    fence = "`" * max(3, _longest_run(escaped) + 1)
    return [f"{fence}text", *escaped.split("\n"), fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN_OF_TICKS.findall(text)), default=0)
