# SPDX-License-Identifier: GPL-2.0-only
"""The kernel modules that a guest needs, with their dependencies, in loading order."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from vmlab.errors import LabError
from vmlab.tool import run


def prepare(root: Path, version: str) -> None:
    """Create modules.dep below root/lib/modules, which a package does not contain."""
    if not (root / "lib" / "modules" / version / "modules.dep").exists():
        run("depmod", "-b", root, version)


def present(root: Path, version: str, names: Iterable[str]) -> Iterator[str]:
    """Return which modules a kernel has, built in or not."""
    for name in names:
        with contextlib.suppress(LabError):
            closure(root, version, [name])
            yield name


def closure(root: Path, version: str, names: Iterable[str]) -> list[Path]:
    """Return the files of modules and their dependencies, in loading order.

    Built-in modules have no file.

    Raises:
        LabError: the kernel has no such module.
    """
    files: dict[Path, None] = {}
    for name in names:
        try:
            printed = run("modprobe", "-d", root, "-S", version, "--show-depends", name)
        except LabError as error:
            raise LabError(
                f"the kernel {version} has no module {name}", log=error.log
            ) from error
        for line in printed.splitlines():
            word, _, path = line.partition(" ")
            if word == "insmod":
                files[Path(path.split()[0])] = None
    return list(files)
