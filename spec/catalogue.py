# SPDX-License-Identifier: GPL-2.0-only
"""The catalogue of requirements, read from the TOML files in this folder."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from spec.requirement import OWN, Entry, Level, Requirement

FOLDER = Path(__file__).parent
DOCUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "rfc7143": "RFC 7143",
        "rfc7144": "RFC 7144",
        "sam5": "SAM-5",
        "spc4": "SPC-4",
        "sbc3": "SBC-3",
        "sbc4": "SBC-4",
        "robustness": OWN,
    }
)
"""The folder of each document, and its citation."""


# The error states the reason, like our other errors.
class UnknownRequirement(KeyError):
    """The catalogue does not contain an ID."""

    def __str__(self) -> str:
        """Return the message on one line; KeyError would quote it."""
        return str(self.args[0])


class CatalogueError(ValueError):
    """A file of the catalogue cannot be read; one line names the place."""


class Catalogue(Mapping[str, Requirement]):
    """Every requirement by its ID, in the order of the documents."""

    def __init__(self, requirements: Mapping[str, Requirement]) -> None:
        self._by_id = dict(requirements)

    def __getitem__(self, name: str) -> Requirement:
        """Return a requirement.

        Raises:
            UnknownRequirement: there is none with this ID; the message names similar
                ones.
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
        """Return the number of requirements."""
        return len(self._by_id)

    def select(
        self,
        *,
        section: str | None = None,
        level: Level | None = None,
        area: str | None = None,
    ) -> list[Requirement]:
        """Return the requirements of a section and below, a level, an area.

        A level includes its negation: MUST also selects MUST NOT.
        """
        return [
            entry
            for entry in self.values()
            if (section is None or is_below(entry.section, section))
            and (level is None or entry.level.strength is level.strength)
            and (area is None or entry.area == area)
        ]

    def denominator(self) -> list[Requirement]:
        """Return the requirements that coverage counts (see `Requirement.counts`)."""
        return [entry for entry in self.values() if entry.counts]


def is_below(section: str, wanted: str) -> bool:
    """Tell whether a section is the wanted one or a part of it."""
    return section == wanted or section.startswith(f"{wanted}.")


@functools.cache
def load() -> Catalogue:
    """Return the catalogue of all documents.

    Raises:
        CatalogueError: a file is malformed.
    """
    return read(FOLDER)


def read(folder: Path) -> Catalogue:
    """Return the catalogue of a folder, with a folder in it for each document.

    A chapter of a document is a file, or a folder with a file for each section.

    Raises:
        CatalogueError: a file is malformed, or two entries have one ID.
    """
    by_id: dict[str, Requirement] = {}
    places: dict[str, Path] = {}
    for name, document in DOCUMENTS.items():
        for path in sorted((folder / name).rglob("*.toml")):
            for entry in _read(path, document):
                if entry.id in by_id:
                    raise CatalogueError(
                        f"{path}: {entry.id}: {places[entry.id]} has an entry with "
                        "the same id"
                    )
                by_id[entry.id] = entry
                places[entry.id] = path
    return Catalogue(by_id)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    requirement: list[dict[str, Any]]
    headings: dict[str, str]


def _read(path: Path, document: str) -> Iterator[Requirement]:
    try:
        content = msgspec.convert(
            tomllib.loads(path.read_text(encoding="utf-8")), _File
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{path}: {_sentence(error)}") from error
    for place, table in enumerate(content.requirement, 1):
        try:
            entry = msgspec.convert(table, Entry)
            heading = content.headings[entry.section]
        except msgspec.ValidationError as error:
            name = table.get("id", f"requirement {place}")
            raise CatalogueError(f"{path}: {name}: {_sentence(error)}") from error
        except KeyError as error:
            raise CatalogueError(
                f"{path}: {entry.id}: no heading for section {entry.section}"
            ) from error
        yield Requirement(
            document=document, heading=heading, **msgspec.structs.asdict(entry)
        )


def _sentence(error: msgspec.ValidationError) -> str:
    """Return an error message in the terms of TOML, with the key first."""
    what, _, where = str(error).partition(" - at `")
    for theirs, ours in (
        ("Object missing required field", "missing key"),
        ("Object contains unknown field", "unknown key"),
        ("Invalid enum value", "no such value:"),
    ):
        what = what.replace(theirs, ours)
    key = where.removesuffix("`").removeprefix("$.")
    return f"{key}: {what}" if key else what


def section_key(section: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts sections as the documents do; appendices come last."""
    parts = re.split(r"\.", section)
    return tuple(
        (int(part), "") if part.isdigit() else (1 << 16, part) for part in parts
    )
