# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's sources: Debian's package, a tarball or a tree, unpacked and patched."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmlab import cache, versions
from vmlab.build import patches
from vmlab.build.external import digest_of_tree
from vmlab.errors import LabError
from vmlab.tool import run
from vmlab.versions import KernelVersion

DEBIAN = "debian"
_PACKAGED = Path("/usr/src")
_NUMBERS = ("VERSION", "PATCHLEVEL", "SUBLEVEL")


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a kernel's sources."""

    path: Path
    """A tarball or a tree."""

    def digest(self) -> str:
        """Return the hash of its content."""
        if self.path.is_dir():
            return digest_of_tree(self.path, ignored=(".git",))
        return cache.digest_of(self.path)


def find(text: str) -> Origin:
    """Return the origin that --source names: `debian`, a tarball or a tree.

    Raises:
        LabError: it does not exist, or is not a kernel.
    """
    if text == DEBIAN:
        archives = sorted(
            _PACKAGED.glob("linux-source-*.tar.*"),
            key=lambda path: _digits(path.name),
        )
        if not archives:
            raise LabError(
                "Debian's kernel sources are not installed",
                hint="apt-get install linux-source",
            )
        return Origin(archives[-1])
    path = Path(text).expanduser().resolve()
    if not path.exists():
        raise LabError(f"no kernel sources at {text}", hint="give a tree or a tarball")
    if path.is_dir():
        version(path)
    return Origin(path)


def _digits(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def version(tree: Path) -> KernelVersion:
    """Return the version in a tree's Makefile.

    Raises:
        LabError: the folder is not a kernel tree.
    """
    makefile = tree / "Makefile"
    text = makefile.read_text(errors="replace") if makefile.exists() else ""
    matches = [
        re.search(rf"^{name}[ \t]*=[ \t]*(\d+)[ \t]*$", text, re.MULTILINE)
        for name in _NUMBERS
    ]
    numbers = [match[1] for match in matches if match is not None]
    if len(numbers) < len(_NUMBERS) or not (tree / "Kconfig").exists():
        raise LabError(f"{tree} does not contain kernel sources")
    # Before 3.0 a fourth number came as EXTRAVERSION.
    extra = re.search(r"^EXTRAVERSION[ \t]*=[ \t]*(\S+)", text, re.MULTILINE)
    return versions.parse(".".join(numbers) + (extra[1] if extra else ""))


def prepare(
    origin: Origin,
    patch_files: Sequence[Path],
    *,
    more: Callable[[Path, Path], Sequence[Path]] | None = None,
    more_from: str = "",
) -> Path:
    """Return a tree with patches applied, which is created once.

    If a patch does not apply, the tree is deleted, so that no partly patched one is
    left.

    Args:
        origin: the sources.
        patch_files: the patches, in order.
        more: gets the tree and a folder to write to, and returns further patches.
        more_from: the hash of the inputs of those.

    Raises:
        LabError: the sources cannot be unpacked, or a patch does not apply.
    """
    made_from = cache.key(
        origin=origin.digest(),
        patches=[cache.digest_of(path) for path in patch_files],
        more=more_from,
        layout=1,
    )

    def unpack(path: Path) -> None:
        _unpack(origin.path, path)
        further = more(path, path.with_name("more")) if more is not None else ()
        for patch in (*patch_files, *further):
            patches.apply(path, patch)

    return cache.get("kernel-source", made_from, unpack)


def _unpack(origin: Path, path: Path) -> None:
    if origin.is_dir():
        shutil.copytree(
            origin, path, symlinks=True, ignore=shutil.ignore_patterns(".git")
        )
        # A tree with an in-tree build cannot be built in another folder.
        if (path / ".config").exists() or (path / "include" / "config").exists():
            run("make", "-s", "mrproper", cwd=path, seconds=300)
    else:
        path.mkdir()
        command = ("tar", "-x", "--strip-components=1", "-C", path, "-f", origin)
        run(*command, seconds=600)
    version(path)
