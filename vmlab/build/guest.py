# SPDX-License-Identifier: GPL-2.0-only
"""A machine that builds: Debian's toolchain, and the host's folders where they are."""

from pathlib import Path

from vmlab.guest import Guest, quoted

MODULES = ("9p", "9pnet_virtio", "overlay")
ROOT = "/builder"
"""Where the file system with the toolchain is, for chroot."""

CC = "cached-gcc"
"""gcc, with ccache where something is compiled.

A kernel's configuration asks gcc hundreds of questions, which ccache cannot answer but
makes ten times as long in an emulated machine.
"""

_CC = """#!/bin/sh
case " $* " in
*" /dev/null "*) exec gcc "$@" ;;
*" -c "*) exec ccache gcc "$@" ;;
esac
exec gcc "$@"
"""
_WRITTEN = "/written"
# Each request costs a buffer of that size, which is cleared first.
_SHARE = "trans=virtio,version=9p2000.L,msize=32768"


def guest(root: Path, folder: Path, *, memory: int, processors: int) -> Guest:
    """Return a guest in which a folder of the host has the same path as there.

    Args:
        root: a file system with the toolchain.
        folder: the folder.
        memory: in MiB.
        processors: how many.
    """
    place = quoted(f"{ROOT}{folder}")
    setup = f"""
mkdir -p /lower /empty /read {_WRITTEN} {ROOT} /var/upper /var/work
mount -t ext4 -o ro /dev/vdb /lower
# It is nobody's to write to; what a build leaves outside the folder goes with us.
mount -t overlay -o lowerdir=/lower,upperdir=/var/upper,workdir=/var/work none {ROOT}
printf %s {quoted(_CC)} > {ROOT}/usr/local/bin/{CC}
chmod +x {ROOT}/usr/local/bin/{CC}
ln -s /proc/self/fd /dev/fd
for name in proc sys dev; do
    mkdir -p {ROOT}/$name
    mount -o bind /$name {ROOT}/$name
done
mkdir -p {place}
# Sources are asked for once, not at each look; nor is the host asked again for headers
# that are not there, as 9p alone would do for each that a compiler looks for.
mount -t 9p -o {_SHARE},cache=loose,ro share0 /read
mount -t overlay -o lowerdir=/empty:/read none {place}
# What is written is on the host at once, whatever becomes of the machine.
mount -t 9p -o {_SHARE},cache=mmap share1 {_WRITTEN}
"""
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
    """Return the command that has a folder below the shared one written through."""
    inner = quoted(f"{_WRITTEN}/{path.relative_to(folder)}")
    return f"mount -o bind {inner} {quoted(f'{ROOT}{path}')}"
