# SPDX-License-Identifier: GPL-2.0-only
"""A machine that builds, with Debian's toolchain and folders of the host."""

from pathlib import Path

from vmlab.guest import Guest, quoted, script

MODULES = ("9p", "9pnet_virtio", "overlay")
ROOT = "/builder"
"""The mount point of the file system with the toolchain, for chroot."""

CC = "cached-gcc"
"""The compiler's name in the guest: gcc, or gcc through ccache for compilations."""

_WRITTEN = "/written"
_HERE = Path(__file__).parent


def guest(root: Path, folder: Path, *, memory: int, processors: int) -> Guest:
    """Return a guest in which a folder of the host has the same path as on the host.

    Args:
        root: a file system with the toolchain.
        folder: the folder.
        memory: in MiB.
        processors: how many.
    """
    setup = script(
        _HERE / "builder.sh",
        ROOT=ROOT,
        WRITTEN=_WRITTEN,
        FOLDER=folder,
        CC=CC,
        COMPILER=(_HERE / "cached-gcc.sh").read_text(),
    )
    return Guest(
        "builder",
        MODULES,
        setup,
        (),
        memory=memory,
        processors=processors,
        root=root,
        shares=(folder, folder),
    )


def writable(folder: Path, path: Path) -> str:
    """Return the command that has writes below a shared folder written through."""
    inner = quoted(f"{_WRITTEN}/{path.relative_to(folder)}")
    return f"mount -o bind {inner} {quoted(f'{ROOT}{path}')}"
