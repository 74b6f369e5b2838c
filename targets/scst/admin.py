# SPDX-License-Identifier: GPL-2.0-only
"""scstadmin: the Perl program that configures SCST from a file, and its module."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from targets.scst.source import Source
from vmlab import cache
from vmlab.build.external import digest_of_tree
from vmlab.build.make import make
from vmlab.errors import LabError
from vmlab.tool import find

_FOLDER = Path("scstadmin") / "scstadmin.sysfs"
_MODULE = Path("SCST") / "SCST.pm"


@dataclass(frozen=True, slots=True)
class Admin:
    """Its path in a guest."""

    program: Path
    library: Path
    """The folder in which Perl finds its module."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files for a guest."""
        return (self.program, self.library / _MODULE)


def install(source: Source) -> Admin:
    """Install scstadmin into the cache by its own Makefile, once for the same sources.

    Its files for the init system are left out, since they would be written to this
    machine.

    Raises:
        LabError: the sources do not contain it, or it cannot be installed.
    """
    if not (source.root / _FOLDER / "scstadmin").exists():
        raise LabError(
            f"these sources of SCST {source.version} have no scstadmin",
            hint="add it to them, or leave --scst-config at sysfs",
        )
    perl = find("perl")
    made_from = cache.key(
        source=digest_of_tree(source.root / _FOLDER), perl=perl, layout=1
    )

    def install_in(path: Path) -> None:
        shutil.copytree(source.root / _FOLDER, path / "source", symlinks=True)
        make(
            ("install", f"DESTDIR={path / 'root'}", "PREFIX=/usr"),
            subject=f"SCST {source.version}'s scstadmin",
            log=cache.folder() / "logs" / f"scstadmin-{made_from}.log",
            cwd=path / "source",
            # The same call installs it.
            jobs=1,
        )
        _found(path, source)

    return _found(cache.get("scstadmin", made_from, install_in), source)


def _found(path: Path, source: Source) -> Admin:
    program = path / "root/usr/sbin/scstadmin"
    modules = sorted((path / "root").rglob(str(_MODULE)))
    if not program.exists() or not modules:
        raise LabError(f"SCST {source.version}'s scstadmin did not install itself")
    return Admin(program, modules[0].parent.parent)
