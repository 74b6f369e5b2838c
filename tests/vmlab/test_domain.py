# SPDX-License-Identifier: GPL-2.0-only
"""The description of a machine, as libvirt's own test driver takes it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.tools import require
from vmlab import domain, machine
from vmlab.guest import Endpoint

pytestmark = pytest.mark.lab

MACHINE = domain.Machine(
    name="one",
    kind="lio",
    kernel=Path("/k"),
    initramfs=Path("/i"),
    console=Path("/c.log"),
    forwards={Endpoint(3260): 4001, Endpoint(3260, "10.0.2.16"): 4002},
    disk=Path("/d.img"),
)


@pytest.fixture(autouse=True)
def _qemu() -> None:
    require("qemu-system-x86_64")


def test_forwards_are_bound_to_loopback_alone() -> None:
    text = domain.describe(MACHINE)

    assert ",hostfwd=tcp:127.0.0.1:4001-10.0.2.15:3260," in text
    assert ",hostfwd=tcp:127.0.0.1:4002-10.0.2.16:3260" in text


def test_only_a_resumed_machine_loads_what_was_saved() -> None:
    resumed = domain.describe(replace(MACHINE, is_resumed=True))

    assert f'<qemu:arg value="-loadvm" /><qemu:arg value="{domain.SAVED}" />' in resumed
    assert "-loadvm" not in domain.describe(MACHINE)


def test_acceleration_is_as_configured() -> None:
    emulated = ET.fromstring(domain.describe(MACHINE))  # noqa: S314  # our own
    fast = ET.fromstring(  # noqa: S314  # our own
        domain.describe(replace(MACHINE, is_accelerated=True))
    )

    assert (emulated.get("type"), fast.get("type")) == ("qemu", "kvm")


def test_a_crash_ends_the_machine() -> None:
    root = ET.fromstring(domain.describe(MACHINE))  # noqa: S314  # our own

    assert {root.findtext(f"on_{event}") for event in ("crash", "reboot")} == {
        "destroy"
    }


def test_libvirt_takes_it() -> None:
    libvirt = pytest.importorskip("libvirt", reason="make lab installs it")
    connection = libvirt.open("test:///default")

    received = connection.defineXML(
        domain.describe(MACHINE).replace('type="qemu"', 'type="test"')
    )

    assert received.name() == "iscsi-assay-one"
    assert "4001" in received.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None)


def test_a_root_that_machines_share_is_not_written_to() -> None:
    shared = replace(MACHINE, root=Path("/r.img"), processors=2)
    root = ET.fromstring(domain.describe(shared))  # noqa: S314  # our own

    stored = {
        target.get("dev")
        for disk in root.iter("disk")
        for target in disk.findall("target")
        if disk.findall("readonly")
    }
    assert stored == {"vdb"}
    assert root.findtext("vcpu") == "2"


def test_folders_are_shared_under_their_numbers() -> None:
    folders = (Path("/a"), Path("/b"))
    text = domain.describe(replace(MACHINE, shares=folders))
    root = ET.fromstring(text)  # noqa: S314  # our own

    shares = [
        [one.attrib["dir"] for one in share if "dir" in one.attrib]
        for share in root.iter("filesystem")
    ]
    assert shares == [["/a", "share0"], ["/b", "share1"]]


def test_a_machine_need_not_listen() -> None:
    text = domain.describe(replace(MACHINE, forwards={}))

    assert 'value="user,id=lab"' in text
    assert "hostfwd" not in text


@pytest.mark.parametrize("forwards", [MACHINE.forwards, {}])
def test_what_is_forwarded_is_read_back(forwards: Mapping[Endpoint, int]) -> None:
    libvirt = pytest.importorskip("libvirt", reason="make lab installs it")
    connection = libvirt.open("test:///default")
    alone = replace(MACHINE, name="alone", forwards=forwards)
    created_domain = connection.createXML(
        domain.describe(alone).replace('type="qemu"', 'type="test"')
    )

    try:
        result = machine._of_domain(created_domain)
    finally:
        created_domain.destroy()

    assert (result.name, result.kind, result.forwards) == ("alone", "lio", forwards)
