# SPDX-License-Identifier: GPL-2.0-only
"""The way of a kernel from sources to what is booted, with a stand-in for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import require
from tests.vmlab.build import standin
from vmlab import cache, debuginfo
from vmlab.build import kernel, sources
from vmlab.build.kernel import Order
from vmlab.errors import LabError
from vmlab.kernel import Kernel
from vmlab.versions import KernelVersion

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("make", "gcc", "patch", "depmod", "setpriv"):
        require(program)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    # The stand-in kernel lacks the options that make a real one boot.
    monkeypatch.setattr("vmlab.build.config.ALWAYS", ())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return standin.tree(tmp_path / "linux")


@pytest.fixture
def own_patch(tmp_path: Path) -> Path:
    path = tmp_path / "own.patch"
    path.write_text(standin.PATCH)
    return path


def times_built(built: Kernel) -> int:
    assert built.kdir is not None
    return len((built.kdir / "times").read_text().splitlines())


def test_a_patched_tree_is_built_and_the_given_one_stays(
    tree: Path, own_patch: Path
) -> None:
    built = kernel.build(Order(str(tree), (own_patch,)))

    assert built.version == "6.1.7"
    assert "line three" in built.image.read_text()
    assert built.patches == ("own.patch",)
    assert "linux (6.1.7)" in built.origin
    assert (tree / "init/main.c").read_text() == standin.MAIN
    assert not (built.root / "lib/modules/6.1.7/build").exists()


def test_a_kernel_that_knows_pvh_is_booted_uncompressed(
    tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "pvh").write_text("CONFIG_PVH=y\n")

    old = kernel.build(Order(str(tree)))
    new = kernel.build(Order(str(tree), config=(str(tmp_path / "pvh"),)))

    assert old.image.read_text() == f"packed\n{standin.MAIN}"
    assert new.image.read_text() == standin.MAIN


def test_debug_information_is_kept_where_the_configuration_has_it(
    tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "debug").write_text("CONFIG_DEBUG_INFO=y\nCONFIG_PVH=y\n")

    plain = kernel.build(Order(str(tree)))
    built_kernel = kernel.build(Order(str(tree), config=(str(tmp_path / "debug"),)))

    assert debuginfo.files(plain.root) == {}
    stored = debuginfo.files(built_kernel.root)
    assert stored["vmlinux"].read_text() == built_kernel.image.read_text()


def test_a_tarball_gives_the_same_kernel(tree: Path, tmp_path: Path) -> None:
    of_tree = kernel.build(Order(str(tree)))
    of_tarball = kernel.build(Order(str(standin.tarball(tmp_path))))

    assert of_tree.image.read_bytes() == of_tarball.image.read_bytes()


def test_the_same_order_is_built_once(tree: Path, own_patch: Path) -> None:
    first = kernel.build(Order(str(tree), (own_patch,)))
    second = kernel.build(Order(str(tree), (own_patch,)))

    assert first == second
    assert times_built(second) == 1


def test_another_patch_or_option_gives_another_kernel(
    tree: Path, own_patch: Path, tmp_path: Path
) -> None:
    (tmp_path / "net").write_text("CONFIG_NET=y\n")

    roots = {
        kernel.build(order).root
        for order in (
            Order(str(tree)),
            Order(str(tree), (own_patch,)),
            Order(str(tree), config=(str(tmp_path / "net"),)),
        )
    }

    assert len(roots) == 3


def test_a_build_that_failed_goes_on_where_it_was(tree: Path) -> None:
    (tree / "fail").touch()
    order = Order(str(tree))
    with pytest.raises(LabError, match=r"linux \(6\.1\.7\) does not build") as caught:
        kernel.build(order)
    assert "x.c:1:2: error: wrong" in caught.value.log
    assert list((cache.folder() / "built").glob("[0-9a-f]*")) == []

    # The missing tool may be installed by now: the sources are the same.
    for remaining in cache.folder().glob("kernel-source/*/fail"):
        remaining.unlink()
    built = kernel.build(order)

    assert times_built(built) == 2
    log = cache.folder() / "logs" / f"kernel-{built.root.name}.log"
    # The configuration was made once, before the first try.
    assert log.read_text().count("CONFIG_NET is not set") == 1


def test_a_patch_that_does_not_apply_leaves_no_sources(
    tree: Path, own_patch: Path
) -> None:
    own_patch.write_text(standin.PATCH.replace("-line 3", "-line drei"))

    with pytest.raises(LabError, match=r"own\.patch does not apply: hunk 1 of init"):
        kernel.build(Order(str(tree), (own_patch,)))

    remaining = list((cache.folder() / "kernel-source").iterdir())
    assert all(path.name.endswith(".lock") for path in remaining)


def test_an_option_that_does_not_survive_stops_the_build(
    tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "needy").write_text("CONFIG_NEEDY=y\n")

    with pytest.raises(LabError, match="does not take CONFIG_NEEDY=y became n"):
        kernel.build(Order(str(tree), config=(str(tmp_path / "needy"),)))

    assert not list((cache.folder() / "kernel-source").glob("*/out-*/times"))


@dataclass(frozen=True)
class Other:
    """An addition with one patch and one option."""

    patch: Path

    def digest(self) -> str:
        return cache.digest_of(self.patch)

    def patches(self, tree: Path, folder: Path) -> Sequence[Path]:
        assert (tree / "init/main.c").exists()
        folder.mkdir()
        path = folder / "made.patch"
        path.write_text(self.patch.read_text())
        return (path,)

    def fragments(self, version: KernelVersion) -> Sequence[str]:
        assert version.release == "6.1.7"
        return ("CONFIG_PVH=y\n",)

    def describe(self, version: KernelVersion) -> str:
        return f"other for {version.release}"


def test_an_addition_brings_its_patches_and_options(
    tree: Path, own_patch: Path
) -> None:
    plain = kernel.build(Order(str(tree)))
    built = kernel.build(Order(str(tree), addition=Other(own_patch)))

    assert plain.root != built.root
    # The image of a PVH kernel is not packed.
    assert built.image.read_text() == standin.MAIN.replace("line 3", "line three")
    assert built.origin.endswith(", other for 6.1.7")


def test_a_kernel_may_lack_an_option_of_the_base(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "base").write_text("CONFIG_GONE=y\n")
    base = str(tmp_path / "base")

    with pytest.raises(LabError, match="does not take CONFIG_GONE=y"):
        kernel.build(Order(str(tree), config=(base,)))
    built = kernel.build(Order(str(tree), base=(base,)))

    assert built.version == "6.1.7"


def test_a_kernel_has_a_name(tree: Path) -> None:
    built = kernel.build(Order(str(tree)))

    kernel.remember("mine", built)

    assert kernel.named("mine") == built
    assert list(kernel.names()) == ["mine"]
    with pytest.raises(LabError, match="there is no kernel other; there are: mine"):
        kernel.named("other")
    with pytest.raises(LabError, match="is not a valid name"):
        kernel.remember("../mine", built)


def test_a_name_that_another_version_of_the_lab_gave_is_no_trouble(tree: Path) -> None:
    kernel.remember("mine", kernel.build(Order(str(tree))))
    folder = cache.folder() / "kernels"
    (folder / "old.json").write_text('{"version": "6.1"}')
    (folder / "torn.json").write_text("{")

    assert list(kernel.names()) == ["mine"]


def test_a_kernel_whose_files_are_gone_is_forgotten(tree: Path) -> None:
    built = kernel.build(Order(str(tree)))
    kernel.remember("mine", built)
    built.image.unlink()

    with pytest.raises(LabError, match="no kernel mine; none is built"):
        kernel.named("mine")


@pytest.mark.parametrize(
    ("make", "expected_message"),
    [
        ("nowhere", "no kernel sources at .*nowhere; give a tree or a tarball"),
        (".", "does not contain kernel sources"),
    ],
)
def test_sources_that_are_none(
    tmp_path: Path, make: str, expected_message: str
) -> None:
    with pytest.raises(LabError, match=expected_message):
        sources.find(str(tmp_path / make))


def test_debians_sources_are_an_ordinary_tarball(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_PACKAGED", tmp_path)
    with pytest.raises(LabError, match="not installed; apt-get install linux-source"):
        sources.find("debian")

    for name in ("linux-source-6.1.tar.xz", "linux-source-6.12.tar.xz"):
        (tmp_path / name).touch()

    assert sources.find("debian").path.name == "linux-source-6.12.tar.xz"


@pytest.mark.parametrize(
    ("extra", "text"), [("", "2.6.32"), (".27", "2.6.32.27"), ("-rc3", "2.6.32-rc3")]
)
def test_the_version_is_read_from_the_makefile(
    tree: Path, extra: str, text: str
) -> None:
    makefile = (
        "VERSION = 2\nPATCHLEVEL = 6\nSUBLEVEL = 32\nEXTRAVERSION = {}\nNAME = x\n"
    )
    (tree / "Makefile").write_text(makefile.format(extra))

    version = sources.version(tree)

    assert version.text == text
    assert version.series == (2, 6, 32)
