# SPDX-License-Identifier: GPL-2.0-only
"""SCST's whole way into a machine, with modules that only take its writes.

It serves nothing: that needs the real sources.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest

from targets.model import Chap, Credentials, LogicalUnit, Target
from targets.scst import config, guest
from targets.scst.config import Configurator
from tests.targets.scst import standin
from tests.tools import require
from vmlab.guest import Endpoint

pytestmark = pytest.mark.lab

NAME = "iqn.2001-04.com.example:assay.scst"
TARGETS = [
    Target(
        f"{NAME}.a",
        (
            LogicalUnit(0, 1 << 20),
            LogicalUnit(1, 1 << 20, 4096),
            LogicalUnit(2, 1 << 20, backing="block"),
            LogicalUnit(3, 1 << 20, backing="null"),
        ),
    ),
    Target(
        f"{NAME}.b",
        (LogicalUnit(0, 1 << 20),),
        Chap(
            Credentials("user", b"it's-a#secret"),
            Credentials("other", b"the-\\way-back"),
        ),
    ),
]


@pytest.fixture(autouse=True)
def _lab() -> None:
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe", "make"):
        require(program)
    pytest.importorskip("libvirt", reason="make lab installs it")


@pytest.mark.parametrize("by", list(Configurator))
def test_modules_are_loaded_and_configured_in_order(
    tmp_path: Path, by: Configurator
) -> None:
    from targets.scst.serve import Served  # noqa: PLC0415
    from vmlab import folders, machine  # noqa: PLC0415  # needs the lab's parts

    require("perl")
    served = Served(standin.loadable(tmp_path / "scst"), by=by)
    built = served.guest(TARGETS)

    with machine.Lab() as lab:
        name = machine.unique_name("scst")
        running = lab.up(built, name, kernel=served.kernel(), ends_with_us=True)
        output = running.log_since(0)
        reached = listeners(running.forwards)
        running.destroy()
        folders.forget(name)

    settings = guest.configuration(TARGETS)
    expected = [
        f"{one.path.removeprefix('/sys')}: {one.text}"
        for one in (*config.devices(settings), *config.targets(settings))
    ]
    received = re.findall(r"standin (.*)$", output, re.MULTILINE)
    assert "standin refuses" not in output
    if by is Configurator.SYSFS:
        assert received == expected
    else:
        # scstadmin has an order of its own, but no initiator can log in before the end.
        assert sorted(received) == sorted(expected)
        assert received[-1] == expected[-1]
    assert "the daemon is about to start" in output
    assert reached == {endpoint: endpoint.address for endpoint in built.endpoints}


def listeners(forwards: Mapping[Endpoint, int]) -> dict[Endpoint, str]:
    """Return what each portal says of itself; the stand-in speaks HTTP there."""
    matches = {}
    for endpoint, port in forwards.items():
        with urlopen(f"http://127.0.0.1:{port}/where", timeout=20) as answer:
            matches[endpoint] = answer.read().decode().strip()
    return matches
