# SPDX-License-Identifier: GPL-2.0-only
"""Debug information, which is kept beside a kernel that boots without it."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from vmlab.bzimage import is_elf
from vmlab.tool import run
from vmlab.trace import KERNEL

_FOLDER = "debug"


def keep(root: Path, kernel: Path, modules: Iterable[Path]) -> None:
    """Keep the debug information of a kernel, for decoding stack traces.

    Args:
        root: the folder of the kernel that boots.
        kernel: its ELF file, with debug information.
        modules: its modules, likewise.
    """
    folder = root / _FOLDER
    folder.mkdir()
    shutil.copy2(kernel, folder / KERNEL)
    for path in modules:
        shutil.copy2(path, folder / path.name)


def share(root: Path, other: Path) -> None:
    """Copy the debug information of a kernel to another one."""
    if (root / _FOLDER).exists():
        shutil.copytree(root / _FOLDER, other / _FOLDER, copy_function=os.link)


def add(root: Path, module: Path, place: Path) -> None:
    """Install a module, and keep its debug information if it has any."""
    copy = root / _FOLDER / module.name
    for path in (copy, place):
        # The path may be a link to another kernel's file, so do not write through it.
        path.unlink(missing_ok=True)
    shutil.copy2(module, place)
    if ".debug_info" in run("objdump", "--section-headers", module):
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(module, copy)
        strip(place)


def strip(path: Path) -> None:
    """Remove the debug information from an ELF file; other files are not changed."""
    if is_elf(path):
        run("objcopy", "--strip-debug", path)


def files(root: Path) -> dict[str, Path]:
    """Return the file with the debug information of each module and of the kernel."""
    paths = (root / _FOLDER).glob("*")
    return {path.stem.replace("-", "_"): path for path in paths}
