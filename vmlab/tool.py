# SPDX-License-Identifier: GPL-2.0-only
"""Finds and runs the programs of the lab, with time limits and error messages."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from vmlab.errors import LabError

PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        "qemu-system-x86_64": "qemu-system-x86",
        "qemu-img": "qemu-utils",
        "libvirtd": "libvirt-daemon",
        "virtlogd": "libvirt-daemon",
        "virsh": "libvirt-clients",
        "virt-admin": "libvirt-clients",
        "busybox": "busybox-static",
        "depmod": "kmod",
        "modprobe": "kmod",
        "apt-cache": "apt",
        "apt-get": "apt",
        "dpkg-deb": "dpkg",
        "mkfs.ext4": "e2fsprogs",
        "make": "make",
        "gcc": "gcc",
        "ccache": "ccache",
        "patch": "patch",
        "perl": "perl",
        "gawk": "gawk",
        "flex": "flex",
        "bison": "bison",
        "bc": "bc",
        "xz": "xz-utils",
        "setpriv": "util-linux",
        "modinfo": "kmod",
        "addr2line": "binutils",
        "objcopy": "binutils",
        "objdump": "binutils",
        "mmdebstrap": "mmdebstrap",
        "genext2fs": "genext2fs",
        "newuidmap": "uidmap",
    }
)
"""The Debian package of each program."""

# The PATH of ordinary users lacks these folders.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def find(program: str, package: str | None = None) -> str:
    """Return a program's path.

    Args:
        program: its name.
        package: the Debian package that contains it; None for that of `PACKAGES`.

    Raises:
        LabError: it is not installed; the message says what to install.
    """
    path = shutil.which(program) or shutil.which(program, path=SBIN)
    if path is None:
        package = package or PACKAGES.get(program, program)
        raise LabError(f"{program} is not installed", hint=f"apt-get install {package}")
    return path


def run(
    *command: str | Path,
    cwd: Path | None = None,
    seconds: float = 120,
    allowed: Sequence[int] = (0,),
) -> str:
    """Run a program until it ends, and return its output.

    Raises:
        LabError: it is missing, took too long, or failed.
    """
    words = [find(str(command[0])), *map(str, command[1:])]
    process = attempt(words, cwd=cwd, seconds=seconds, stderr=subprocess.STDOUT)
    if process.returncode not in allowed:
        output = process.stdout.strip().splitlines()
        why = f": {output[-1].strip()}" if output else ""
        raise LabError(
            f"{command[0]} failed with code {process.returncode}{why}",
            command=words,
            log="\n".join(output[-12:]),
        )
    return process.stdout


def attempt(
    words: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 10,
    stderr: int = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run a program until it ends, and return its output, whatever its exit status.

    Args:
        words: the program's path and its arguments.
        cwd: the folder in which it runs.
        environment: variables to set in addition to ours.
        seconds: the time limit.
        stderr: the destination of its error output, as in subprocess.

    Raises:
        LabError: it took too long.
    """
    try:
        return subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{Path(words[0]).name} did not end within {seconds:g} s", command=words
        ) from error
