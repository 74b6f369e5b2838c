# SPDX-License-Identifier: GPL-2.0-only
"""Debian root file systems by mmdebstrap, for guests that need more than BusyBox."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vmlab import cache, packages
from vmlab.build.builder import HOST
from vmlab.errors import LabError
from vmlab.tool import find, run

SECONDS = 1800
"""Most of the ninety seconds on an idle machine are dpkg's."""

_IMAGE = "image"
_SOURCE = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
_LEFT_OUT = ("doc", "info", "locale", "man")


def made(names: Sequence[str], notes: Mapping[str, str]) -> Path:
    """Return the folder of a root file system, created once for the same packages.

    Args:
        names: the packages in addition to the essential ones.
        notes: commands to run in it, by the names under which their output is kept.

    Raises:
        LabError: mmdebstrap or Debian's archive is not available.
    """
    made_from = cache.key(packages=packages.versions(names), notes=notes, layout=1)
    return cache.get("rootfs", made_from, lambda path: _make(names, notes, path))


def image(folder: Path) -> Path:
    """Return the ext2 image of a root file system, to be mounted read-only."""
    return folder / _IMAGE


def note(folder: Path, name: str) -> str:
    """Return the kept output of a command."""
    return (folder / name).read_text()


def _make(names: Sequence[str], notes: Mapping[str, str], path: Path) -> None:
    find("mmdebstrap")
    find("genext2fs")
    sources = _sources()
    path.mkdir()
    sys.stderr.write(
        "making a Debian root file system: this takes a minute or two, only once\n"
    )
    words = ["mmdebstrap", "--variant=essential", "--format=ext2"]
    words += ["--include=" + ",".join(names), *_options(notes, path)]
    # The suite's name is in the sources, not in an argument.
    words += ["", str(path / _IMAGE), *sources]
    # If mmdebstrap is killed, its files are removed with this folder. For an ordinary
    # user it works in a namespace that cannot enter the user's own folders.
    place = {"TMPDIR": str(path.parent)} if os.geteuid() == 0 else {}
    log = path / "log"
    job = HOST.begin(words, cwd=None, environment=place, log=log, writes=())
    try:
        code = job.wait(SECONDS)
    finally:
        job.end()
    if code != 0:
        output = log.read_text(errors="replace").splitlines()
        errors = [line for line in output if line.startswith("E: ")]
        why = errors[0].removeprefix("E: ") if errors else f"code {code}"
        raise LabError(
            f"mmdebstrap failed to make a root file system: {why}",
            hint="check that apt-get update works",
            command=words,
            log="\n".join(output[-12:]),
        )


def _sources() -> list[str]:
    """Return the mirror from which this machine's apt gets Debian.

    Raises:
        LabError: apt has no source for Debian.
    """
    targets = ("Created-By: Packages", "Origin: Debian")
    lines = run("apt-get", "indextargets", "--format", _SOURCE, *targets).splitlines()
    if not lines:
        raise LabError("apt has no package list of Debian", hint="apt-get update")
    return list(dict.fromkeys(lines))


def _options(notes: Mapping[str, str], path: Path) -> Iterator[str]:
    for name in _LEFT_OUT:
        yield f"--dpkgopt=path-exclude=/usr/share/{name}/*"
    for name, command in notes.items():
        yield f'--customize-hook=chroot "$1" sh -c "{command} > /etc/assay-{name}"'
        yield f"--customize-hook=download /etc/assay-{name} {path / name}"
