# SPDX-License-Identifier: GPL-2.0-only
"""Kernels and modules that are really built, booted and loaded."""

from pathlib import Path

import pytest

from initiator.connection import Portal
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi.scsi import cdb
from targets import parse
from tests.tools import missing, require
from vmlab.errors import LabError
from vmlab.guests.model import Guest
from vmlab.kernel import Kernel

pytestmark = pytest.mark.lab
# On one worker: another would only wait for the kernel.
_ONE_BUILD = pytest.mark.xdist_group("kernel")

HERE = Path(__file__).parent / "build"
MODULE = HERE / "assay_module"
PATCH = HERE / "proc-version.patch"
SETUP = """
dmesg | grep 'assay_module: loaded'
"""


@pytest.fixture(autouse=True)
def _lab() -> None:
    for program in (
        "qemu-system-x86_64",
        "libvirtd",
        "busybox",
        "modprobe",
        "make",
        "gcc",
        "ccache",
        "patch",
        "flex",
        "bison",
        "bc",
    ):
        require(program)
    pytest.importorskip("libvirt", reason="make lab installs it")


def test_a_module_built_beside_debians_kernel_is_loaded() -> None:
    from vmlab import folders, headers, kernel, machine  # noqa: PLC0415  # as below
    from vmlab.build import external  # noqa: PLC0415

    plain = kernel.of_debian()
    built = external.build(MODULE, headers.of(plain))
    guest = Guest("module", ("assay_module",), SETUP, ())

    with machine.Lab() as lab:
        running = lab.up(
            guest,
            machine.unique_name("module"),
            kernel=external.with_modules(plain, built),
            dies_with_us=True,
        )
        said = running.log_since(0)
        running.destroy()
        folders.forget(running.name)

    assert [path.name for path in built] == ["assay_module.ko"]
    assert "ASSAY-READY" in said


@pytest.fixture(scope="module")
def patched() -> Kernel:
    """Debian's sources with our patch and our module.

    Minutes on two idle processors; the lab's cache keeps it for the next run.
    """
    from vmlab.build import kernel, sources  # noqa: PLC0415  # needs the lab's parts

    try:
        sources.find("debian")
    except LabError as error:
        missing(str(error))
    built = kernel.build(kernel.Order("debian", (PATCH,), modules=(MODULE,)))
    kernel.remember("assay-test", built)
    return built


@_ONE_BUILD
def test_a_patched_kernel_boots_with_a_module_of_its_own(
    patched: Kernel,
) -> None:
    from vmlab import folders, machine  # noqa: PLC0415  # needs the lab's parts

    guest = Guest(
        "patched",
        ("assay_module",),
        f"{SETUP}\ngrep 'assay: patched' /proc/version\n",
        (),
    )

    with machine.Lab() as lab:
        running = lab.up(
            guest, machine.unique_name("patched"), kernel=patched, dies_with_us=True
        )
        said = running.log_since(0)
        running.destroy()
        folders.forget(running.name)

    assert patched.patches == (PATCH.name,)
    assert "ASSAY-READY" in said


@_ONE_BUILD
def test_lio_serves_on_a_kernel_that_the_lab_built(patched: Kernel) -> None:
    with parse("lio", kernel="assay-test") as running:
        portal = Portal(running.portal.host, running.portal.port)
        options = LoginOptions(target_name=running.target.name)
        with Session(portal, options, lun=0) as session:
            while not session.execute(cdb.test_unit_ready()).is_good:
                pass  # unit attentions; the session's time limit bounds them
            answer = session.execute(cdb.read_10(lba=0, blocks=1), read=512)

    assert answer.is_good
    assert running.kernel == patched.version
    assert running.patches == (PATCH.name,)


@_ONE_BUILD
def test_a_module_for_another_kernel_is_refused(patched: Kernel) -> None:
    from vmlab import headers, kernel  # noqa: PLC0415  # needs the lab's parts
    from vmlab.build import external  # noqa: PLC0415

    plain = kernel.of_debian()
    built = external.build(MODULE, headers.of(plain))

    with pytest.raises(LabError, match=r"assay_module\.ko was built for kernel"):
        external.with_modules(patched, built)
