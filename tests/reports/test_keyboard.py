# SPDX-License-Identifier: GPL-2.0-only
"""The pages by keyboard and by contrast, as far as that shows without a browser."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from reports import compare, statement
from reports.findings_page import findings_page
from reports.sections import by_section, title
from reports.standing import rows
from reports.templates import FOLDER
from spec import load
from tests.reports.samples import broken, passed
from tests.reports.test_run import BAD, GOOD

_LEAST_CONTRAST = 4.5
"""Of text that is not large (WCAG 2, success criterion 1.4.3)."""

_RUN = replace(
    BAD,
    checks=(
        broken("nop/test_ping.py::test_echo", transcript="c1 -> NOPOut"),
        passed("nop/test_ping.py::test_tag", choices=("an echo",)),
    ),
)

PAGES: dict[str, Callable[[], str]] = {
    "statement": lambda: statement.page(statement.state(_RUN)),
    "findings": lambda: findings_page(_RUN),
    "compare": lambda: compare.page(compare.compare([GOOD, _RUN])),
}


class Tags(HTMLParser):
    """All start tags of a page, each with its attributes and those it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), tuple(self._open)))
        if tag not in ("meta", "input", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass


@pytest.fixture(params=PAGES)
def tags(request: pytest.FixtureRequest) -> Tags:
    return Tags(PAGES[request.param]())


def test_a_page_begins_with_links_to_its_parts(tags: Tags) -> None:
    reached = [
        (tag, attributes)
        for tag, attributes, _ in tags.found
        if tag in ("a", "button", "summary", "input", "select")
    ]
    skipping = [
        attributes for tag, attributes, above in tags.found if above[-1:] == ("nav",)
    ]

    assert skipping
    assert [attributes for _, attributes in reached[: len(skipping)]] == skipping


def test_each_link_within_a_page_leads_somewhere(tags: Tags) -> None:
    places = {attributes.get("id") for _, attributes, _ in tags.found}
    links = [
        (attributes.get("href") or "")[1:]
        for _, attributes, _ in tags.found
        if (attributes.get("href") or "").startswith("#")
    ]

    assert links
    assert set(links) <= places


def test_all_that_opens_or_scrolls_is_reached_in_the_order_of_the_page(
    tags: Tags,
) -> None:
    for tag, attributes, above in tags.found:
        assert "onclick" not in attributes
        # A number above 0 would jump ahead of the rest.
        assert attributes.get("tabindex") in (None, "0", "-1")
        if tag == "summary":
            assert above[-1] == "details"
        if tag == "pre" or attributes.get("class") == "scroll":
            assert attributes.get("tabindex") == "0"
        if tag in ("input", "select"):
            assert "label" in above


def test_what_is_folded_has_something_to_unfold_it_with(tags: Tags) -> None:
    kinds = [tag for tag, _, _ in tags.found]

    assert kinds.count("details") == kinds.count("summary")


def test_the_focus_is_shown() -> None:
    for name in ("style.css", "compare.css"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"outline: *(none|0)", text)
    assert ":focus-visible { outline: 2px solid" in (FOLDER / "style.css").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_colour_of_text_stands_out(scheme: str) -> None:
    text = (FOLDER / "style.css").read_text(encoding="utf-8")
    colours = {
        name: light if scheme == "light" else dark
        for name, light, dark in re.findall(
            r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", text
        )
    }
    grounds = [colours.pop("page"), colours.pop("raised")]
    del colours["line"]  # no text has this colour

    assert len(colours) > 5
    for name, colour in colours.items():
        for ground in grounds:
            assert contrast(colour, ground) >= _LEAST_CONTRAST, (name, ground)


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_each_section_of_a_statement_has_a_title() -> None:
    sections = by_section(rows(GOOD.checks, load()))

    without = [
        place for place, members in sections.items() if not title(*place, members)
    ]
    assert len(sections) > 100
    assert not without
