# SPDX-License-Identifier: GPL-2.0-only
import re
from collections import Counter
from pathlib import Path

import pytest

from spec import (
    Basis,
    CatalogueError,
    Level,
    Observable,
    Requirement,
    Subject,
    UnknownRequirement,
    is_below,
    load,
)
from spec import section_key as key
from spec.catalogue import read
from spec.requirement import OWN

ROOT = Path(__file__).parents[2]
CATALOGUE = load()
RFC_7143 = [entry for entry in CATALOGUE.values() if entry.document == "RFC 7143"]


def test_the_denominator_is_the_one_that_was_counted_by_hand() -> None:
    counted = [entry for entry in RFC_7143 if entry.counts]

    assert len(RFC_7143) == 947
    assert sum(entry.is_visible for entry in RFC_7143) == 615
    assert len(counted) == 503
    assert sum(entry.level.strength is Level.MUST for entry in counted) == 461


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.id)
def test_every_entry_is_complete(entry: Requirement) -> None:
    prefix = re.sub(r"[ -]", "", entry.document)
    assert re.fullmatch(rf"{prefix}-{re.escape(entry.section)}-i?\d\d", entry.id)
    assert entry.heading
    assert entry.text.endswith((".", "?", ")"))
    assert not entry.same_as or entry.same_as in CATALOGUE
    assert set(entry.like) <= set(CATALOGUE) - {entry.id}
    if entry.document == OWN:
        assert (ROOT / entry.url).is_file()
        return
    is_rfc = entry.document.startswith("RFC ")
    host = "https://www.rfc-editor.org/rfc/rfc" if is_rfc else "https://www.t10.org/"
    assert entry.url.startswith(host)


def test_an_unknown_id_names_close_ones() -> None:
    with pytest.raises(UnknownRequirement) as caught:
        CATALOGUE["RFC7143-11.19-2"]

    assert "RFC7143-11.19-02" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_selection() -> None:
    nop = CATALOGUE.select(section="11.19", level=Level.MUST)

    assert {entry.section for entry in nop} == {
        "11.19",
        "11.19.1",
        "11.19.2",
        "11.19.3",
    }
    assert {entry.level for entry in nop} == {"MUST", "MUST NOT"}
    assert Counter(entry.area for entry in CATALOGUE.select(area="nop")).keys() == {
        "nop"
    }


def test_sections_below() -> None:
    assert is_below("11.1", "11.1")
    assert is_below("11.1.2", "11.1")
    assert not is_below("11.19", "11.1")


def test_sections_sort_as_the_document_does() -> None:
    sections = ["C.2", "11.10", "11.9.1", "4", "11.9", "A"]

    assert sorted(sections, key=key) == ["4", "11.9", "11.9.1", "11.10", "A", "C.2"]


WHOLE = """
[headings]
"1" = "One"

[[requirement]]
id = "RFC7143-1-01"
section = "1"
level = "MUST"
subject = "target"
area = "nop"
observable = "wire"
text = "Do it."
"""


def write(folder: Path, content: str, name: str = "01.toml") -> Path:
    path = folder / "rfc7143" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_complete_file_is_read(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)

    (entry,) = read(tmp_path).values()

    assert entry == Requirement(
        id="RFC7143-1-01",
        section="1",
        level=Level.MUST,
        subject=Subject.TARGET,
        area="nop",
        observable=Observable.WIRE,
        text="Do it.",
        basis=Basis.RFC2119,
        document="RFC 7143",
        heading="One",
    )


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("[[requirement]]", "[[requirement]", "Expected ']]'"),
        ('level = "MUST"\n', "", "RFC7143-1-01: missing key `level`"),
        (
            'level = "MUST"',
            'level = "WILL"',
            "RFC7143-1-01: level: no such value: 'WILL'",
        ),
        ('level = "MUST"', "level = 3", "RFC7143-1-01: level: Expected `str`"),
        ('area = "nop"', "area = 4", "RFC7143-1-01: area: Expected `str`, got `int`"),
        (
            'area = "nop"',
            'color = "x"\narea = "nop"',
            "RFC7143-1-01: unknown key `color`",
        ),
        ('area = "nop"', 'area = "nop"\nneeds = "chap"', "RFC7143-1-01: needs: Exp"),
        ('area = "nop"', 'area = "nop"\ndocument = "X"', "unknown key `document`"),
        ('id = "RFC7143-1-01"\n', "", "requirement 1: missing key `id`"),
        ('section = "1"', 'section = "2"', "RFC7143-1-01: no heading for section 2"),
        ("[headings]", "[heading]", "unknown key `heading`"),
        ('"1" = "One"', '"1" = 1', "headings[...]: Expected `str`, got `int`"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(
    tmp_path: Path, right: str, wrong: str, words: str
) -> None:
    assert right in WHOLE
    path = write(tmp_path, WHOLE.replace(right, wrong))

    with pytest.raises(CatalogueError) as caught:
        read(tmp_path)

    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert words in message
    assert "\n" not in message


def test_bytes_that_are_no_text_are_refused_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    path.write_bytes(b"\xff")

    with pytest.raises(CatalogueError, match=re.escape(f"{path}: ")):
        read(tmp_path)


def test_an_id_stands_once(tmp_path: Path) -> None:
    first = write(tmp_path, WHOLE)
    second = write(tmp_path, WHOLE, "02/1-again.toml")

    with pytest.raises(CatalogueError) as caught:
        read(tmp_path)

    assert str(caught.value) == (
        f"{second}: RFC7143-1-01: {first} has an entry with the same id"
    )


def test_the_strength_of_a_level_is_its_key_word_without_not() -> None:
    assert [level.strength for level in Level] == [
        Level.MUST,
        Level.MUST,
        Level.SHOULD,
        Level.SHOULD,
        Level.MAY,
    ]
