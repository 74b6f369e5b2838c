# SPDX-License-Identifier: GPL-2.0-only
"""Debian packages: fetched and unpacked for a guest, never installed on the host."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vmlab import cache
from vmlab.errors import LabError
from vmlab.tool import run

_UPDATE = "apt-get update, on a Debian system"


def versions(names: Sequence[str]) -> Mapping[str, str]:
    """Return the version that apt would install of each package.

    Raises:
        LabError: there is no such package.
    """
    printed = run("apt-cache", "policy", *names)
    candidates = dict(
        re.findall(r"^(\S+):\n.*\n +Candidate: (\S+)", printed, re.MULTILINE)
    )
    for name in names:
        if candidates.get(name, "(none)") == "(none)":
            raise LabError(f"apt has no package {name}", hint=_UPDATE)
    return {name: candidates[name] for name in names}


def unpacked(names: Sequence[str]) -> Path:
    """Return the folder with the files of packages, downloaded once.

    Raises:
        LabError: a package is unknown, or cannot be fetched.
    """
    made_from = cache.key(packages=versions(names), layout=1)
    return cache.get("packages", made_from, lambda path: unpack(names, path))


def unpack(names: Sequence[str], path: Path) -> None:
    """Fetch packages and unpack them below a new folder."""
    path.mkdir()
    run("apt-get", "download", *names, cwd=path, seconds=600)
    for deb in sorted(path.glob("*.deb")):
        run("dpkg-deb", "-x", deb, path, seconds=300)
        deb.unlink()
