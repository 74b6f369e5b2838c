# SPDX-License-Identifier: GPL-2.0-only
"""Renders the pages: text is escaped, and unprintable characters become escapes.

A page is one file: it contains its style and its scripts, and loads nothing from the
network.
"""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.printable import printable

FOLDER = Path(__file__).with_name("templates")


def render(name: str, **values: Any) -> str:
    """Return a page.

    Args:
        name: the template's file name.
        **values: its contents. Text is escaped, so it may contain anything.
    """
    return _ENVIRONMENT.get_template(name).render(**values)


def embedded(data: object) -> Markup:
    """Return data as JSON that is safe inside a script element.

    A script element ends at `</script`, and `<!--` with `<script` in it has no end, so
    the JSON contains no character of HTML.
    """
    text = json.dumps(data, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # escaped just now


def _file(name: str) -> Markup:
    """Return the text of a file of this package."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704  # our own


def _shown(value: object) -> object:
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return printable(str(value)) if is_text else value


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["file"] = _file
