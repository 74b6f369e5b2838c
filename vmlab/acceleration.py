# SPDX-License-Identifier: GPL-2.0-only
"""Tests whether KVM works here, by a guest that starts under it, not by /dev/kvm."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vmlab import cache, cpio, daemon, domain, locks
from vmlab.guest import READY
from vmlab.kernel import Kernel
from vmlab.poll import poll
from vmlab.tool import find

if TYPE_CHECKING:
    import libvirt

PROBE_SECONDS = 15.0
"""A guest without output after this time hangs; with a working KVM it takes a
second."""

_DEVICE = Path("/dev/kvm")
_INIT = f"""#!/bin/busybox sh
/bin/busybox echo {READY}
/bin/busybox poweroff -f
"""


def is_usable(connection: "libvirt.virConnect", kernel: Kernel) -> bool:
    """Tell whether machines can run under KVM; the result is cached for this host."""
    if not _is_ours():
        return False
    path = _path()
    # Other processes wait here for the answer of this probe.
    with locks.held(path.with_suffix(".lock")):
        answers = _answers()
        if kernel.version not in answers:
            answers[kernel.version] = _probe(connection, kernel)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps({"host": _host(), "kvm": answers}))
            fresh.replace(path)
    return answers[kernel.version]


def describe() -> str:
    """Describe the cached result, without starting a guest."""
    if not _DEVICE.exists():
        return "emulation: there is no /dev/kvm"
    if not _is_ours():
        return "emulation: /dev/kvm is not ours to open"
    answers = _answers()
    if not answers:
        return "not known yet: the first machine tries KVM"
    tried = ", ".join(
        f"{'answered' if is_good else 'did not answer'} ({version})"
        for version, is_good in sorted(answers.items())
    )
    return f"{'KVM' if all(answers.values()) else 'emulation'}: a probe guest {tried}"


def _is_ours() -> bool:
    return os.access(_DEVICE, os.R_OK | os.W_OK)


def _path() -> Path:
    return cache.folder() / "kvm.json"


def _answers() -> dict[str, bool]:
    """Return the cached results on this host, by the version of their kernel."""
    try:
        cached = json.loads(_path().read_text())
        if cached["host"] == _host():
            return {str(name): bool(works) for name, works in cached["kvm"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # there is no cached result yet, or it cannot be read
    return {}


def _host() -> str:
    """Return the conditions of a cached result: this boot of the host, and this QEMU.

    A cache may come from another host, and a host may boot another kernel.
    """
    start = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    qemu = Path(find("qemu-system-x86_64")).stat()
    return f"{start} {qemu.st_size} {qemu.st_mtime_ns}"


def _probe(connection: "libvirt.virConnect", kernel: Kernel) -> bool:
    base = cache.folder() / "probe"
    base.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base) as folder:
        return _answers_in(Path(folder), connection, kernel)


def _answers_in(folder: Path, connection: "libvirt.virConnect", kernel: Kernel) -> bool:
    """Start a guest under KVM that prints a line and ends."""
    name = f"probe-{os.getpid()}"
    initramfs, console = folder / "initramfs", folder / "console.log"
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
        return any(
            console.exists() and READY.encode() in console.read_bytes()
            for _ in poll(PROBE_SECONDS, 0.1)
        )
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            started.destroy()  # unless the process has already ended
