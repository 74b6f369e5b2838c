# SPDX-License-Identifier: GPL-2.0-only
"""The kernels that guests run: Debian's packages, or what the lab has built."""

import re
from dataclasses import dataclass
from pathlib import Path

from vmlab import bzimage, cache, modules, packages
from vmlab.errors import LabError
from vmlab.tool import run

_META = "linux-image-amd64"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel and its modules."""

    version: str
    """The version, as uname -r prints it."""
    root: Path
    """The folder with vmlinux and lib/modules/VERSION."""
    origin: str
    """Its origin, for reports."""
    kdir: Path | None = None
    """The folder for building external modules; None for a package of Debian's to be
    fetched."""
    patches: tuple[str, ...] = ()
    """The names of the patches that the lab has applied to it."""
    in_vm: bool = False
    """Whether a machine has built it; its external modules are then built there,
    too."""

    @property
    def image(self) -> Path:
        """The uncompressed kernel."""
        return self.root / "vmlinux"


def of_debian() -> Kernel:
    """Return Debian's current kernel, whose package is fetched once.

    Raises:
        LabError: there is no such package, or it cannot be fetched.
    """
    package, candidate = _newest()
    root = cache.get(
        "kernel",
        cache.key(package=package, version=candidate, layout=1),
        lambda path: _unpack(package, path),
    )
    version = package.removeprefix("linux-image-")
    return Kernel(version, root, f"Debian {package} {candidate}")


def _newest() -> tuple[str, str]:
    """Return name and version of the package that linux-image-amd64 depends on."""
    # One call for all, since apt may read all its lists in each call.
    printed = run("apt-cache", "show", "--no-all-versions", _META, allowed=(0, 100))
    match = re.search(
        r"^Depends:.*?\b(linux-image-[\w.+-]+-amd64)\b(?: \(= (\S+)\))?",
        printed,
        re.MULTILINE,
    )
    if match is None:
        raise LabError(
            "apt has no Debian kernel in its package lists",
            hint="apt-get update, on a Debian system",
        )
    return match[1], match[2] or packages.versions([match[1]])[match[1]]


def _unpack(package: str, path: Path) -> None:
    packages.unpack([package], path)
    (image,) = (path / "boot").glob("vmlinuz-*")
    version = image.name.removeprefix("vmlinuz-")
    (path / "vmlinux").write_bytes(bzimage.extract(image.read_bytes()))
    modules.prepare(path, version)
