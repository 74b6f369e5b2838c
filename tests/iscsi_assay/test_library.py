# SPDX-License-Identifier: GPL-2.0-only
"""The examples of docs/library.md, run in order, and what a wrong argument says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from initiator.connection import Connection
from initiator.login import LoginOptions
from initiator.scripting import sr1
from initiator.session import Session
from iscsi.address import Portal
from iscsi.pdu import PDU, LogoutRequest, LogoutResponse, NOPOut, TextRequest
from reports.suites import ROOT
from targets import RunningTarget, parse

PAGE = ROOT / "docs" / "library.md"
URL = "iscsi://127.0.0.1:3260/iqn.2001-04.com.example:assay.target/0"

_EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningTarget]:
    """The reference target."""
    with parse("reference") as target:
        yield target


@pytest.fixture
def session(running: RunningTarget) -> Iterator[Session]:
    """A session with it."""
    options = LoginOptions(target_name=running.target.name)
    with Session(running.portal, options) as opened:
        yield opened


@pytest.mark.integration
def test_the_examples_of_the_page_run(
    running: RunningTarget,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text()
    assert text.count(URL) == 1
    unit = running.target.default_lun
    text = text.replace(URL, f"iscsi://{running.portal}/{running.target.name}/{unit}")
    table: dict[str, Any] = {}

    for source in _EXAMPLE.findall(text):
        exec(compile(source, PAGE.name, "exec"), table)  # noqa: S102  # our own page

    printed = capsys.readouterr().out
    assert table["result"].is_good
    assert len(table["result"].data) == 2 * 512
    assert table["pong"].data == b"are you there?"
    assert table["answer"] is None
    assert "closed: True\n" in printed
    assert table["response"].status == 0
    assert b"HeaderDigest=CRC32C\0" in bytes(table["response"].data)
    assert (tmp_path / "session.pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (NOPOut(data=b"1", immediate=1), "NOPIn"),
        (TextRequest(data=b"SendTargets=\0"), "TextResponse"),
        (NOPOut(data=b"1", immediate=1, reserved1=1, opcode=0x1F), "Reject"),
    ],
)
def test_sr1_returns_the_answer(session: Session, pdu: PDU, answer: str) -> None:
    received = sr1(session, pdu)

    assert received is not None
    assert type(received).__name__ == answer
    assert session.ping(b"2").data == b"2"


@pytest.mark.integration
def test_sr1_passes_over_what_answers_something_else(session: Session) -> None:
    session.send(NOPOut(data=b"first", immediate=1))

    answer = sr1(session, LogoutRequest(immediate=1))

    assert isinstance(answer, LogoutResponse)


def test_a_portal_that_is_none_is_named() -> None:
    with pytest.raises(TypeError, match=r"portal: '127\.0\.0\.1' is no Portal, such"):
        Connection("127.0.0.1")  # type: ignore[arg-type]


def test_options_that_are_none_are_named() -> None:
    with pytest.raises(TypeError, match=r"options: 'iqn\.x' is no LoginOptions"):
        Session(Portal("127.0.0.1"), "iqn.x")  # type: ignore[arg-type]


@pytest.mark.integration
def test_a_cdb_that_is_no_bytes_is_named(session: Session) -> None:
    with pytest.raises(TypeError, match="cdb: 'READ' is not of type bytes"):
        session.execute("READ")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="write: 3 is not of type bytes"):
        session.execute(bytes(6), write=3)  # type: ignore[arg-type]
