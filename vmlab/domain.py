# SPDX-License-Identifier: GPL-2.0-only
"""The description of a machine for libvirt."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from vmlab.guest import Endpoint
from vmlab.tool import find

PREFIX = "iscsi-assay-"
"""The prefix of the lab's own domains; it touches no others."""

_QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
# Print messages up to warnings, by which a kernel reports its own mistakes.
# no_timer_check: an emulated timer on a busy host fails the kernel's test, which takes
# milliseconds.
_COMMAND_LINE = (
    "console=ttyS0 panic=-1 oops=panic quiet loglevel=5 no_timer_check rdinit=/init"
)


@dataclass(frozen=True, slots=True)
class Machine:
    """The parameters of a machine."""

    name: str
    """The name, without the prefix."""
    kind: str
    kernel: Path
    initramfs: Path
    console: Path
    """The file of the console's output."""
    forwards: Mapping[Endpoint, int]
    """The port of 127.0.0.1 for each endpoint of the guest."""
    disk: Path | None = None
    root: Path | None = None
    """A file system that several machines may use at once, read-only."""
    shares: tuple[Path, ...] = ()
    """Folders of the host, which the guest mounts by 9p as share0 and so on."""
    memory: int = 384
    """In MiB."""
    processors: int = 1
    is_accelerated: bool = False
    is_resumed: bool = False
    """Whether it resumes from the state on its disk, instead of booting."""


SAVED = "booted"
"""The name of the state that a machine's disk keeps."""


def describe(machine: Machine) -> str:
    """Return the XML of a domain.

    Raises:
        LabError: QEMU is not installed.
    """
    ET.register_namespace("qemu", _QEMU)
    domain = ET.Element("domain", type="kvm" if machine.is_accelerated else "qemu")
    _text(domain, "name", PREFIX + machine.name)
    _text(domain, "title", machine.kind)
    ports = " ".join(f"{inner}={outer}" for inner, outer in machine.forwards.items())
    _text(domain, "description", ports)
    _text(domain, "memory", str(machine.memory)).set("unit", "MiB")
    _text(domain, "vcpu", str(machine.processors))
    system = ET.SubElement(domain, "os")
    _text(system, "type", "hvm").attrib.update(arch="x86_64", machine="q35")
    _text(system, "kernel", str(machine.kernel))
    _text(system, "initrd", str(machine.initramfs))
    _text(system, "cmdline", _COMMAND_LINE)
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    mode = "host-passthrough" if machine.is_accelerated else "maximum"
    ET.SubElement(domain, "cpu", mode=mode)
    # A crash ends the machine; the console's file keeps the output.
    for event in ("on_poweroff", "on_reboot", "on_crash"):
        _text(domain, event, "destroy")
    _devices(ET.SubElement(domain, "devices"), machine)
    if os.geteuid() == 0:
        # libvirt's own user could not read a cache in root's home.
        label = ET.SubElement(domain, "seclabel", type="static", model="dac")
        label.set("relabel", "no")
        _text(label, "label", "+0:+0")
    arguments = _forwards(machine)
    if machine.is_resumed:
        arguments += ["-loadvm", SAVED]
    line = ET.SubElement(domain, f"{{{_QEMU}}}commandline")
    for word in arguments:
        ET.SubElement(line, f"{{{_QEMU}}}arg", value=word)
    return ET.tostring(domain, encoding="unicode")


def _devices(devices: ET.Element, machine: Machine) -> None:
    _text(devices, "emulator", find("qemu-system-x86_64"))
    serial = ET.SubElement(devices, "serial", type="pty")
    ET.SubElement(serial, "log", file=str(machine.console), append="off")
    ET.SubElement(serial, "target", port="0")
    console = ET.SubElement(devices, "console", type="pty")
    ET.SubElement(console, "target", type="serial", port="0")
    ET.SubElement(devices, "memballoon", model="none")
    ET.SubElement(devices, "controller", type="usb", model="none")
    if machine.disk is not None:
        _disk(devices, machine.disk, "vda", "qcow2")
    if machine.root is not None:
        ET.SubElement(_disk(devices, machine.root, "vdb", "raw"), "readonly")
    for number, folder in enumerate(machine.shares):
        # QEMU's user owns all files, whichever guest user writes, so root is not
        # needed.
        share = ET.SubElement(devices, "filesystem", type="mount", accessmode="squash")
        ET.SubElement(share, "driver", type="path")
        ET.SubElement(share, "source", dir=str(folder))
        ET.SubElement(share, "target", dir=f"share{number}")


def _disk(devices: ET.Element, path: Path, name: str, form: str) -> ET.Element:
    disk = ET.SubElement(devices, "disk", type="file", device="disk")
    # The host's page cache survives the machine, so no data is lost.
    ET.SubElement(disk, "driver", name="qemu", type=form, cache="unsafe")
    ET.SubElement(disk, "source", file=str(path))
    ET.SubElement(disk, "target", dev=name, bus="virtio")
    return disk


def _forwards(machine: Machine) -> list[str]:
    """Return QEMU's arguments for user networking.

    libvirt itself cannot describe its forwards.
    """
    rules = "".join(
        f",hostfwd=tcp:127.0.0.1:{outer}-{inner}"
        for inner, outer in machine.forwards.items()
    )
    device = "virtio-net-pci,netdev=lab,romfile=,addr=0x1c"
    return ["-netdev", f"user,id=lab{rules}", "-device", device]


def _text(parent: ET.Element, tag: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, tag)
    element.text = text
    return element
