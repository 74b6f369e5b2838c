# SPDX-License-Identifier: GPL-2.0-only
import json
import shutil
from pathlib import Path

import pytest

from reports import html
from reports.__main__ import main
from tests.tools import missing

RESULT = {
    "uuid": "1",
    "name": "The target answers",
    "status": "passed",
    "start": 1,
    "stop": 2,
    "labels": [{"name": "epic", "value": "RFC 7143"}],
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "1-result.json").write_text(json.dumps(RESULT))
    return folder


def test_an_empty_folder_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["html", str(tmp_path / "none"), "-o", str(tmp_path / "out")])

    assert code == 2
    assert "holds no Allure results" in capsys.readouterr().out


def test_without_node_the_results_stay_and_it_says_so(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _program: None)

    code = main(["html", str(results), "-o", str(results.parent / "out")])

    assert code == 0
    printed = capsys.readouterr().out
    assert "needs Node.js" in printed
    assert str(results) in printed
    assert any(results.iterdir())


@pytest.mark.integration
@pytest.mark.parametrize("is_relative", [False, True])
def test_the_page_is_one_file_with_everything_in_it(
    results: Path, monkeypatch: pytest.MonkeyPatch, is_relative: bool
) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("npm is missing: install nodejs and npm")

    folder = results.parent
    if is_relative:
        # As `make conformance` has them.
        monkeypatch.chdir(folder.parent)
        folder = Path(folder.name)
    page = html.build(folder / results.name, folder / "out" / "report")

    text = page.read_text(encoding="utf-8")
    assert "<html" in text
    assert len(text) > 1_000_000
