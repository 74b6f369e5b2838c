# SPDX-License-Identifier: GPL-2.0-only
"""The files that external modules of a kernel are built with."""

import re
from pathlib import Path

from vmlab import cache
from vmlab.errors import LabError
from vmlab.kernel import Kernel
from vmlab.tool import run

_OURS = re.compile(r"^\s+(?:Pre)?Depends: (linux-(?:headers|kbuild)-\S+)", re.MULTILINE)


def of(kernel: Kernel) -> Path:
    """Return the folder for KDIR to build external modules of a kernel.

    Raises:
        LabError: it is a kernel of Debian's for which apt has no headers.
    """
    return kernel.kdir or of_debian(kernel.version)


def of_debian(version: str) -> Path:
    """Return that folder for one of Debian's kernels.

    Args:
        version: the kernel's version, as uname -r prints it.

    Raises:
        LabError: apt has no headers for it.
    """
    package = f"linux-headers-{version}"
    policy = run("apt-cache", "policy", package)
    candidate = re.search(r"Candidate: (\d\S*)", policy)
    if candidate is None:
        raise LabError(f"apt has no package {package}", hint="apt-get update")
    made_from = cache.key(package=package, version=candidate[1], layout=1)
    root = cache.get("headers", made_from, lambda path: _unpack(package, path))
    return root / "usr" / "src" / package


def _unpack(package: str, path: Path) -> None:
    path.mkdir()
    for name in (package, *_OURS.findall(run("apt-cache", "depends", package))):
        run("apt-get", "download", name, cwd=path, seconds=600)
    for deb in path.glob("*.deb"):
        run("dpkg-deb", "-x", deb, path, seconds=300)
        deb.unlink()
    # The Makefile names the common part by its path in an installation.
    makefile = path / "usr" / "src" / package / "Makefile"
    text = makefile.read_text()
    makefile.write_text(
        text.replace("/usr/src/", "$(dir $(lastword $(MAKEFILE_LIST)))../")
    )
