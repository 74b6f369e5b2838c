# SPDX-License-Identifier: GPL-2.0-only
"""Patches: found in order, applied whole or refused by name and hunk."""

from pathlib import Path

import pytest

from tests.tools import require
from tests.vmlab.build import standin
from vmlab.build import patches
from vmlab.errors import LabError


def test_a_folder_gives_its_patches_by_name(tmp_path: Path) -> None:
    for name in ("02-b.patch", "01-a.diff", "README", "10-c.patch"):
        (tmp_path / name).touch()

    checks = patches.collect([tmp_path / "10-c.patch", tmp_path])

    assert [path.name for path in checks] == [
        "10-c.patch",
        "01-a.diff",
        "02-b.patch",
        "10-c.patch",
    ]


def test_a_series_determines_the_order(tmp_path: Path) -> None:
    for name in ("a.patch", "b.patch", "c.patch"):
        (tmp_path / name).touch()
    (tmp_path / "series").write_text("# the order\nb.patch -p1\n\na.patch # last\n")

    assert [path.name for path in patches.collect([tmp_path])] == ["b.patch", "a.patch"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"there is no patch .*/mine\.patch"):
        patches.collect([tmp_path / "mine.patch"])
    with pytest.raises(LabError, match="contains no patch"):
        patches.collect([tmp_path])
    (tmp_path / "series").write_text("lost.patch\n")
    with pytest.raises(
        LabError, match=r"series names lost\.patch, which does not exist"
    ):
        patches.collect([tmp_path])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    require("patch")
    return standin.tree(tmp_path / "linux")


def content(tree: Path) -> dict[str, str]:
    return {
        str(path.relative_to(tree)): path.read_text()
        for path in tree.rglob("*")
        if path.is_file()
    }


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.patch"
    path.write_text(text)
    return path


@pytest.mark.integration
def test_a_patch_is_applied(tree: Path, tmp_path: Path) -> None:
    before = content(tree)

    patches.apply(tree, write(tmp_path, standin.PATCH))

    changed = standin.MAIN.replace("line 3\n", "line three\n")
    assert content(tree) == before | {"init/main.c": changed}


BAD_SECOND_HUNK = (
    standin.PATCH
    + """\
@@ -12,3 +12,3 @@
 line 12
-line thirteen
+line 13a
 line 14
"""
)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("text", "expected_message"),
    [
        (BAD_SECOND_HUNK, "does not apply: hunk 2 of init/main.c, at line 12"),
        (
            standin.PATCH.replace("main.c", "gone.c"),
            "there is no file init/gone.c",
        ),
        ("just words\n", "it contains no hunk"),
        (standin.PATCH.partition("+line three")[0], "malformed patch at line 5"),
    ],
)
def test_a_patch_that_does_not_apply_changes_nothing(
    tree: Path, tmp_path: Path, text: str, expected_message: str
) -> None:
    before = content(tree)

    with pytest.raises(LabError, match=expected_message) as caught:
        patches.apply(tree, write(tmp_path, text))

    assert caught.value.message.startswith("the patch own.patch does not apply: ")
    assert "\n" not in str(caught.value)
    assert content(tree) == before


@pytest.mark.integration
def test_a_patch_that_is_there_already(tree: Path, tmp_path: Path) -> None:
    path = write(tmp_path, standin.PATCH)
    patches.apply(tree, path)

    with pytest.raises(
        LabError, match=r"own\.patch is already applied to these sources"
    ):
        patches.apply(tree, path)
