# SPDX-License-Identifier: GPL-2.0-only
import re
from pathlib import Path

import pytest

from iscsi.scsi.formats import FORMATS, Format
from iscsi.situations import KINDS, Kind
from reports.suites import ROOT
from suites.ledger import CHECKS, LedgerError, ledger, main, page
from suites.support.situations import PROVOCATIONS, UNPROVOKED

ROWS = ledger()


def test_every_field_that_a_target_sends_is_in_it() -> None:
    listed = [(row.pdu, row.field, row.situation) for row in ROWS]

    kinds: dict[str, Kind | Format] = {**KINDS, **FORMATS}
    assert listed == [
        (name, field, situation)
        for name, kind in kinds.items()
        for situation in kind.situations
        for field in kind.fields
    ]


def test_every_situation_of_a_pdu_is_provoked_or_has_a_reason() -> None:
    situations = {f"{row.pdu}@{row.situation}" for row in ROWS if row.pdu in KINDS}

    assert situations == {*PROVOCATIONS, *UNPROVOKED}
    assert not PROVOCATIONS.keys() & UNPROVOKED.keys()


def test_the_page_is_what_the_rules_say() -> None:
    written = (ROOT / "docs/field-ledger.md").read_text()

    assert written == page(ROWS), "iscsi-assay ledger --write docs/field-ledger.md"


@pytest.mark.parametrize(
    "check", sorted({row.check.partition("[")[0] for row in ROWS if row.check})
)
def test_each_check_is_there(check: str) -> None:
    path, _, function = check.partition("::")

    text = (ROOT / path).read_text()
    assert path.startswith(CHECKS)
    assert re.search(rf"^def {function or 'test_'}", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rule]]\npdu = 7", "rule"),
        ("[[rule]]\nfeild = ['lun']", "feild"),
        ("[[rule]]\nfield = ['lun']", "needs `check` or `reason`"),
        ("[[rule]]\ncheck = 'x.py'\nreason = 'y'", "needs `check` or `reason`"),
        ("[[rule]]\npdu = ['R2T']\ncheck = 'x.py'", "no rule for reserved1"),
        ("[[rule", "ledger.toml"),
    ],
)
def test_a_wrong_ledger_gets_one_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "ledger.toml"
    path.write_text(text)

    with pytest.raises(LedgerError, match=re.escape(complaint)) as raised:
        ledger(path)

    assert "\n" not in str(raised.value)


@pytest.mark.integration
def test_a_wrong_field_is_noticed_in_its_situation_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["R2T.reserved2@*", "Reject.final@always", "NOPIn.lun@answer"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [line.split() for line in lines] == [
        ["R2T.reserved2@first", "noticed"],
        ["R2T.reserved2@later", "noticed"],
        ["Reject.final@always", "noticed"],
        ["3", "fields:", "3", "noticed,", "0", "missed"],
    ]


@pytest.mark.lab
def test_a_share_of_all_wrong_fields_is_noticed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["--shard", "1/7"])

    assert status == 0, capsys.readouterr().out
