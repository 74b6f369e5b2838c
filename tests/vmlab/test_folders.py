# SPDX-License-Identifier: GPL-2.0-only
"""The folders of machines: whose they are, and when they go."""

from pathlib import Path

import pytest

from vmlab import cache, daemon, folders
from vmlab.errors import LabError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(daemon, "log_of", lambda name: tmp_path / f"{name}.log")


def leave_behind(name: str, *, owned: bool) -> None:
    claim = folders.claim(name)
    assert claim is not None
    folders.console(name).write_text("expected_message")
    claim.release()
    if owned:
        # A killed owner leaves the file but not the lock.
        (folders.machine_folder(name) / "lock").touch()


def left() -> set[str]:
    return {path.name for path in (cache.folder() / "machines").iterdir()}


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a b", "-all", "x" * 65])
def test_a_name_that_is_no_folders_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="not a valid name of a machine"):
        folders.machine_folder(name)


def test_a_folder_has_one_owner() -> None:
    claim = folders.claim("one")

    assert claim is not None
    assert folders.claim("one") is None
    claim.release()


def test_what_killed_runs_have_left_is_swept() -> None:
    leave_behind("killed", owned=True)
    leave_behind("by-hand", owned=False)
    claim = folders.claim("alive")
    assert claim is not None

    swept = list(folders.sweep(lambda _name: False))

    claim.release()
    assert swept == ["killed"]
    assert left() == {"by-hand", "alive"}


def test_all_that_is_over_is_swept_when_asked() -> None:
    leave_behind("killed", owned=True)
    leave_behind("by-hand", owned=False)
    leave_behind("up", owned=False)
    claim = folders.claim("alive")
    assert claim is not None

    swept = list(folders.sweep(lambda name: name == "up", every=True))

    claim.release()
    assert swept == ["by-hand", "killed"]
    assert left() == {"up", "alive"}
    assert not (folders.machine_folder("up") / "lock").exists()


def test_a_sweep_needs_no_folder() -> None:
    assert list(folders.sweep(lambda _name: False, every=True)) == []


def test_forgetting_takes_libvirts_log_along(tmp_path: Path) -> None:
    leave_behind("one", owned=False)
    log = tmp_path / "iscsi-assay-one.log"
    log.touch()

    folders.forget("one")

    assert left() == set()
    assert not log.exists()
