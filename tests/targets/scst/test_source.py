# SPDX-License-Identifier: GPL-2.0-only
"""What is said of folders that hold SCST, and of those that do not."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from targets.scst import source
from tests.targets.scst import standin
from vmlab import cache
from vmlab.errors import LabError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


def test_a_checkout_is_taken_as_it_is(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")

    opened = source.open_source(root)

    assert opened == source.Source(root, standin.VERSION)


def test_an_old_release_has_its_version_in_another_file(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")
    (root / "scst/include/scst_const.h").unlink()
    header = '#define SCST_VERSION_STRING        "1.0.1"\n'
    (root / "scst/include/scst.h").write_text(header)

    assert source.open_source(root).version == "1.0.1"


def test_a_tree_without_a_version_is_refused(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")
    (root / "scst/include/scst_const.h").write_text("")

    with pytest.raises(LabError, match="does not name its version"):
        source.open_source(root)


def test_tarballs_are_laid_out_as_a_checkout(tmp_path: Path) -> None:
    folder = standin.tarballs(tmp_path)

    opened = source.open_source(folder)
    second = source.open_source(folder)

    assert opened == second
    assert opened.version == "3.0.0"
    assert {path.name for path in opened.root.iterdir()} == set(source.COMPONENTS)
    assert (opened.root / "iscsi-scst/kernel/patches").is_dir()


def test_one_tarball_may_hold_it_all(tmp_path: Path) -> None:
    tree = standin.checkout(tmp_path / "tree", "3.7.0")
    (tmp_path / "one").mkdir()
    with tarfile.open(tmp_path / "one" / "scst-3.7.0.tar.bz2", "w:bz2") as archive:
        archive.add(tree, "scst-3.7.0")

    opened = source.open_source(tmp_path / "one")

    assert opened.version == "3.7.0"
    assert (opened.root / "scripts/generate-kernel-patch").exists()
    assert {path.name for path in opened.root.iterdir()} == {
        path.name for path in tree.iterdir()
    }


def test_a_tarball_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = standin.tarballs(tmp_path)
    (folder / "iscsi-scst-3.0.0.tar.bz2").unlink()

    with pytest.raises(LabError, match=r"^iscsi-scst/include/iscsi_scst.h is in none"):
        source.open_source(folder)


def test_a_broken_tarball_is_named(tmp_path: Path) -> None:
    folder = standin.tarballs(tmp_path)
    (folder / "scst-3.0.0.tar.bz2").write_bytes(b"no archive")

    with pytest.raises(LabError, match=r"scst-3\.0\.0\.tar\.bz2 cannot be unpacked"):
        source.open_source(folder)


@pytest.mark.parametrize(
    ("make", "expected_message"),
    [
        (lambda path: path.exists(), "there is no folder"),
        (lambda path: path.touch(), "is not a folder"),
        (lambda path: path.mkdir(), "scst/include/scst.h and iscsi-scst/.* missing"),
    ],
)
def test_what_is_no_source_is_refused_with_the_way_to_one(
    tmp_path: Path, make: Callable[[Path], object], expected_message: str
) -> None:
    make(tmp_path / "it")

    with pytest.raises(LabError, match=expected_message) as caught:
        source.locate(tmp_path / "it")

    assert caught.value.hint == source.HOW_TO_GET
    assert "\n" not in str(caught.value)


def test_the_hash_is_that_of_the_sources_alone(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")
    opened = source.open_source(root)
    before = opened.digest()

    (root / "scst/src/scst.ko").write_text("left by a build")
    (root / ".git").mkdir()
    (root / ".git/HEAD").write_text("elsewhere")
    same = opened.digest()
    (root / "scst/src/scst_main.c").write_text("int x;")

    assert same == before != opened.digest()
