# SPDX-License-Identifier: GPL-2.0-only
import pytest
from msgspec.structs import replace

from reports import coverage
from reports.coverage import CoverageError
from spec import load

CATALOGUE = load()


def test_rows_count_what_is_covered_excused_and_open() -> None:
    first, second, third = CATALOGUE.denominator()[:3]
    section = first.section
    entries = [
        first,
        replace(second, section=section, untestable="nobody can see it"),
        replace(third, section=section),
    ]

    (row,) = coverage.rows(entries, {first.id: ["a::b"]}, "section")

    assert (row.name, row.requirements) == (section, 3)
    assert (row.covered, row.untestable, row.open) == (1, 1, 1)


def test_sections_stand_in_the_documents_order() -> None:
    entries = [entry for entry in CATALOGUE.denominator() if "RFC7143" in entry.id]

    names = [row.name for row in coverage.rows(entries, {}, "section")]

    numbered = [name for name in names if name[0].isdigit()]
    assert numbered[0].startswith("4.")
    assert [int(name.partition(".")[0]) for name in numbered] == sorted(
        int(name.partition(".")[0]) for name in numbered
    )
    assert names[: len(numbered)] == numbered


def test_open_requirements_are_listed_on_request() -> None:
    entry = CATALOGUE.denominator()[0]

    displayed = "\n".join(coverage.report({}, shows_open=True))
    hidden = "\n".join(coverage.report({entry.id: ["x"]}))

    assert f"  {entry.id}  " in displayed
    assert "not covered" not in hidden


def test_a_collection_without_end_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coverage, "_SECONDS", 0)

    with pytest.raises(CoverageError, match="not collected within 0 s"):
        coverage.collect()


@pytest.mark.integration
def test_the_suite_itself_is_collected() -> None:
    checks = coverage.collect()

    assert all(name in CATALOGUE for name in checks)
    assert any("nop/test_ping.py" in check for check in checks["RFC7143-11.19-02"])
