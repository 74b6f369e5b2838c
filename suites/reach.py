# SPDX-License-Identifier: GPL-2.0-only
"""Finds the checks that use changed code of the suites.

A name counts as used where it is mentioned: as a name, as an attribute, or as the
parameter of a function, by which pytest finds fixtures. Two definitions with one name
count as one, so a check may be listed although a change does not concern it, but none
is missed.
"""

import ast
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

SHARED = ("suites/support", "suites/conformance", "suites/robustness")
"""The folders of the code that checks share, and of the checks."""


def changed_names(text: str, touched: AbstractSet[int]) -> set[str]:
    """Return the names of a module's definitions that contain some lines.

    A method counts as its class.

    Raises:
        SyntaxError: the text is not Python.
    """
    return {
        name
        for node in ast.parse(text).body
        if touched & _lines(node)
        for name in _defined(node)
    }


def checks_that_use(names: AbstractSet[str], modules: Mapping[str, str]) -> list[str]:
    """Return the checks that use some names, also through other definitions.

    Args:
        names: the changed names.
        modules: the texts of the suites' modules, by their paths.

    Raises:
        SyntaxError: a text is not Python.
    """
    trees = {path: ast.parse(text) for path, text in modules.items()}
    shared = [
        node for path, tree in trees.items() if not is_check(path) for node in tree.body
    ]
    reached = _closure(names, shared)
    return [
        f"{path}::{name}"
        for path, tree in sorted(trees.items())
        if is_check(path)
        for name in _reached_checks(tree, reached)
    ]


def is_check(path: str) -> bool:
    """Tell whether a file contains checks."""
    return Path(path).name.startswith("test_")


def _reached_checks(tree: ast.Module, names: AbstractSet[str]) -> Iterable[str]:
    reached = _closure(names, tree.body)
    return (
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and reached & _mentioned(node)
    )


def _closure(names: AbstractSet[str], nodes: Iterable[ast.stmt]) -> set[str]:
    """Add the names of all definitions that mention one of them, even indirectly."""
    definitions = [
        (defined, _mentioned(node)) for node in nodes if (defined := _defined(node))
    ]
    reached = set(names)
    size = -1
    while len(reached) != size:
        size = len(reached)
        for defined, mentioned in definitions:
            if mentioned & reached:
                reached |= defined
    return reached


def _lines(node: ast.stmt) -> set[int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    return {*range(first, (node.end_lineno or node.lineno) + 1)}


def _defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines; an import gives none."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {
            one.id
            for target in targets
            for one in ast.walk(target)
            if isinstance(one, ast.Name)
        }
    return set()


def _mentioned(node: ast.stmt) -> set[str]:
    names: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            names.add(one.id)
        elif isinstance(one, ast.Attribute):
            names.add(one.attr)
        elif isinstance(one, ast.arg):
            names.add(one.arg)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str):
            names.add(one.value)  # usefixtures("name")
    return names
