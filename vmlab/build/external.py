# SPDX-License-Identifier: GPL-2.0-only
"""External modules of a kernel, and kernels with such modules added."""

import hashlib
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from vmlab import cache, debuginfo, modules
from vmlab.build.builder import HOST, Builder
from vmlab.build.make import make
from vmlab.errors import LabError
from vmlab.kernel import Kernel
from vmlab.tool import run

_LISTS = ("modules.dep*", "modules.alias*", "modules.symbols*", "modules.softdep")


def build(sources: Path, kdir: Path, builder: Builder = HOST) -> list[Path]:
    """Return the modules of a folder with a Kbuild file, which are built once.

    Args:
        sources: the folder, which is not changed.
        kdir: the folder of the kernel for building external modules.
        builder: the place where they are built.

    Raises:
        LabError: there is nothing to build, or the build fails.
    """
    if not any((sources / name).exists() for name in ("Kbuild", "Makefile")):
        raise LabError(f"{sources} has neither a Kbuild nor a Makefile")
    made_from = cache.key(
        sources=digest_of_tree(sources),
        kdir=str(kdir),
        kernel=cache.digest_of(kdir / "Module.symvers"),
        compiler=builder.compiler,
        layout=1,
    )

    def compile_in(path: Path) -> None:
        shutil.copytree(sources, path, symlinks=True)
        make(
            ("-C", kdir, f"M={path}", "modules"),
            subject=f"the module in {sources}",
            # A failed build is removed, but its log stays.
            log=cache.folder() / "logs" / f"module-{made_from}.log",
            builder=builder,
            writes=(path,),
        )

    path = cache.get("modules", made_from, compile_in)
    built = sorted(path.rglob("*.ko"))
    if not built:
        raise LabError(f"{sources} has built no module")
    return built


def digest_of_tree(folder: Path, ignored: Collection[str] = ()) -> str:
    """Return the hash of the names and contents of all files below a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not set(name.parts).intersection(ignored):
            total.update(f"{name}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def with_modules(kernel: Kernel, added: Sequence[Path]) -> Kernel:
    """Return a kernel with more modules; the first one is not changed.

    Raises:
        LabError: a module was built for another kernel.
    """
    for path in added:
        _check(kernel, path)
    made_from = cache.key(
        kernel=str(kernel.root),
        added={path.name: cache.digest_of(path) for path in added},
        layout=2,
    )
    root = cache.get("kernel", made_from, lambda path: _add(kernel, added, path))
    return replace(kernel, root=root)


def _check(kernel: Kernel, path: Path) -> None:
    made_for = run("modinfo", "-F", "vermagic", path).split(" ")[0].strip()
    if made_for != kernel.version:
        raise LabError(
            f"the module {path.name} was built for kernel {made_for},"
            f" not for {kernel.version}"
        )


def _add(kernel: Kernel, added: Sequence[Path], path: Path) -> None:
    """Create a root of hard links, with added modules."""
    path.mkdir()
    os.link(kernel.image, path / "vmlinux")
    debuginfo.share(kernel.root, path)
    place = Path("lib") / "modules" / kernel.version
    shutil.copytree(
        kernel.root / place,
        path / place,
        symlinks=True,
        ignore=shutil.ignore_patterns(*_LISTS, "build", "source"),
        copy_function=os.link,
    )
    extra = path / place / "extra"
    extra.mkdir(exist_ok=True)
    for one in added:
        debuginfo.add(path, one, extra / one.name)
    modules.prepare(path, kernel.version)
