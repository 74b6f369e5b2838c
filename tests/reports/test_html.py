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


def test_an_empty_folder_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, words in (("", "holds no Allure results"), ("no", "does not exist")):
        code = main(["html", str(tmp_path / name), "-o", str(tmp_path / "out")])

        assert code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line


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


@pytest.mark.parametrize(
    "generator", [html.ALLURE_3, html.ALLURE_2], ids=lambda one: one.package
)
def test_each_package_of_a_generator_has_a_digest_and_no_address(
    generator: html.Generator,
) -> None:
    request = json.loads((generator.locked / "package.json").read_text())
    lock = json.loads((generator.locked / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}

    assert request["dependencies"] == {generator.package: generator.version}
    assert lock["packages"][""]["dependencies"] == request["dependencies"]
    assert packages
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert not any("resolved" in one for one in packages.values())
    assert not any(one.get("hasInstallScript") for one in packages.values())


def test_npm_keeps_to_the_lock_and_runs_no_scripts(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def run(command: list[str], folder: Path, _seconds: int) -> None:
        commands.append((command, sorted(path.name for path in folder.iterdir())))

    monkeypatch.setattr(html, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(html, "_choose", lambda: html.ALLURE_3)
    monkeypatch.setattr(html, "_run", run)

    with pytest.raises(html.ReportError, match="without its program"):
        html.build(results, tmp_path / "out")

    ((command, files),) = commands
    assert command[:3] == ["npm", "ci", "--ignore-scripts"]
    assert files == ["package-lock.json", "package.json"]


@pytest.mark.integration
@pytest.mark.parametrize("is_relative", [False, True])
def test_the_page_is_one_file_with_everything_in_it(
    results: Path, monkeypatch: pytest.MonkeyPatch, is_relative: bool
) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("npm is missing: install nodejs and npm")

    folder = results.parent
    if is_relative:
        # The files that `make conformance` writes.
        monkeypatch.chdir(folder.parent)
        folder = Path(folder.name)
    page = html.build(folder / results.name, folder / "out" / "report")

    text = page.read_text(encoding="utf-8")
    assert "<html" in text
    assert len(text) > 1_000_000
