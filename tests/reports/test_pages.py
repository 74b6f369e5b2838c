# SPDX-License-Identifier: GPL-2.0-only
"""The pages in a browser: they load, filter, lead to evidence, and bear many rows."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports import compare, statement
from reports.findings_page import findings_page
from reports.templates import embedded
from tests.reports.browser import browse
from tests.reports.test_run import BAD, ECHO, GOOD

_PROBE = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")
_WIDTH = """<script>
window.addEventListener("load", () => {
  const width = document.documentElement.scrollWidth;
  document.title = `width ${width} of ${innerWidth}`;
});
</script>"""


def probe(page: Path, text: str, profile: Path) -> dict[str, object]:
    """Return what a page shows when it is used."""
    page.write_text(text.replace("</body>", f"<script>{_PROBE}</script></body>"))
    dom = browse(page, profile)
    assert "<title>ERROR" not in dom, dom[:400]
    displayed = dom.partition('<output id="seen">')[2].partition("</output>")[0]
    document: dict[str, object] = json.loads(unescape(displayed))
    return document


@pytest.mark.integration
def test_the_matrix_filters_and_leads_to_evidence(tmp_path: Path) -> None:
    page = compare.page(compare.compare([GOOD, BAD]))

    observed = probe(tmp_path / "c.html", page, tmp_path / "profile")

    assert observed["first"] == ECHO
    assert "NOP-In answer echoes ping data up to MaxRecvDataSegmentLength." in str(
        observed["text"]
    )
    assert observed["searched"] == [ECHO]
    assert observed["broken"] == [ECHO]
    assert ECHO in str(observed["different"])
    assert "<no> & echo" in str(observed["detail"])
    assert "NOPOut </script>" in str(observed["detail"])
    assert observed["expanded"] == "true"
    assert observed["hash"] == f"#{ECHO}/1"
    assert observed["focused"] == f"{ECHO}, tgt 1: holds"
    assert (observed["tabs"], observed["details"]) == (1, 1)


@pytest.mark.integration
def test_ten_thousand_rows_can_be_searched(tmp_path: Path) -> None:
    compared = compare.compare([GOOD, BAD])
    data = compare.as_data(compared)
    first = next(row for row in data["rows"] if row["id"] == ECHO)
    others = [row for row in data["rows"] if row["id"] != ECHO]
    many = {
        **data,
        "rows": [first]
        + [
            {**row, "id": f"{row['id']}-{number}"}
            for number in range(10_000 // len(others) + 1)
            for row in others
        ],
    }
    page = compare.page(compared).replace(embedded(data), embedded(many))

    observed = probe(tmp_path / "c.html", page, tmp_path / "profile")

    assert int(str(observed["drawn"])) == len(many["rows"]) > 10_000
    assert observed["searched"] == [ECHO]


@pytest.mark.integration
def test_the_comparison_opens_whatever_a_target_is_called(tmp_path: Path) -> None:
    named = {"target": "<!--<script>", "target.version": "2"}
    pair = [replace(run, environment=named) for run in (GOOD, BAD)]

    page = compare.page(compare.compare(pair))
    observed = probe(tmp_path / "c.html", page, tmp_path / "profile")

    assert int(str(observed["drawn"])) > 100


@pytest.mark.integration
def test_the_statement_loads(tmp_path: Path) -> None:
    statement.write(replace(BAD, toolkit="abc"), tmp_path)

    dom = browse(tmp_path / "statement.html", tmp_path / "profile")

    assert 'id="finding-1"' in dom
    assert f'id="{ECHO}"' in dom
    assert "c1 -&gt; NOPOut" in dom


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["statement", "findings", "compare"])
def test_a_page_fits_a_narrow_window(tmp_path: Path, kind: str) -> None:
    # Chromium's window has this minimum width.
    width = 500
    long = replace(
        BAD,
        environment={"target": "iqn.2026-11.example:" + "x" * 200},
        checks=tuple(
            replace(
                one,
                check=one.check + "[" + "A=1-" * 100 + "]",
                failure=one.failure and replace(one.failure, actual="0" * 1000),
            )
            for one in BAD.checks
        ),
    )
    text = {
        "statement": lambda: statement.page(statement.state(long)),
        "findings": lambda: findings_page(long),
        "compare": lambda: compare.page(compare.compare([long, GOOD, BAD])),
    }[kind]()
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", f"{_WIDTH}</body>"))

    dom = browse(page, tmp_path / "profile", width=width)

    match = re.search(r"<title>width (\d+) of (\d+)", dom)
    assert match is not None
    assert int(match[1]) <= int(match[2])


@pytest.mark.parametrize("kind", ["statement", "findings", "compare"])
def test_a_page_asks_no_network_for_anything(kind: str) -> None:
    text = {
        "statement": statement.page(statement.state(BAD)),
        "findings": findings_page(BAD),
        "compare": compare.page(compare.compare([GOOD, BAD])),
    }[kind]

    assert "default-src 'none'" in text
    assert not re.search(r"(src|srcset|@import|url\()\s*=?\s*[\"']?https?:", text)
    # Only the reader follows links.
    loaded = re.findall(r"<(?:script|img|iframe|link|object|embed)\b[^>]*>", text)
    assert all("http" not in tag for tag in loaded)
