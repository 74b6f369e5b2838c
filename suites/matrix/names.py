# SPDX-License-Identifier: GPL-2.0-only
"""Expressions that choose rows by their names, as pytest's -k chooses tests.

A word is true for a row whose name contains it, in any case. `not`, `and`, `or` and
parentheses combine words.
"""

import re
from collections.abc import Callable

from vmlab.errors import LabError

Fits = Callable[[str], bool]
"""Returns whether a name matches."""

_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_WORDS = frozenset({"and", "or", "not", "(", ")", ""})


def parse(text: str) -> Fits:
    """Return a function that tells whether a name fits an expression.

    Raises:
        LabError: it is not an expression.
    """
    return _Parser(text).parse_all()


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*_TOKEN.findall(text), ""]
        self._next = 0

    def parse_all(self) -> Fits:
        fits = self._either()
        if self._tokens[self._next]:
            raise self._error()
        return fits

    def _take(self, token: str) -> bool:
        is_it: bool = self._tokens[self._next] == token
        self._next += is_it
        return is_it

    def _either(self) -> Fits:
        fits = self._both()
        while self._take("or"):
            fits = _either(fits, self._both())
        return fits

    def _both(self) -> Fits:
        fits = self._single()
        while self._take("and"):
            fits = _both(fits, self._single())
        return fits

    def _single(self) -> Fits:
        if self._take("not"):
            return _other(self._single())
        if self._take("("):
            fits = self._either()
            if not self._take(")"):
                raise self._error()
            return fits
        word = self._tokens[self._next]
        if word in _WORDS:
            raise self._error()
        self._next += 1
        return lambda name: word.lower() in name.lower()

    def _error(self) -> LabError:
        token = self._tokens[self._next] or "its end"
        return LabError(
            f"the expression {self._text!r} has a syntax error at {token}",
            hint='write it like "kasan and not (debug or v6.1)"',
        )


def _either(one: Fits, other: Fits) -> Fits:
    return lambda name: one(name) or other(name)


def _both(one: Fits, other: Fits) -> Fits:
    return lambda name: one(name) and other(name)


def _other(fits: Fits) -> Fits:
    return lambda name: not fits(name)
