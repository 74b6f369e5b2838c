# SPDX-License-Identifier: GPL-2.0-only
"""The interoperability suite against the reference target, whole."""

import re

import pytest

from tests.suites.runs import complaint, run
from tests.tools import require

_SECONDS = 1800.0
"""On a busy host an emulated client takes long."""


@pytest.mark.lab
def test_the_linux_initiator_gets_on_with_the_reference_target() -> None:
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe"):
        require(program)
    for module in ("libvirt", "pexpect"):
        pytest.importorskip(module, reason="make lab installs it")

    process = run("--target=reference", path="suites/interop", seconds=_SECONDS)

    assert process.returncode == 0, process.stdout[-4000:] + process.stderr[-2000:]
    # The reference target offers everything that the checks require.
    assert "skipped" not in process.stdout.splitlines()[-1]
    assert re.search(r"\b[1-9]\d* passed", process.stdout)


@pytest.mark.lab
def test_a_machine_that_is_not_there_is_reported_in_one_line() -> None:
    pytest.importorskip("libvirt", reason="make lab installs it")
    require("libvirtd", "virsh")

    process = run("--client=nobody", "-k", "discovery", path="suites/interop")

    assert process.returncode == 3
    assert (
        "there is no client: there is no machine nobody"
        in process.stdout + process.stderr
    )
    assert "Traceback" not in process.stdout + process.stderr


def test_several_workers_do_not_share_a_client() -> None:
    process = run("--client=any", "-n", "2", path="suites/interop")

    assert process.returncode == 4
    assert complaint(process) == "--client names one machine: run without -n"
