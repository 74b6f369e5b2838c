# SPDX-License-Identifier: GPL-2.0-only
"""Initial RAM file systems: BusyBox, the modules needed, and a guest's set-up."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vmlab import cache, cpio, modules, packages
from vmlab.bzimage import is_elf
from vmlab.errors import LabError
from vmlab.guest import ADDRESS, FAILED, READY, Guest, assignments, inside
from vmlab.kernel import Kernel
from vmlab.tool import find, run

_BASE_MODULES = ("virtio_pci", "virtio_net", "virtio_blk", "ext4", "crc32c_generic")
_FOLDERS = ("proc", "sys", "dev", "tmp", "var", "run", "etc", "root")
_BUSYBOX = "bin/busybox"
_PROGRAM_FOLDERS = ("sbin", "bin", "usr/sbin", "usr/bin")
_LIBRARY_FOLDERS = (
    "lib",
    "lib/x86_64-linux-gnu",
    "usr/lib",
    "usr/lib/x86_64-linux-gnu",
)
_LAYOUT = 5
"""The version of the image format, for changes that the inputs do not show."""

_SCRIPTS = Path(__file__).parent / "scripts"
_INIT = (_SCRIPTS / "init.sh").read_text()
_LEAKS = (_SCRIPTS / "leaks.sh").read_text()


def initramfs(kernel: Kernel, guest: Guest) -> Path:
    """Return a guest's initramfs, which is created once for the same inputs.

    Raises:
        LabError: a module or a program is missing.
    """
    of_kernel = (kernel.root, kernel.version)
    optional = modules.present(*of_kernel, guest.optional_modules)
    files = modules.closure(*of_kernel, (*_BASE_MODULES, *guest.modules, *optional))
    root = packages.unpacked(guest.packages) if guest.packages else None
    parts = _parts(guest, root)
    made_from = cache.key(
        layout=_LAYOUT,
        init=_INIT + _LEAKS,
        guest=guest,
        kernel=str(kernel.root),
        parts={place: cache.digest_of(path) for place, path in parts.items()},
        modules={path.name: cache.digest_of(path) for path in files},
    )
    return cache.get(
        "initramfs",
        made_from,
        lambda path: _write(path, _entries(guest, files, parts)),
    )


def _parts(guest: Guest, root: Path | None) -> Mapping[str, Path]:
    """Return the files that a guest includes, by their paths in it.

    Raises:
        LabError: a file or a library is missing.
    """
    parts = {_BUSYBOX: Path(find("busybox"))}
    for name in guest.programs:
        if Path(name).is_absolute():
            parts[inside(Path(name)).strip("/")] = Path(name)
            continue
        packaged = _packaged(root, (f"{folder}/{name}" for folder in _PROGRAM_FOLDERS))
        path = packaged[0] if packaged else Path(find(name))
        parts[_place(path, root)] = path
    for pattern in guest.files:
        packaged = _packaged(root, [pattern])
        if not packaged:
            raise LabError(f"no package of the guest {guest.kind} has {pattern}")
        parts |= {_place(path, root): path for path in packaged}
    parts |= {inside(path).strip("/"): path for path in map(Path, guest.own_files)}
    libraries = {one for path in parts.values() for one in _needs(path, root)}
    return parts | {_place(path, root): path for path in sorted(libraries)}


def _packaged(root: Path | None, patterns: Iterable[str]) -> list[Path]:
    if root is None:
        return []
    return [path for one in patterns for path in sorted(root.glob(one))]


def _place(path: Path, root: Path | None) -> str:
    """Return the path in the image of a file of a package, or of this machine."""
    if root is not None and path.is_relative_to(root):
        return str(path.relative_to(root))
    return str(path).strip("/")


def _write(path: Path, entries: Iterable[cpio.Entry]) -> None:
    path.write_bytes(cpio.archive(entries))


def _entries(
    guest: Guest, files: list[Path], parts: Mapping[str, Path]
) -> Iterator[cpio.Entry]:
    for name in (*_FOLDERS, *guest.folders):
        yield cpio.folder(name.strip("/"))
    yield cpio.device("dev/console", 5, 1)
    others = dict.fromkeys(endpoint.address for endpoint in guest.endpoints)
    addresses = " ".join({ADDRESS: None} | others)
    settings = assignments(ADDRESSES=addresses, READY=READY, FAILED=FAILED)
    yield cpio.file("init", _INIT.encode(), executable=True)
    yield cpio.file("etc/settings", settings.encode())
    yield cpio.file("etc/setup", guest.setup.encode() + b"\n")
    yield cpio.file("etc/leaks", _LEAKS.encode())
    loaded = "".join(f"/lib/modules/{path.name}\n" for path in files)
    yield cpio.file("etc/modules", loaded.encode())
    for path in files:
        yield cpio.file(f"lib/modules/{path.name}", path.read_bytes())
    for place, text in guest.texts.items():
        yield cpio.file(place.strip("/"), text.encode())
    for place, path in parts.items():
        is_program = os.access(path, os.X_OK) or ".so" in path.name
        yield cpio.file(place, path.read_bytes(), executable=is_program)


def _needs(program: Path, root: Path | None) -> list[Path]:
    """Return the shared libraries of a program, and its loader."""
    if not is_elf(program):
        return []
    folders = [root / one for one in _LIBRARY_FOLDERS] if root is not None else []
    path = ":".join(map(str, folders))
    printed = run("env", f"LD_LIBRARY_PATH={path}", "ldd", program, allowed=(0, 1))
    if "not a dynamic executable" in printed or "statically linked" in printed:
        return []
    missing = re.findall(r"(\S+) => not found", printed)
    if missing:
        raise LabError(f"{program} lacks the library {missing[0]}")
    return [Path(library) for library in re.findall(r"(/\S+) \(0x", printed)]
