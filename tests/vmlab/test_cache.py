# SPDX-License-Identifier: GPL-2.0-only
"""The cache: made once, never half made."""

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vmlab import cache
from vmlab.errors import LabError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))


def test_a_thing_is_made_once() -> None:
    made_paths: list[Path] = []

    def make(path: Path) -> None:
        made_paths.append(path)
        path.write_text("it")

    first = cache.get("thing", cache.key(a=1), make)
    second = cache.get("thing", cache.key(a=1), make)
    other = cache.get("thing", cache.key(a=2), make)

    assert first == second != other
    assert first.read_text() == "it"
    assert len(made_paths) == 2


def test_what_failed_half_way_is_made_anew(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        cache.get("thing", "x", fail)

    cached = cache.get("thing", "x", lambda path: path.mkdir())
    assert cached.is_dir()
    assert not list(tmp_path.glob("thing/.making-*"))


def test_the_key_changes_with_every_ingredient() -> None:
    keys = {cache.key(), cache.key(a=1), cache.key(a="1"), cache.key(b=1)}

    assert len(keys) == 4


_MAKER = """
import sys, time
from vmlab import cache

def make(path):
    path.write_text("half")
    print("making", flush=True)
    time.sleep(600)

cache.get("thing", "x", make)
"""


def test_what_a_killed_maker_left_is_made_anew(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _MAKER],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "making\n"
        assert [path.name for path in tmp_path.glob("thing/.making-*/*")] == ["it"]
        maker.kill()

    cached = cache.get("thing", "x", lambda path: path.mkdir())

    assert cached.is_dir()
    assert list((tmp_path / "thing").iterdir()) == [cached]


def test_two_that_ask_at_once_make_it_once(tmp_path: Path) -> None:
    made_paths: list[Path] = []
    is_making = threading.Event()

    def make(path: Path) -> None:
        made_paths.append(path)
        is_making.set()
        path.write_text("it")

    def late(path: Path) -> None:
        raise AssertionError(f"{path} is made twice")

    first = threading.Thread(target=cache.get, args=["thing", "x", make])
    first.start()
    assert is_making.wait(60)
    cached = cache.get("thing", "x", late)
    first.join(60)

    assert cached.read_text() == "it"
    assert len(made_paths) == 1
    assert list((tmp_path / "thing").iterdir()) == [cached]


def test_a_sweep_removes_abandoned_work(tmp_path: Path) -> None:
    (tmp_path / "thing" / ".making-dead").mkdir(parents=True)
    (tmp_path / "thing" / ".dead.lock").touch()

    def make(path: Path) -> None:
        cache.sweep()
        path.write_text("it")

    cached = cache.get("thing", "alive", make)

    assert list((tmp_path / "thing").iterdir()) == [cached]


def test_a_cache_that_cannot_be_written_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))

    with pytest.raises(LabError, match=r"cannot be used: Not a directory; .*CACHE"):
        cache.folder()


def test_a_cache_that_is_full_is_reported_in_one_line() -> None:
    def fill(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with pytest.raises(LabError, match="cannot be used: No space left"):
        cache.get("thing", "x", fill)


def test_only_what_the_lab_has_made_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "precious").touch()

    with pytest.raises(LabError, match="which the lab did not create"):
        cache.clear()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    cache.folder()
    cache.clear()

    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:30 / /home rw,relatime shared:5 - nfs4 server:/home rw,local_lock=none
41 40 254:1 / /home/fast\\040disk rw,relatime - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/cache", "ext4"),
        ("/home/user/.cache", "nfs4"),
        ("/home/fast disk/cache", "xfs"),
        ("/homes", "ext4"),
    ],
)
def test_a_path_is_on_the_innermost_file_system(
    path: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(cache, "_MOUNTS", mounts)

    assert cache.file_system(Path(path)) == kind


def test_a_cache_that_hosts_may_share_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"40 22 0:30 / {tmp_path} rw - nfs server:/home rw\n")
    monkeypatch.setattr(cache, "_MOUNTS", mounts)

    with pytest.raises(
        LabError, match=r"on a network file system \(nfs\); each host needs"
    ):
        cache.folder()
