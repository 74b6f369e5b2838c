# SPDX-License-Identifier: GPL-2.0-only
"""SCST's whole way into a machine, with modules that only take its writes.

It serves nothing: that needs the real sources.
"""

import re
from pathlib import Path

import pytest

from tests.tools import require
from tests.vmlab.scst import standin
from vmlab.guests import scst
from vmlab.guests.model import Export, Login, Unit
from vmlab.scst import config
from vmlab.scst.config import Handler

pytestmark = pytest.mark.lab

NAME = "iqn.2001-04.com.example:assay.scst"
EXPORTS = [
    Export(f"{NAME}.a", (Unit(0, 1 << 20), Unit(1, 1 << 20, 4096))),
    Export(
        f"{NAME}.b",
        (Unit(0, 1 << 20),),
        Login("user", "it's-a-secret", "other", "the-way-back"),
    ),
]


@pytest.fixture(autouse=True)
def _lab() -> None:
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe", "make"):
        require(program)
    pytest.importorskip("libvirt", reason="make lab installs it")


@pytest.mark.parametrize("handler", [Handler.FILEIO, Handler.BLOCKIO])
def test_modules_are_loaded_and_told_all_in_order(
    tmp_path: Path, handler: Handler
) -> None:
    from vmlab import folders, machine  # noqa: PLC0415  # needs the lab's parts
    from vmlab.scst.serve import Served  # noqa: PLC0415

    served = Served(standin.loadable(tmp_path / "scst"))
    kernel = served.kernel()
    guest = scst.guest(EXPORTS, served.built.daemon, handler)

    with machine.Lab() as lab:
        name = machine.unique_name("scst")
        running = lab.up(guest, name, kernel=kernel, dies_with_us=True)
        said = running.log_since(0)
        running.destroy()
        folders.forget(name)

    settings = scst.configuration(EXPORTS, handler)
    expected = [
        f"{one.path.removeprefix('/sys')}: {one.text}"
        for one in (*config.devices(settings), *config.targets(settings))
    ]
    assert re.findall(r"standin (.*)$", said, re.MULTILINE) == expected
