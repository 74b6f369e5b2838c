# SPDX-License-Identifier: GPL-2.0-only
import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.categories import CHECK, LABEL, by_label, settle, verdict
from reports.html import _seal
from reports.model import Check, Outcome, Phase
from spec import load
from tests.reports.samples import ECHO, LONE_SHOULD, broken, killed, passed

PAGE = """<!DOCTYPE html><html><head lang="en"><title>x</title></head><body>
<script async src="https://www.example.com/gtag/js?id=G-1"></script>
<script>
    window.dataLayer = window.dataLayer || [];
    gtag('config', 'G-1');
</script>
<script>own()</script></body></html>"""


@pytest.mark.parametrize(
    ("check", "label"),
    [
        (broken("a.py::a"), "a MUST is broken"),
        (broken("a.py::a", ending=killed()), "the target dies"),
        (
            broken("a.py::a", LONE_SHOULD, outcome=Outcome.WARNED),
            "a SHOULD is not followed",
        ),
        (broken("a.py::a", outcome=Outcome.DEVIATES), "known deviation"),
        (Check(check="a", outcome=Outcome.TROUBLE, requirements=(ECHO,)), "trouble"),
        (passed("a.py::a"), "passed"),
    ],
)
def test_each_verdict_is_in_one_category_by_its_label(check: Check, label: str) -> None:
    assert verdict(check, load()) == label

    categories = [
        rule["name"]
        for rule in by_label()
        if re.search(rule["matchers"]["labels"][LABEL], label)
    ]

    assert [name.lower() for name in categories] == (
        [] if label == "passed" else [label.lower()]
    )


def test_results_of_what_is_not_judged_are_corrected(tmp_path: Path) -> None:
    def result(name: str) -> dict[str, object]:
        labels = [
            {"name": LABEL, "value": "a MUST is broken"},
            {"name": CHECK, "value": name},
        ]
        return {"name": name, "status": "failed", "labels": labels}

    for name in ("a", "b"):
        (tmp_path / f"{name}-result.json").write_text(json.dumps(result(name)))
    late_command = Check(
        check="a",
        outcome=Outcome.NOT_JUDGED,
        requirements=(ECHO,),
        rests_on="c",
        reason="it rests on text",
    )

    settle(tmp_path, [late_command, broken("b")])

    document = json.loads((tmp_path / "a-result.json").read_text())
    assert document["status"] == "skipped"
    assert document["labels"][0]["value"] == "not judged"
    assert document["statusDetails"]["message"] == "it rests on text (shown by c)"
    assert json.loads((tmp_path / "b-result.json").read_text()) == result("b")


def test_a_death_that_shows_after_its_check_corrects_the_result(tmp_path: Path) -> None:
    labels = [{"name": LABEL, "value": "passed"}, {"name": CHECK, "value": "a"}]
    file = tmp_path / "a-result.json"
    file.write_text(json.dumps({"status": "passed", "labels": labels}))

    settle(tmp_path, [broken("a", ending=replace(killed(), phase=Phase.AFTER))])

    document = json.loads(file.read_text())
    assert document["status"] == "failed"
    assert document["labels"][0]["value"] == "the target dies"
    assert document["statusDetails"]["message"] == "after the check: killed by SIGSEGV"


def test_a_page_loses_its_counter_and_gets_a_policy(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(PAGE)

    _seal(page)

    text = page.read_text()
    assert "example.com" not in text
    assert "dataLayer" not in text
    assert "<script>own()</script>" in text
    assert text.index("default-src data: blob:") < text.index("<title>")
