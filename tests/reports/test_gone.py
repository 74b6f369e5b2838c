# SPDX-License-Identifier: GPL-2.0-only
"""A listed deviation that did not show is shown on every surface."""

import json

from reports.changes import changes
from reports.compare import compare, lines
from reports.compare import page as comparison
from reports.findings import findings
from reports.github import annotations
from reports.gone import gone
from reports.markdown import findings_markdown
from reports.model import Check, Entry, Outcome
from reports.statement import as_data, markdown, page, state
from reports.terminal import gone_lines, head, table
from tests.reports.samples import ECHO, TAG, broken, passed, run_of

WHAT = "the NOP-In <b>echoes\x1b[31m</b> nothing"
ENTRY = Entry(requirement=ECHO, what=WHAT, version="1", file="a/tgt.toml")
OTHER = Entry(requirement=TAG, what="another tag", version="1", file="a/tgt.toml")


def absent(name: str, entry: Entry = ENTRY) -> Check:
    return Check(
        check=name,
        outcome=Outcome.GONE,
        requirements=(entry.requirement,),
        gone=entry,
    )


RUN = run_of([absent("a.py::test_a"), absent("a.py::test_b"), passed("a.py::test_c")])


def test_an_entry_is_gone_once_whatever_it_lists() -> None:
    observed = broken("c.py::d", TAG, outcome=Outcome.DEVIATES, deviation=OTHER.what)
    run = run_of([absent("b.py::b", OTHER), *RUN.checks, observed])

    first, second = gone(run)

    assert [check.check for check in first.checks] == ["a.py::test_a", "a.py::test_b"]
    assert (first.still, second.still) == (0, 1)
    assert "remove" in first.advice
    assert "still shows in 1 other check" in second.advice
    assert [one.is_known for one in findings(run)] == [True]


def test_every_surface_shows_it_and_escapes_it() -> None:
    stated = state(RUN)
    compared = compare([RUN, RUN])
    surfaces = {
        "terminal": "\n".join(one.text for one in gone_lines(RUN, 200)),
        "findings": findings_markdown(RUN, ()),
        "statement": markdown(stated),
        "page": page(stated),
        "comparison": comparison(compared),
        "compare": "\n".join(lines(compared)),
        "github": "\n".join(annotations(stated)),
    }

    for name, text in surfaces.items():
        assert "echoes\\x1b[31m" in text, name
        assert "\x1b" not in text, name
        assert ECHO in text, name
        assert "a/tgt.toml" in text, name
    assert "<b>" not in surfaces["page"] + surfaces["comparison"]
    (entry,) = as_data(stated)["gone"]
    assert entry["checks"] == ["a.py::test_a", "a.py::test_b"]
    assert json.dumps(entry)


def test_a_run_with_a_deviation_gone_is_not_called_clean() -> None:
    words = [line.text for line in head(RUN, ())]

    assert words == ["1 listed deviation did not show, in 2 checks"]
    assert "deviation gone" in table(RUN.checks)[0].text
    assert state(RUN).verdict == (
        "1 of 1 requirements that were tested hold; 1 listed deviation did not show"
    )


def test_a_deviation_that_goes_is_better_and_its_finding_is_gone() -> None:
    observed = broken("a.py::test_a", outcome=Outcome.DEVIATES, deviation=WHAT)

    changed = changes(run_of([observed]), run_of([absent("a.py::test_a")]), ("a", "b"))

    assert [one.after.outcome for one in changed.better] == [Outcome.GONE]
    assert not changed.worse
    assert len(changed.gone_findings) == 1
