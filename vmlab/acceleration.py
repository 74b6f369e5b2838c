# SPDX-License-Identifier: GPL-2.0-only
"""Whether KVM works here: known by a guest that started under it, not by /dev/kvm."""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vmlab import cache, cpio, daemon, domain
from vmlab.guests.model import READY
from vmlab.kernel import Kernel
from vmlab.tool import find

if TYPE_CHECKING:
    import libvirt

PROBE_SECONDS = 15.0
"""A guest that has said nothing by then hangs: where KVM works it takes a second."""

_DEVICE = Path("/dev/kvm")
_INIT = f"""#!/bin/busybox sh
/bin/busybox echo {READY}
/bin/busybox poweroff -f
"""


def is_usable(connection: "libvirt.virConnect", kernel: Kernel) -> bool:
    """Tell whether machines can run under KVM; the answer is kept for this host."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    known = cache.folder() / "acceleration.json"
    identity = _identity(kernel)
    try:
        kept = json.loads(known.read_text())
        if kept["host"] == identity:
            return bool(kept["kvm"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is known yet, or what is kept cannot be read
    answer = _probe(connection, kernel)
    known.write_text(json.dumps({"host": identity, "kvm": answer}))
    return answer


def _identity(kernel: Kernel) -> str:
    """Return what the answer depends on: the host, its start, and the guest."""
    host = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{host} {kernel.version}"


def _probe(connection: "libvirt.virConnect", kernel: Kernel) -> bool:
    folder = cache.folder() / "probe"
    folder.mkdir(exist_ok=True)
    name = f"probe-{os.getpid()}"
    initramfs, console = folder / f"{name}.cpio", folder / f"{name}.log"
    busybox = Path(find("busybox")).read_bytes()
    initramfs.write_bytes(
        cpio.archive(
            [
                cpio.file("init", _INIT.encode(), executable=True),
                cpio.file("bin/busybox", busybox, executable=True),
                cpio.device("dev/console", 5, 1),
            ]
        )
    )
    machine = domain.Machine(
        name, "probe", kernel.image, initramfs, console, {}, is_accelerated=True
    )
    libvirt = daemon.module()
    try:
        started = connection.createXML(
            domain.describe(machine), libvirt.VIR_DOMAIN_START_AUTODESTROY
        )
    except libvirt.libvirtError:
        return False
    try:
        deadline = time.monotonic() + PROBE_SECONDS
        while time.monotonic() < deadline:
            if console.exists() and READY.encode() in console.read_bytes():
                return True
            time.sleep(0.1)
        return False
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            started.destroy()  # unless it has ended by itself
        initramfs.unlink()
        console.unlink(missing_ok=True)
