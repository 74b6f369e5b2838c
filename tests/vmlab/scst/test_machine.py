# SPDX-License-Identifier: GPL-2.0-only
"""SCST's whole way into a machine, with modules that only take its writes.

It serves nothing: that needs the real sources.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.tools import require
from tests.vmlab.scst import standin
from vmlab.guests import scst
from vmlab.guests.model import Export, Login, Portal, Unit
from vmlab.scst import config
from vmlab.scst.config import Configurator

pytestmark = pytest.mark.lab

NAME = "iqn.2001-04.com.example:assay.scst"
EXPORTS = [
    Export(
        f"{NAME}.a",
        (
            Unit(0, 1 << 20),
            Unit(1, 1 << 20, 4096),
            Unit(2, 1 << 20, backing="block"),
            Unit(3, 1 << 20, backing="null"),
        ),
    ),
    Export(
        f"{NAME}.b",
        (Unit(0, 1 << 20),),
        Login("user", "it's-a#secret", "other", "the-\\way-back"),
    ),
]


@pytest.fixture(autouse=True)
def _lab() -> None:
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe", "make"):
        require(program)
    pytest.importorskip("libvirt", reason="make lab installs it")


@pytest.mark.parametrize("by", list(Configurator))
def test_modules_are_loaded_and_told_all_in_order(
    tmp_path: Path, by: Configurator
) -> None:
    from vmlab import folders, machine  # noqa: PLC0415  # needs the lab's parts
    from vmlab.scst.serve import Served  # noqa: PLC0415

    require("perl")
    served = Served(standin.loadable(tmp_path / "scst"), by=by)
    guest = served.guest(EXPORTS)

    with machine.Lab() as lab:
        name = machine.unique_name("scst")
        running = lab.up(guest, name, kernel=served.kernel(), dies_with_us=True)
        said = running.log_since(0)
        reached = listeners(running.forwards)
        running.destroy()
        folders.forget(name)

    settings = scst.configuration(EXPORTS)
    expected = [
        f"{one.path.removeprefix('/sys')}: {one.text}"
        for one in (*config.devices(settings), *config.targets(settings))
    ]
    taken = re.findall(r"standin (.*)$", said, re.MULTILINE)
    assert "standin refuses" not in said
    if by is Configurator.SYSFS:
        assert taken == expected
    else:
        # scstadmin has an order of its own; but nobody gets in before all is there.
        assert sorted(taken) == sorted(expected)
        assert taken[-1] == expected[-1]
    assert "the daemon is about to start" in said
    assert reached == {portal: portal.address for portal in guest.portals}


def listeners(forwards: Mapping[Portal, int]) -> dict[Portal, str]:
    """Return what each portal says of itself; the stand-in speaks HTTP there."""
    found = {}
    for portal, port in forwards.items():
        with urlopen(f"http://127.0.0.1:{port}/where", timeout=20) as answer:
            found[portal] = answer.read().decode().strip()
    return found
