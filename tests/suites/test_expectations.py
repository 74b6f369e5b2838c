# SPDX-License-Identifier: GPL-2.0-only
"""What the checks' own code says of what came, and which clauses it accuses."""

import ast
import re
from pathlib import Path

import pytest

from spec import load

SUITES = Path(__file__).parents[2] / "suites"
FILES = sorted(
    path
    for folder in ("conformance", "support")
    for path in (SUITES / folder).rglob("*.py")
)

_SAYS_NOTHING = frozenset(
    {"", "not", "no", "none", "other", "other data", "another", "different", "wrong"}
    | {"it is not", "it is", "it has not", "changed", "open", "false", "true"}
)
_PLACE_OF_ACTUAL = {"check": 2, "ConformanceFailure": 1}


def empty_words(source: str) -> list[str]:
    """Return the expectations of a source whose `actual` throws away what came."""
    matches = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        place = _PLACE_OF_ACTUAL.get(node.func.id)
        if place is None or len(node.args) <= place:
            continue
        actual = node.args[place]
        if isinstance(actual, ast.Constant) and (
            not isinstance(actual.value, str) or actual.value.lower() in _SAYS_NOTHING
        ):
            matches.append(f"line {node.lineno}: {ast.unparse(node)}")
    return matches


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_failure_says_what_came(path: Path) -> None:
    assert empty_words(path.read_text()) == []


def test_words_that_say_nothing_are_found() -> None:
    assert empty_words('check(a == b, "GOOD", "not")')
    assert empty_words('ConformanceFailure("x", "other data")')
    assert not empty_words('check(a == b, "GOOD", result)')


_ID = re.compile(r"[A-Z]+[0-9]+-[0-9A-Z][0-9A-Za-z.]*-i?[0-9]{2}")


def named_clauses(source: str) -> set[str]:
    """Return the requirement IDs that stand as strings in a source."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _ID.fullmatch(node.value)
    }


def test_each_clause_that_is_accused_is_in_the_catalogue() -> None:
    root = SUITES.parent
    sources = [
        *FILES,
        *(root / "initiator").glob("*.py"),
        *(root / "iscsi").glob("*.py"),
    ]
    named = {name for path in sources for name in named_clauses(path.read_text())}

    assert "RFC7143-11.17.4-i01" in named
    assert named - set(load()) == set()
