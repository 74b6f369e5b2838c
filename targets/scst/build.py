# SPDX-License-Identifier: GPL-2.0-only
"""SCST built beside a kernel: its modules and its daemon."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from targets.scst.source import Source
from vmlab import cache
from vmlab.build.builder import HOST, Builder
from vmlab.build.make import make
from vmlab.errors import LabError

_MODULES = (
    "scst/src/scst.ko",
    "scst/src/dev_handlers/scst_vdisk.ko",
    "iscsi-scst/kernel/iscsi-scst.ko",
)
_DAEMON = "iscsi-scst/usr/iscsi-scstd"
_HEADERS = {"scst": "include/build_mode.h", "scst/src": "../include/scst_itf_ver.h"}
"""A header that newer releases generate before they compile, and that the daemon
includes."""


class Mode(StrEnum):
    """What SCST is built for."""

    RELEASE = "release"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class Built:
    """The files for a guest."""

    version: str
    modules: tuple[Path, ...]
    """The modules in loading order; none if the kernel contains them."""
    daemon: Path


@dataclass(frozen=True, slots=True)
class Step:
    """One call of make."""

    component: str
    arguments: tuple[str, ...]


def steps(
    root: Path, kdir: Path, mode: Mode, *, has_modules: bool = True
) -> Iterator[Step]:
    """Return the calls of make: scst first, since iscsi-scst uses its results.

    Args:
        root: the folder of the sources.
        kdir: the folder of the kernel for building external modules.
        mode: the build mode.
        has_modules: False if the kernel contains the modules.
    """
    goal = f"2{mode}"
    for name in ("scst", "iscsi-scst"):
        # Only some releases have a build mode for each component.
        makefile = (root / name / "Makefile").read_text(errors="replace")
        if re.search(rf"^[\w ]*\b{goal}\b[\w ]*:", makefile, re.MULTILINE):
            yield Step(name, (goal,))
    if has_modules:
        yield Step("scst", ("all", f"KDIR={kdir}"))
        # iSER is out of scope, and may fail to build with some kernels.
        yield Step("iscsi-scst", ("all", f"KDIR={kdir}", "INFINIBAND_ENABLED=false"))
    else:
        for name, header in _HEADERS.items():
            if Path(header).name in (root / name / "Makefile").read_text(
                errors="replace"
            ):
                yield Step(name, (header, f"KDIR={kdir}"))
        yield Step("iscsi-scst", ("include/iscsi_scst_itf_ver.h",))
        yield Step("iscsi-scst", ("progs", f"KDIR={kdir}"))


def build(
    source: Source,
    kdir: Path,
    mode: Mode = Mode.RELEASE,
    *,
    has_modules: bool = True,
    builder: Builder = HOST,
) -> Built:
    """Build SCST, or return an earlier build of the same inputs from the cache.

    Raises:
        LabError: the build fails; the message names the component.
    """
    symbols = kdir / "Module.symvers"
    if not symbols.exists():
        raise LabError(
            f"{kdir} cannot be used to build modules: it lacks {symbols.name}"
        )
    made_from = cache.key(
        source=source.digest(),
        kdir=str(kdir),
        kernel=cache.digest_of(symbols),
        mode=mode,
        has_modules=has_modules,
        compiler=builder.compiler,
        layout=2,
    )

    def compile_in(path: Path) -> None:
        ignored = shutil.ignore_patterns(".git", "*.o", "*.ko")
        shutil.copytree(source.root, path, symlinks=True, ignore=ignored)
        for step in steps(path, kdir, mode, has_modules=has_modules):
            make(
                step.arguments,
                subject=f"SCST {source.version}'s {step.component}",
                # A failed build is removed, but its log stays.
                log=cache.folder() / "logs" / f"scst-{made_from}.log",
                cwd=path / step.component,
                # Some releases do not declare the dependencies between their parts.
                jobs=1,
                builder=builder,
                writes=(path,),
            )
        expected = (*(_MODULES if has_modules else ()), _DAEMON)
        missing = [name for name in expected if not (path / name).exists()]
        if missing:
            raise LabError(f"SCST {source.version} was built without {missing[0]}")

    root = cache.get("scst", made_from, compile_in)
    modules = tuple(root / name for name in _MODULES) if has_modules else ()
    return Built(source.version, modules, root / _DAEMON)
