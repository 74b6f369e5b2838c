# SPDX-License-Identifier: GPL-2.0-only
"""Which patches of SCST's go with which kernel."""

from pathlib import Path

import pytest

from targets.scst import patches
from targets.scst.patches import Way
from targets.scst.source import Source, open_source
from tests.targets.scst import standin
from tests.tools import require
from vmlab import tool, versions
from vmlab.errors import LabError


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source(standin.checkout(tmp_path / "scst"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A kernel's sources, as far as they are looked at."""
    folder = tmp_path / "tree" / "drivers" / "scsi" / "qla2xxx"
    folder.mkdir(parents=True)
    (folder / "qla_os.c").touch()
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("text", "series", "level", "build", "is_rhel"),
    [
        ("2.6.32", (2, 6, 32), (), 0, False),
        ("2.6.32-279.el6", (2, 6, 32), (), 279, True),
        ("3.10.0-1160.108.1.el7", (3, 10), (0,), 1160, True),
        ("6.1.192", (6, 1), (192,), 0, False),
        ("6.1.0-56-amd64", (6, 1), (0,), 56, False),
        ("6.1.0-rc3", (6, 1), (0,), 0, False),
    ],
)
def test_versions_of_kernels(
    text: str,
    series: tuple[int, ...],
    level: tuple[int, ...],
    build: int,
    is_rhel: bool,
) -> None:
    version = versions.parse(text)

    assert (version.series, version.level) == (series, level)
    assert (version.build, version.is_rhel) == (build, is_rhel)


@pytest.mark.parametrize("text", ["", "six", "6", "v6.1"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(LabError, match="is not a kernel version"):
        versions.parse(text)


@pytest.mark.parametrize(
    ("kernel", "names"),
    [
        (
            "2.6.32",
            ["put_page_callback-2.6.32.patch", "scst_exec_req_fifo-2.6.32.patch"],
        ),
        ("2.6.39", ["put_page_callback-2.6.39.patch"]),
        ("3.7.9", ["put_page_callback-3.7.patch"]),
        ("3.7.10", ["put_page_callback-3.7.10.patch"]),
        ("3.12.30", ["put_page_callback-3.12.11.patch"]),
        (
            "2.6.32-279.el6",
            ["put_page_callback-2.6.32-279.patch", "scst_exec_req_fifo-2.6.32.patch"],
        ),
        (
            "2.6.32-358.el6",
            ["put_page_callback-2.6.32-279.patch", "scst_exec_req_fifo-2.6.32.patch"],
        ),
    ],
)
def test_old_kernels_take_the_classic_patches(
    source: Source, kernel: str, names: list[str]
) -> None:
    version = versions.parse(kernel)

    plan = patches.choose(source, version)

    assert plan.way is Way.CLASSIC
    assert [path.name for path in plan.patches] == names
    assert all(path.exists() for path in plan.patches)
    assert all((path.parent.name == "rhel") == version.is_rhel for path in plan.patches)
    assert plan.options == patches.CLASSIC_OPTIONS


@pytest.mark.parametrize("kernel", ["6.1.192", "4.19.317", "3.10.0-1160.el7"])
def test_new_kernels_take_the_generated_patch(source: Source, kernel: str) -> None:
    plan = patches.choose(source, versions.parse(kernel))

    assert (plan.way, plan.patches) == (Way.IN_TREE, ())
    assert "CONFIG_SCST_ISCSI=m" in plan.options


@pytest.mark.parametrize("name", [patches.GENERATOR, "srpt"])
def test_modules_are_found_without_the_complete_tree(source: Source, name: str) -> None:
    (source.root / name).rename(source.root / "elsewhere")

    plan = patches.choose(source, versions.parse("6.1.192"))

    assert plan == patches.Plan(Way.MODULES)


def test_the_method_may_be_chosen(source: Source) -> None:
    old = versions.parse("3.12.30")

    assert patches.choose(source, old, Way.MODULES).patches == ()
    assert patches.choose(source, old, Way.IN_TREE).way is Way.IN_TREE


def test_a_way_that_leads_nowhere_is_refused(source: Source) -> None:
    new = versions.parse("6.1.192")
    with pytest.raises(LabError, match=r"no put_page.*6\.1\.192; it has them from"):
        patches.choose(source, new, Way.CLASSIC)

    (source.root / patches.GENERATOR).unlink()
    with pytest.raises(LabError, match="have no scripts/generate-kernel-patch; give"):
        patches.choose(source, new, Way.IN_TREE)


@pytest.mark.integration
def test_the_generator_is_run_in_a_copy(
    source: Source, tree: Path, tmp_path: Path
) -> None:
    require("sh")
    before = source.digest()

    patches.generate(source, versions.parse("6.1.192"), tree, tmp_path / "scst.patch")

    text = (tmp_path / "scst.patch").read_text()
    assert "+++ linux-6.1.192/drivers/scst/Kconfig" in text
    assert "Warning" not in text
    assert source.digest() == before
    assert {path.name for path in tmp_path.iterdir()} == {"scst", "tree", "scst.patch"}


@pytest.mark.integration
def test_a_kernel_that_the_generator_does_not_know(
    source: Source, tree: Path, tmp_path: Path
) -> None:
    with pytest.raises(LabError, match=r"makes no patch for kernel 2\.4\.37") as caught:
        patches.generate(source, versions.parse("2.4.37"), tree, tmp_path / "p")

    assert "is not supported" in caught.value.log


def test_a_generator_that_needs_a_program_more_says_which(
    source: Source, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source.root / "scripts" / "specialize-patch").write_text("#!/usr/bin/gawk -f\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tool, "SBIN", str(tmp_path))

    with pytest.raises(LabError, match="gawk is not installed; apt-get install gawk"):
        patches.generate(source, versions.parse("6.1.192"), tree, tmp_path / "p")
