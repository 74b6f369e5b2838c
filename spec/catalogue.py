# SPDX-License-Identifier: GPL-2.0-only
"""The catalogue of requirements, read from the TOML files beside this one."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

FOLDER = Path(__file__).parent
DOCUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "rfc7143": "RFC 7143",
        "rfc7144": "RFC 7144",
        "sam5": "SAM-5",
        "spc4": "SPC-4",
        "sbc3": "SBC-3",
        "sbc4": "SBC-4",
    }
)
"""The folder of each document, and how it is cited."""

_TARGET_SUBJECTS = frozenset({"target", "both"})
_VISIBLE = frozenset({"wire", "provoke", "multi"})


class UnknownRequirement(KeyError):  # it says what, as our others do
    """An ID that the catalogue does not hold."""

    def __str__(self) -> str:
        """Return one line; KeyError's own would be quoted."""
        return str(self.args[0])


class CatalogueError(ValueError):
    """A file of the catalogue that cannot be read; one line that names the place."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a document demands."""

    id: str
    document: str
    """How the document is cited: RFC 7143."""
    section: str
    heading: str
    """The section's title."""
    level: str
    """MUST, MUST NOT, SHOULD, SHOULD NOT or MAY."""
    subject: str
    """target, initiator, both or proxy-or-other."""
    area: str
    observable: str
    """wire, provoke or multi if a tester can see it; internal or initiator-only."""
    text: str
    """What it demands, in our words."""
    basis: str = "rfc2119"
    """rfc2119 for a key word, implied for tables and rules that carry none."""
    same_as: str = ""
    """An earlier requirement that this one restates."""
    needs: tuple[str, ...] = ()
    """Optional features without which it does not apply."""
    untestable: str = ""
    """Why no black-box tester can check it, or nothing."""

    @property
    def url(self) -> str:
        """The address of its section, or of the committee whose text is not free."""
        if not self.document.startswith("RFC "):
            return "https://www.t10.org/drafts.htm"
        number = self.document.removeprefix("RFC ")
        anchor = "section" if self.section[0].isdigit() else "appendix"
        return f"https://www.rfc-editor.org/rfc/rfc{number}#{anchor}-{self.section}"

    @property
    def is_visible(self) -> bool:
        """True if it binds targets and a black-box tester can see it."""
        return self.subject in _TARGET_SUBJECTS and self.observable in _VISIBLE

    @property
    def counts(self) -> bool:
        """True if coverage counts it: visible, no MAY and no restatement."""
        return self.is_visible and self.level != "MAY" and not self.same_as


class Catalogue(Mapping[str, Requirement]):
    """Every requirement by its ID, in the order of the documents."""

    def __init__(self, requirements: list[Requirement]) -> None:
        self._by_id = {entry.id: entry for entry in requirements}

    def __getitem__(self, name: str) -> Requirement:
        """Return a requirement.

        Raises:
            UnknownRequirement: there is none with this ID; it names close ones.
        """
        try:
            return self._by_id[name]
        except KeyError:
            close = get_close_matches(name, self._by_id, 3)
            guess = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UnknownRequirement(f"no requirement {name!r}{guess}") from None

    def __iter__(self) -> Iterator[str]:
        """Yield the IDs."""
        return iter(self._by_id)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def select(
        self,
        *,
        section: str | None = None,
        level: str | None = None,
        area: str | None = None,
    ) -> list[Requirement]:
        """Return the requirements of a section and below, a level, an area."""
        return [
            entry
            for entry in self.values()
            if (section is None or is_below(entry.section, section))
            and (level is None or entry.level.split()[0] == level)
            and (area is None or entry.area == area)
        ]

    def denominator(self) -> list[Requirement]:
        """Return what coverage is counted over (see `Requirement.counts`)."""
        return [entry for entry in self.values() if entry.counts]


def is_below(section: str, wanted: str) -> bool:
    """Tell whether a section is the wanted one or lies below it."""
    return section == wanted or section.startswith(f"{wanted}.")


@functools.cache
def load() -> Catalogue:
    """Return the catalogue.

    Raises:
        CatalogueError: a file is broken.
    """
    return Catalogue(
        [
            entry
            for folder, document in DOCUMENTS.items()
            for path in sorted((FOLDER / folder).glob("*.toml"))
            for entry in _read(path, document)
        ]
    )


def _read(path: Path, document: str) -> Iterator[Requirement]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{path}: {error}") from error
    headings: dict[str, str] = content.get("headings", {})
    for entry in content.get("requirement", []):
        yield _requirement(entry, document, headings, path)


def _requirement(
    entry: dict[str, Any], document: str, headings: Mapping[str, str], path: Path
) -> Requirement:
    try:
        return Requirement(
            **{
                **entry,
                "document": document,
                "heading": headings.get(entry["section"], ""),
                "needs": tuple(entry.get("needs", ())),
            }
        )
    except (KeyError, TypeError) as error:
        raise CatalogueError(f"{path}: {entry.get('id')}: {error}") from error


def section_key(section: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts sections as the documents do; appendices come last."""
    parts = re.split(r"\.", section)
    return tuple(
        (int(part), "") if part.isdigit() else (1 << 16, part) for part in parts
    )
