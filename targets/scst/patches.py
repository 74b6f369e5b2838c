# SPDX-License-Identifier: GPL-2.0-only
"""Chooses how SCST is added to a kernel: which of its patches, or only modules."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from targets.scst.source import Source
from vmlab import versions
from vmlab.errors import LabError
from vmlab.tool import find, run
from vmlab.versions import KernelVersion

GENERATOR = "scripts/generate-kernel-patch"
"""The script in a checkout that generates one patch with the whole of SCST."""

_WHOLE = (GENERATOR, "srpt", "scst_local")
"""Files that the script needs: it generates nothing from only the three components."""

_QLOGIC = ("qla2x00t", "qla2x00t-32gbit")
"""SCST's own QLogic drivers, whose differences the script needs."""

_FOLDERS = {
    "put_page_callback": "iscsi-scst/kernel/patches",
    "scst_exec_req_fifo": "scst/kernel",
}
"""The folders of the classic patches, by the prefix of their names, in this order."""

IN_TREE_OPTIONS = ("CONFIG_SCST=m", "CONFIG_SCST_VDISK=m", "CONFIG_SCST_ISCSI=m")
CLASSIC_OPTIONS = ("CONFIG_TCP_ZERO_COPY_TRANSFER_COMPLETION_NOTIFICATION=y",)


class Way(StrEnum):
    """The ways of adding SCST to a kernel."""

    CLASSIC = "classic"
    """The kernel is patched for SCST; the modules are built outside its tree."""
    IN_TREE = "in-tree"
    """SCST becomes a part of the kernel's own sources."""
    MODULES = "modules"
    """The kernel is unchanged; the modules are built outside its tree."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for one kernel."""

    way: Way
    patches: tuple[Path, ...] = ()
    """The classic patches, in the order in which they are applied."""
    options: tuple[str, ...] = ()
    """The kernel options that it needs."""


def choose(source: Source, kernel: KernelVersion, way: Way | None = None) -> Plan:
    """Choose how SCST is added to a kernel that is built from source.

    Args:
        source: SCST's sources.
        kernel: the version of the kernel.
        way: the way; None for the classic patches if there are some for this kernel,
            else the generated patch, else only modules.

    Raises:
        LabError: the requested way does not support this kernel.
    """
    classic = tuple(_classic(source.root, kernel))
    if way is None:
        if classic:
            way = Way.CLASSIC
        elif not _lacks(source.root):
            way = Way.IN_TREE
        else:
            way = Way.MODULES
    if way is Way.CLASSIC:
        if not classic:
            raise LabError(
                f"SCST {source.version} has no put_page_callback patch for kernel"
                f" {kernel.text}",
                hint=_known(source.root),
            )
        return Plan(way, classic, CLASSIC_OPTIONS)
    if way is Way.IN_TREE:
        lacks = _lacks(source.root)
        if lacks:
            raise LabError(
                f"these sources of SCST {source.version} have no {lacks[0]}",
                hint="give a checkout, or build modules",
            )
        return Plan(way, options=IN_TREE_OPTIONS)
    return Plan(way)


def _lacks(root: Path) -> list[str]:
    return [name for name in _WHOLE if not (root / name).exists()]


def _classic(root: Path, kernel: KernelVersion) -> Iterator[Path]:
    """Find the classic patches for a kernel; none without that of the callback."""
    for name, folder in _FOLDERS.items():
        patch = _best(root / folder / ("rhel" if kernel.is_rhel else "."), name, kernel)
        if patch is not None:
            yield patch
        elif name == "put_page_callback":
            return


def _best(folder: Path, name: str, kernel: KernelVersion) -> Path | None:
    """Return the patch of the newest release of the series up to the kernel's own."""
    fitting = [
        (version.level, version.build, path)
        for path, version in _patches(folder, name)
        if version.series == kernel.series
        and (version.level, version.build) <= (kernel.level, kernel.build)
    ]
    return max(fitting)[2] if fitting else None


def _patches(folder: Path, name: str) -> Iterator[tuple[Path, KernelVersion]]:
    for path in folder.glob(f"{name}-*.patch"):
        text = path.name.removeprefix(f"{name}-").removesuffix(".patch")
        if re.match(r"\d+\.\d+", text):
            yield path.resolve(), versions.parse(text)


def _known(root: Path) -> str:
    name = "put_page_callback"
    versions = sorted(
        (version.numbers, version.text)
        for _, version in _patches(root / _FOLDERS[name], name)
    )
    if not versions:
        return "it contains no such patches"
    return f"it has them from {versions[0][1]} to {versions[-1][1]}"


def generate(source: Source, kernel: KernelVersion, tree: Path, path: Path) -> None:
    """Write the patch that adds SCST to a kernel's own sources.

    The script writes into its tree, so it gets a copy.

    Args:
        source: SCST's sources.
        kernel: the version of the kernel.
        tree: the kernel's sources.
        path: where the patch is written.

    Raises:
        LabError: the script does not support this kernel, or a program is missing.
    """
    worker = source.root / "scripts" / "specialize-patch"
    if worker.exists() and "gawk" in worker.read_text(errors="replace")[:80]:
        find("gawk")
    work = path.with_name(path.name + ".scst")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(
        source.root, work, symlinks=True, ignore=shutil.ignore_patterns(".git")
    )
    try:
        _bring_qlogic(tree, work, kernel)
        # Error messages must not get into the patch.
        command = 'exec "$0" "$1" > "$2"'
        script = work / GENERATOR
        run("sh", "-c", command, script, kernel.release, path, cwd=work, seconds=300)
    except LabError as error:
        path.unlink(missing_ok=True)
        raise LabError(
            f"SCST {source.version} makes no patch for kernel {kernel.release}",
            command=error.command,
            log=error.log,
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not re.search(r"^\+\+\+ ", path.read_text(errors="replace"), re.MULTILINE):
        path.unlink()
        raise LabError(
            f"SCST {source.version} made an empty patch for kernel {kernel.release}"
        )


def _bring_qlogic(tree: Path, work: Path, kernel: KernelVersion) -> None:
    """Put the kernel's QLogic driver where the script would download it to."""
    driver = tree / "drivers" / "scsi" / "qla2xxx"
    for name in _QLOGIC:
        if driver.is_dir() and (work / name).is_dir():
            place = work / name / "qla2xxx-orig" / kernel.release
            shutil.copytree(driver, place, dirs_exist_ok=True)
