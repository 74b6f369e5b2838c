# SPDX-License-Identifier: GPL-2.0-only
"""Makes text of a target fit to show: on a terminal, in a page, in Markdown.

Names, keys and sense data are what the target says, so they may hold anything: escape
sequences, NUL, text that runs backwards, HTML.
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
        text: what to show.
        width: how many characters at most; 0 for any number.
    """
    line = " ".join(printable(text).split())
    if width and len(line) > width:
        return line[: max(width - 1, 0)] + "…"
    return line


def code(text: str) -> str:
    """Return text as code within a line of Markdown, where nothing in it has an effect.

    Markdown knows no escape within code: the fence is longer than what the text holds.
    A table ends a cell at each bar, so code must not stand in one.
    """
    line = one_line(text)
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{space}{line}{space}{fence}"


def words(text: str) -> str:
    """Return text as words within a line of Markdown, in which no character is markup.

    Unlike `code` it can stand in a heading that is meant to be read.
    """
    return _MARKUP.sub(lambda found: "\\" + found[0], one_line(text))


def block(text: str) -> list[str]:
    """Return text as a block of code, in lines of Markdown."""
    escaped = printable(text).strip("\n")
    fence = "`" * max(3, _longest_run(escaped) + 1)
    return [f"{fence}text", *escaped.split("\n"), fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN_OF_TICKS.findall(text)), default=0)
