# SPDX-License-Identifier: GPL-2.0-only
"""The files of docs/targets, and the keys that docs/own-target.md names."""

from pathlib import Path

import msgspec
import pytest

from targets.own import hooks, provider
from targets.own.file import load
from targets.own.hooks import HooksTable, OperatorTable

_DOCS = Path(__file__).parents[3] / "docs"
_FILES = sorted((_DOCS / "targets").glob("*.toml"))


def test_there_is_one_of_each_kind() -> None:
    names = {path.stem for path in _FILES}

    assert names == {"tgt", "lio", "scst", "truenas", "spdk", "labgrid", "redfish"}


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_a_ready_file_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The programs that a file runs need not be installed here.
    monkeypatch.setattr(hooks, "find_program", lambda word, _folder: f"/usr/bin/{word}")

    provided = provider.read(path)

    assert {"restart", "power_cycle"} & provided.hooks.commands.keys()
    assert provided.file.target[0].unit


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_a_ready_file_is_named(path: Path) -> None:
    assert load(path).label
    assert f"(targets/{path.name})" in (_DOCS / "own-target.md").read_text()


def _keys(table: type[msgspec.Struct]) -> list[str]:
    return [one.name for one in msgspec.structs.fields(table)]


@pytest.mark.parametrize("key", [*_keys(HooksTable), *_keys(OperatorTable)])
def test_every_command_is_documented(key: str) -> None:
    text = (_DOCS / "own-target.md").read_text()

    assert f"`{key}`" in text or f"[hooks.{key}]" in text
