# SPDX-License-Identifier: GPL-2.0-only
"""The kernel modules that a guest needs, with those they need, in loading order."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from vmlab.errors import LabError
from vmlab.tool import run


def prepare(root: Path, version: str) -> None:
    """Make modules.dep below root/lib/modules; a package ships none."""
    if not (root / "lib" / "modules" / version / "modules.dep").exists():
        run("depmod", "-b", root, version)


def present(root: Path, version: str, names: Iterable[str]) -> Iterator[str]:
    """Tell which modules a kernel has, built in or not."""
    for name in names:
        with contextlib.suppress(LabError):
            closure(root, version, [name])
            yield name


def closure(root: Path, version: str, names: Iterable[str]) -> list[Path]:
    """Return the files of modules and of all that they need, each after its needs.

    Built-in ones bring no file.

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
