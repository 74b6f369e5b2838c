# SPDX-License-Identifier: GPL-2.0-only
"""Matrix files: what they combine, and what is said of wrong ones."""

from pathlib import Path

import pytest

from suites import matrix
from targets.scst.addition import ForKernel
from targets.scst.patches import Way
from vmlab.build.kernel import Order
from vmlab.errors import LabError

WHOLE = """
[[kernel]]
name = "debian"
source = "debian"

[[kernel]]
name = "patched"
source = "linux.tar.xz"
patches = ["fixes", "own.patch"]

[[scst]]
name = "head"
source = "../scst"
way = "modules"
mode = "debug"

[[config]]
name = "plain"

[[config]]
name = "checked"
fragments = ["kasan", "own.config"]

[suite]
target = "scst"
arguments = ["--area", "login"]
"""


def load(tmp_path: Path, text: str) -> list[matrix.Row]:
    path = tmp_path / "matrix.toml"
    path.write_text(text)
    return matrix.load(path)


def test_all_is_combined_with_all(tmp_path: Path) -> None:
    (tmp_path / "linux.tar.xz").touch()
    (tmp_path / "own.config").touch()

    rows = load(tmp_path, WHOLE)

    assert [row.name for row in rows] == [
        "debian_head_plain",
        "debian_head_checked",
        "patched_head_plain",
        "patched_head_checked",
    ]
    assert rows[-1].order == Order(
        str(tmp_path / "linux.tar.xz"),
        (tmp_path / "fixes", tmp_path / "own.patch"),
        ("kasan", str(tmp_path / "own.config")),
        ForKernel(tmp_path / ".." / "scst", Way.MODULES),
    )


def test_a_kernel_alone_is_enough(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "debian"\n')

    assert (row.name, row.target, row.order) == ("k_plain", "lio", Order("debian"))


def test_the_suite_is_told_the_kernel_and_the_sources(tmp_path: Path) -> None:
    words = matrix.command(load(tmp_path, WHOLE)[0])

    assert "--target=scst" in words
    assert "--kernel=debian_head_plain" in words
    assert "--scst-mode=debug" in words
    assert f"--scst-source={tmp_path / '..' / 'scst'}" in words
    assert words[-2:] == ["--area", "login"]


def test_a_kernel_is_built_in_a_machine_where_it_says_so(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "debian"\nin_vm = true\n')

    assert row.order == Order("debian", in_vm=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it names no kernel"),
        ("[[kernel]\n", "line 1"),
        ("[[kernels]]\n", "there is no table kernels; known: kernel, scst, config"),
        ("[kernel]\nname = 'k'\n", r"write \[\[kernel\]\]"),
        ("[[kernel]]\nname = 'k'\n", "kernel 1 has no source"),
        ("[[kernel]]\nsource = 'debian'\n", "kernel 1 has no name"),
        (
            "[[kernel]]\nname='k'\nsource='debian'\npatch=['x']\n",
            "kernel 1 has an unknown key patch; known: in_vm, name, patches, source",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\nin_vm='yes'\n",
            "kernel k: in_vm is 'yes', not true or false",
        ),
        (
            "[[kernel]]\nname='k'\nsource='a'\n[[kernel]]\nname='k'\nsource='b'\n",
            "kernel k is there twice",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\n[suite]\ntarget='scst'\n",
            "target is scst, but there is no table scst",
        ),
        (
            "[[kernel]]\nname='k'\nsource='debian'\n[suite]\ntarget='tgt'\n",
            "target 'tgt' is none of",
        ),
        (
            WHOLE.replace("modules", "magic"),
            "the way 'magic' is none of classic, in-tree, modules",
        ),
    ],
)
def test_a_file_that_makes_no_sense(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(LabError, match=said) as caught:
        load(tmp_path, text)

    assert str(caught.value).startswith(str(tmp_path / "matrix.toml"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"matrix\.toml: No such file"):
        matrix.load(tmp_path / "matrix.toml")


def test_a_kernel_that_cannot_be_built_is_a_result(tmp_path: Path) -> None:
    (row,) = load(tmp_path, '[[kernel]]\nname = "k"\nsource = "nowhere"\n')

    result = matrix.run(row)

    assert not result.is_good
    assert str(result).startswith("FAILED  k_plain: there are no sources nowhere")
