# SPDX-License-Identifier: GPL-2.0-only
"""SCST's sources from the user: a checkout, or release tarballs."""

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vmlab import cache
from vmlab.errors import LabError

VARIABLE = "SCST_SOURCE"
"""The environment variable that names the sources."""

HOW_TO_GET = (
    "SCST is in no package registry: clone the repository SCST-project/scst, or take"
    " the release tarballs of scst, iscsi-scst and scstadmin, and give the folder by"
    f" --scst-source DIR or {VARIABLE}"
)

COMPONENTS = ("scst", "iscsi-scst", "scstadmin")
"""The components in build order: each needs those before it."""

_NEEDED = COMPONENTS[:2]
_MARKS = {
    "scst": "include/scst.h",
    "iscsi-scst": "include/iscsi_scst.h",
    "scstadmin": "scstadmin.sysfs",
}
"""A file that identifies each component's folder."""
_VERSION = re.compile(
    r'^\s*#\s*define\s+SCST_VERSION_NAME\s+"([^"]+)"|'
    r'^\s*#\s*define\s+SCST_VERSION_STRING\s+"([^"]+)"',
    re.MULTILINE,
)
_TARBALLS = ("*.tar", "*.tar.gz", "*.tgz", "*.tar.bz2", "*.tar.xz")
_MADE = {".o", ".ko", ".cmd", ".symvers", ".order", ".d"}


@dataclass(frozen=True, slots=True)
class Source:
    """SCST's sources, in the layout of a checkout."""

    root: Path
    """The folder with a folder for each component."""
    version: str

    def digest(self) -> str:
        """Return the hash of all files that a build could read."""
        total = hashlib.sha256()
        for path in sorted(_files(self.root)):
            total.update(f"{path.relative_to(self.root)}\0".encode())
            total.update(path.read_bytes())
        return total.hexdigest()


def find(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the given folder of the sources, or that of the environment.

    Raises:
        LabError: there is none, or it contains no SCST; the message says how to get it.
    """
    variable = environ.get(VARIABLE)
    folder = option or (Path(variable) if variable else None)
    if folder is None:
        raise LabError("SCST's sources were not found", hint=HOW_TO_GET)
    locate(folder)
    return folder


def locate(folder: Path) -> None:
    """Check quickly whether a folder can hold SCST's sources.

    Raises:
        LabError: it cannot; the message says what is missing.
    """
    if folder.is_dir() and not _lacks(folder):
        return
    if folder.is_dir() and _tarballs(folder):
        return
    if not folder.exists():
        raise LabError(f"there is no folder {folder}", hint=HOW_TO_GET)
    if not folder.is_dir():
        raise LabError(f"{folder} is not a folder", hint=HOW_TO_GET)
    lacks = " and ".join(_lacks(folder))
    raise LabError(
        f"{folder} does not contain SCST: {lacks} and release tarballs are missing",
        hint=HOW_TO_GET,
    )


def open_source(folder: Path) -> Source:
    """Return the sources in a folder; tarballs are unpacked once.

    Raises:
        LabError: something is missing, or the version cannot be found.
    """
    locate(folder)
    root = folder.resolve()
    if _lacks(root):
        tarballs = _tarballs(root)
        made_from = cache.key(
            tarballs=[cache.digest_of(path) for path in tarballs], layout=1
        )
        root = cache.get(
            "scst-source", made_from, lambda path: _lay_out(tarballs, path)
        )
    return Source(root, _version(root))


def _version(root: Path) -> str:
    # Before 2.0, scst.h held the version.
    for name in ("scst_const.h", "scst.h"):
        match = _VERSION.search(_text(root / "scst" / "include" / name))
        if match:
            return match[1] or match[2]
    raise LabError(f"{root} does not name its version of SCST")


def _lacks(root: Path) -> list[str]:
    return [
        f"{name}/{_MARKS[name]}"
        for name in _NEEDED
        if not (root / name / _MARKS[name]).exists()
    ]


def _tarballs(folder: Path) -> list[Path]:
    archives = {path for pattern in _TARBALLS for path in folder.glob(pattern)}
    return sorted(path for path in archives if "scst" in path.name)


def _lay_out(tarballs: list[Path], path: Path) -> None:
    """Unpack tarballs beside each other, each component under its plain name."""
    path.mkdir()
    for tarball in tarballs:
        unpacked = path / "unpacking"
        unpacked.mkdir()
        try:
            with tarfile.open(tarball) as archive:
                archive.extractall(unpacked, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise LabError(f"{tarball} cannot be unpacked: {error}") from error
        for name, folder in _parts(unpacked):
            if not (path / name).exists():
                folder.rename(path / name)
        shutil.rmtree(unpacked)
    lacks = _lacks(path)
    if lacks:
        names = ", ".join(tarball.name for tarball in tarballs)
        raise LabError(f"{lacks[0]} is in none of {names}", hint=HOW_TO_GET)


def _parts(unpacked: Path) -> Iterator[tuple[str, Path]]:
    """Return the components in a release: the release is one, or contains them all.

    The files beside them generate the patch for a kernel's own sources.
    """
    for folder in unpacked.iterdir():
        own = [name for name, mark in _MARKS.items() if (folder / mark).exists()]
        if own:
            yield own[0], folder
        elif folder.is_dir():
            yield from ((one.name, one) for one in sorted(folder.iterdir()))


def _files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and path.suffix not in _MADE and ".git" not in parts:
            yield path


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
