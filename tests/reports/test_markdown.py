# SPDX-License-Identifier: GPL-2.0-only
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.__main__ import main
from reports.baseline import baseline
from reports.findings import findings
from reports.markdown import findings_markdown
from reports.model import Check, Outcome
from reports.printable import block, code, one_line, printable
from reports.run import NAME, write
from tests.reports.samples import ECHO, TAG, broken, killed, passed, run_of

NASTY = st.text(alphabet=st.characters() | st.sampled_from("`\x1b\x00\n<>|\u202e"))


@given(NASTY)
def test_nothing_that_is_shown_can_control_a_terminal(text: str) -> None:
    displayed = printable(text)

    assert all(part.isprintable() for part in displayed.split("\n"))
    assert one_line(text).isprintable()
    assert len(one_line(text, 10)) <= 10


@given(NASTY)
def test_code_ends_where_it_is_meant_to(text: str) -> None:
    displayed = code(text)

    fence = re.match("`+", displayed)
    assert fence is not None
    inner = displayed[len(fence[0]) : -len(fence[0])]
    assert displayed.endswith(fence[0])
    assert fence[0] not in re.findall("`+", inner)
    assert inner.strip(" ") == one_line(text)


@given(NASTY)
def test_a_block_ends_where_it_is_meant_to(text: str) -> None:
    first, *inner, last = block(text)

    fence = first.removesuffix("text")
    assert last == fence
    assert not any(line.startswith(fence) for line in inner)


def test_a_surrogate_is_shown_as_an_escape() -> None:
    # Invalid UTF-8 that was decoded with surrogateescape.
    assert printable("a\udcff\tb") == "a\\udcff b"


def test_each_finding_is_a_section_that_stands_by_itself() -> None:
    run = run_of(
        [
            broken("a.py::test_a", transcript="c1 -> NOPOut\nc1 <- `evil`\x1b[2J"),
            broken("b.py::test_b", TAG, "NOPIn", ending=killed()),
        ]
    )

    text = findings_markdown(run, findings(run))

    death = "The target dies (killed by SIGSEGV)"
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Findings: `tgt 1`",
        f"## 1. {death}: NOP-In answer has the ITT of the NOP-Out",
        "## 2. NOP-In answer echoes ping data up to MaxRecvDataSegmentLength",
    ]
    section = text.partition("## 2.")[2]
    for words in (
        "https://www.rfc-editor.org/rfc/rfc7143#section-11.19",
        "expected: what the clause demands",
        "actual: no answer in a.py::test_a",
        "c1 <- `evil`\\x1b[2J",
        "pytest suites/conformance/a.py::test_a --target=tgt",
    ):
        assert words in section
    assert "**the target dies**" in text


def test_the_command_writes_a_file_or_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / NAME, run_of([broken("a.py::test_a")]))
    page = tmp_path / "new" / "findings.md"

    assert main(["findings", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert main(["findings", str(tmp_path / NAME), "-o", str(page)]) == 0

    assert page.read_text(encoding="utf-8") == printed
    html = page.with_suffix(".html")
    assert main(["findings", str(tmp_path), "-o", str(html)]) == 0
    assert 'id="finding-1"' in html.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["findings", str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bundle_can_be_replayed() -> None:
    run = run_of([broken("a.py::test_a", bundle="a b.json")])

    text = findings_markdown(run, findings(run), Path("results/tgt/allure-results"))

    assert (
        "iscsi-assay replay 'results/tgt/bundles/a b.json' --target iscsi://HOST/NAME\n"
    ) in text


def test_a_baseline_has_an_entry_for_each_finding() -> None:
    run = run_of(
        [
            broken("a.py::test_a[1]"),
            broken("a.py::test_a[2]"),
            broken("b.py::test_b", TAG, "NOPIn", ending=killed()),
            broken("c.py::test_c", TAG, "x", ending=killed("", "free_it")),
            broken("d.py::test_d", TAG, outcome=Outcome.DEVIATES, deviation="I know"),
            passed("e.py::test_e"),
            Check(
                check="f.py::test_f",
                outcome=Outcome.NOT_JUDGED,
                requirements=(TAG,),
                rests_on="d.py::test_d",
            ),
        ]
    )

    text = baseline(run, findings(run))

    entries = {
        tuple(entry["checks"]): entry for entry in tomllib.loads(text)["deviation"]
    }
    assert set(entries) == {
        ("a.py::test_a[1]", "a.py::test_a[2]"),
        ("b.py::test_b",),
        ("c.py::test_c",),
        ("d.py::test_d", "f.py::test_f"),
    }
    assert entries["a.py::test_a[1]", "a.py::test_a[2]"] == {
        "requirement": ECHO,
        "checks": ["a.py::test_a[1]", "a.py::test_a[2]"],
        "what": "no answer in a.py::test_a[1]; expected: what the clause demands",
        "why": "RFC 7143 section 11.19: NOP-In answer echoes ping data up to "
        "MaxRecvDataSegmentLength",
        "version": "1",
    }
    assert entries[("b.py::test_b",)]["dies"] == "SIGSEGV"
    assert entries[("c.py::test_c",)]["dies"] == "free_it"
    assert entries["d.py::test_d", "f.py::test_f"]["what"] == "I know"


@given(NASTY)
def test_a_baseline_can_be_read_whatever_the_target_sent(text: str) -> None:
    run = run_of([broken("a.py::test_a", answer=text)], environment={"target": text})

    (entry,) = tomllib.loads(baseline(run, findings(run)))["deviation"]

    assert entry["what"].isprintable()


def test_a_baseline_of_a_target_that_follows_every_rule_is_empty() -> None:
    run = run_of([passed("a.py::test_a")])

    assert tomllib.loads(baseline(run, ())) == {}
