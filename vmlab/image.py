# SPDX-License-Identifier: GPL-2.0-only
"""Initial RAM file systems: BusyBox, the modules needed, and a guest's set-up."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from vmlab import cache, cpio, modules
from vmlab.errors import LabError
from vmlab.guests.model import ADDRESS, FAILED, READY, Guest
from vmlab.kernel import Kernel
from vmlab.tool import find, run

_BASE_MODULES = ("virtio_pci", "virtio_net", "virtio_blk", "ext4", "crc32c_generic")
_FOLDERS = ("proc", "sys", "dev", "tmp", "var", "run", "etc", "root")
_LAYOUT = 3
"""Counts the changes to what an image holds that its ingredients do not show."""

_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
echo 7 > /proc/sys/kernel/printk
for module in $(cat /etc/modules); do
    insmod $module || echo "{failed} insmod $module"
done
ip link set lo up
ip addr add {address}/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
mount -t tmpfs none /tmp
if [ -b /dev/vda ]; then mount -t ext4 /dev/vda /var || echo "{failed} mount /var"; fi
mkdir -p /var/tmp
if sh -e /etc/setup > /tmp/setup.log 2>&1; then
    echo "{ready}"
else
    cat /tmp/setup.log
    echo "{failed} $(tail -n 1 /tmp/setup.log)"
fi
while true; do setsid cttyhack sh; sleep 1; done
"""


def initramfs(kernel: Kernel, guest: Guest) -> Path:
    """Return a guest's initramfs; it is made once for the same ingredients.

    Raises:
        LabError: a module or a program is missing.
    """
    files = modules.closure(
        kernel.root, kernel.version, (*_BASE_MODULES, *guest.modules)
    )
    programs = {name: Path(find(name)) for name in ("busybox", *guest.programs)}
    made_from = cache.key(
        layout=_LAYOUT,
        init=_INIT,
        guest=guest,
        kernel=str(kernel.root),
        programs={name: cache.digest_of(path) for name, path in programs.items()},
        modules={path.name: cache.digest_of(path) for path in files},
    )
    return cache.get(
        "initramfs",
        made_from,
        lambda path: _write(path, _entries(guest, files, programs)),
    )


def _write(path: Path, entries: Iterable[cpio.Entry]) -> None:
    path.write_bytes(cpio.archive(entries))


def _entries(
    guest: Guest, files: list[Path], programs: dict[str, Path]
) -> Iterator[cpio.Entry]:
    for name in (*_FOLDERS, *guest.folders):
        yield cpio.folder(name.strip("/"))
    yield cpio.device("dev/console", 5, 1)
    init = _INIT.format(address=ADDRESS, ready=READY, failed=FAILED)
    yield cpio.file("init", init.encode(), executable=True)
    yield cpio.file("etc/setup", guest.setup.encode() + b"\n")
    loaded = [f"/lib/modules/{path.name}" for path in files]
    yield cpio.file("etc/modules", ("\n".join(loaded) + "\n").encode())
    for path in files:
        yield cpio.file(f"lib/modules/{path.name}", path.read_bytes())
    for name, path in programs.items():
        place = "bin/busybox" if name == "busybox" else str(path).strip("/")
        yield cpio.file(place, path.read_bytes(), executable=True)
    for library in sorted({one for path in programs.values() for one in _needs(path)}):
        yield cpio.file(str(library).strip("/"), library.read_bytes(), executable=True)


def _needs(program: Path) -> list[Path]:
    """Return the shared libraries of a program, and its loader."""
    printed = run("ldd", program, allowed=(0, 1))
    if "not a dynamic executable" in printed or "statically linked" in printed:
        return []
    missing = re.findall(r"(\S+) => not found", printed)
    if missing:
        raise LabError(f"{program} lacks the library {missing[0]}")
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", printed)]
