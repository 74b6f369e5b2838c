# SPDX-License-Identifier: GPL-2.0-only
"""SCST built beside a kernel: its modules and its daemon."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from targets.scst.source import Source
from vmlab import cache, locks
from vmlab.build.builder import HOST, Builder
from vmlab.build.external import digest_of_tree
from vmlab.build.make import make
from vmlab.errors import LabError
from vmlab.locks import Lock

_MODULES = (
    "scst/src/scst.ko",
    "scst/src/dev_handlers/scst_vdisk.ko",
    "iscsi-scst/kernel/iscsi-scst.ko",
)
_DAEMON = "iscsi-scst/usr/iscsi-scstd"
_HEADERS = {"scst": "include/build_mode.h", "scst/src": "../include/scst_itf_ver.h"}
"""A header that newer releases generate before they compile, and that the daemon
includes."""
_PROBES = Path("iscsi-scst") / "conftest"
"""Where newer releases compile small modules to learn what a kernel has, one by one."""


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


def _probed(root: Path, kdir: Path, builder: Builder) -> str | None:
    """Put what an earlier build has learnt of a kernel into sources.

    Each revision would ask the same again, which takes longer than to compile it. What
    is put there is newer than the questions, so that make asks none of them.

    Returns:
        the hash of the questions; None where a release asks none.
    """
    questions = root / _PROBES
    if not questions.is_dir():
        return None
    made_from = cache.key(
        questions=digest_of_tree(questions),
        asked_by=cache.digest_of(root / "iscsi-scst" / "Makefile"),
        kdir=str(kdir),
        kernel=cache.digest_of(kdir / "Module.symvers"),
        compiler=builder.compiler,
        layout=1,
    )
    answers = cache.folder() / "scst-probes" / made_from
    if answers.is_dir():
        shutil.copytree(
            answers, questions, copy_function=shutil.copyfile, dirs_exist_ok=True
        )
    return made_from


def _keep_probes(questions: Path, path: Path) -> None:
    """Copy the answers beside some questions to a new folder."""
    path.mkdir()
    for answer in questions.glob("*/result-*.txt"):
        (path / answer.parent.name).mkdir(exist_ok=True)
        shutil.copyfile(answer, path / answer.parent.name / answer.name)


def _free_place(parent: Path) -> tuple[Path, Lock]:
    number = 0
    while True:
        work = parent / f".work-{number}"
        lock = locks.take(work.with_name(f"{work.name}.lock"))
        if lock is not None:
            return work, lock
        number += 1


@contextmanager
def _workplace() -> Iterator[Path]:
    """Have a place for a folder, whose path says nothing of what is built there.

    ccache compares paths: it knows a file again only if other revisions are built at
    the same one. Builds that run at the same time have places of their own.
    """
    work, lock = _free_place(cache.folder() / "scst")
    try:
        # A build that was killed has left it.
        shutil.rmtree(work, ignore_errors=True)
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        lock.release()


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
        with _workplace() as work:
            compile_at(work)
            work.rename(path)

    def compile_at(path: Path) -> None:
        ignored = shutil.ignore_patterns(".git", "*.o", "*.ko")
        shutil.copytree(source.root, path, symlinks=True, ignore=ignored)
        probed = _probed(path, kdir, builder) if has_modules else None
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
        if probed is not None:
            cache.get("scst-probes", probed, partial(_keep_probes, path / _PROBES))

    root = cache.get("scst", made_from, compile_in)
    modules = tuple(root / name for name in _MODULES) if has_modules else ()
    return Built(source.version, modules, root / _DAEMON)
