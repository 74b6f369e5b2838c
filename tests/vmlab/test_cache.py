# SPDX-License-Identifier: GPL-2.0-only
"""The cache: made once, never half made."""

from pathlib import Path

import pytest

from vmlab import cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))


def test_a_thing_is_made_once() -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("it")

    first = cache.get("thing", cache.key(a=1), make)
    second = cache.get("thing", cache.key(a=1), make)
    other = cache.get("thing", cache.key(a=2), make)

    assert first == second != other
    assert first.read_text() == "it"
    assert len(made) == 2


def test_what_failed_half_way_is_made_anew(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        cache.get("thing", "x", fail)

    whole = cache.get("thing", "x", lambda path: path.mkdir())
    assert whole.is_dir()
    assert not list(tmp_path.glob("thing/.making-*"))


def test_the_key_changes_with_every_ingredient() -> None:
    keys = {cache.key(), cache.key(a=1), cache.key(a="1"), cache.key(b=1)}

    assert len(keys) == 4
