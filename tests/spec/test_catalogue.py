# SPDX-License-Identifier: GPL-2.0-only
import re
from collections import Counter
from pathlib import Path

import pytest

from spec import CatalogueError, Requirement, UnknownRequirement, is_below, load
from spec import section_key as key
from spec.catalogue import _read

CATALOGUE = load()
RFC_7143 = [entry for entry in CATALOGUE.values() if entry.document == "RFC 7143"]


def test_the_denominator_is_the_one_that_was_counted_by_hand() -> None:
    counted = [entry for entry in RFC_7143 if entry.counts]

    assert len(RFC_7143) == 938
    assert sum(entry.is_visible for entry in RFC_7143) == 606
    assert len(counted) == 494
    assert sum(entry.level.startswith("MUST") for entry in counted) == 453


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.id)
def test_every_entry_is_whole(entry: Requirement) -> None:
    prefix = re.sub(r"[ -]", "", entry.document)
    assert re.fullmatch(rf"{prefix}-{re.escape(entry.section)}-i?\d\d", entry.id)
    assert entry.level in ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
    assert entry.subject in ("target", "initiator", "both", "proxy-or-other")
    assert entry.observable in (
        "wire",
        "provoke",
        "multi",
        "internal",
        "initiator-only",
    )
    assert entry.heading
    assert entry.text.endswith((".", "?", ")"))
    assert not entry.same_as or entry.same_as in CATALOGUE
    is_rfc = entry.document.startswith("RFC ")
    host = "https://www.rfc-editor.org/rfc/rfc" if is_rfc else "https://www.t10.org/"
    assert entry.url.startswith(host)


def test_an_unknown_id_names_close_ones() -> None:
    with pytest.raises(UnknownRequirement) as caught:
        CATALOGUE["RFC7143-11.19-2"]

    assert "RFC7143-11.19-02" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_selection() -> None:
    nop = CATALOGUE.select(section="11.19", level="MUST")

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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[requirement]\n", "x.toml: "),
        ('[[requirement]]\nid = "RFC1-1-01"\n', "RFC1-1-01: "),
        ('[[requirement]]\nid = "R"\nsection = "1"\ncolour = "red"\n', "colour"),
    ],
)
def test_a_broken_file_is_said_in_one_line(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "x.toml"
    path.write_text(content)

    with pytest.raises(CatalogueError, match=re.escape(words)):
        list(_read(path, "RFC 1"))
