# SPDX-License-Identifier: GPL-2.0-only
"""The pages in a browser: they load, filter, lead to evidence, and bear many rows."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports import compare, statement
from tests.reports.browser import browse
from tests.reports.test_run import BAD, ECHO, GOOD

pytestmark = pytest.mark.integration

_PROBE = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")


def probe(page: Path, text: str, profile: Path) -> dict[str, object]:
    """Return what a page shows when it is used."""
    page.write_text(text.replace("</body>", f"<script>{_PROBE}</script></body>"))
    dom = browse(page, profile)
    assert "<title>ERROR" not in dom, dom[:400]
    shown = dom.partition('<output id="seen">')[2].partition("</output>")[0]
    found: dict[str, object] = json.loads(
        shown.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    )
    return found


def test_the_matrix_filters_and_leads_to_evidence(tmp_path: Path) -> None:
    page = compare.page(compare.as_data([GOOD, BAD]))

    seen = probe(tmp_path / "c.html", page, tmp_path / "profile")

    assert seen["first"] == ECHO
    assert seen["searched"] == [ECHO]
    assert seen["broken"] == [ECHO]
    assert ECHO in str(seen["different"])
    assert "<no> & echo" in str(seen["detail"])
    assert "NOPOut </script>" in str(seen["detail"])
    assert seen["hash"] == f"#{ECHO}/1"
    assert seen["focused"] == f"{ECHO}, tgt 1: holds"


def test_ten_thousand_rows_are_drawn_as_needed(tmp_path: Path) -> None:
    data = compare.as_data([GOOD, BAD])
    first = next(row for row in data["rows"] if row["id"] == ECHO)
    others = [row for row in data["rows"] if row["id"] != ECHO]
    data["rows"] = [first] + [
        {**row, "id": f"{row['id']}-{number}"}
        for number in range(10_000 // len(others) + 1)
        for row in others
    ]

    seen = probe(tmp_path / "c.html", compare.page(data), tmp_path / "profile")

    assert len(data["rows"]) > 10_000
    assert 10 < int(str(seen["drawn"])) < 200
    assert seen["searched"] == [ECHO]


def test_the_statement_loads(tmp_path: Path) -> None:
    statement.write(replace(BAD, toolkit="abc"), tmp_path)

    dom = browse(tmp_path / "statement.html", tmp_path / "profile")

    assert f'<article id="{ECHO}">' in dom
    assert "c1 -&gt; NOPOut" in dom
