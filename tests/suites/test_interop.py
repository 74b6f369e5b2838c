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

    done = run("--target=reference", path="suites/interop", seconds=_SECONDS)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    # The reference target offers all that the checks ask for.
    assert "skipped" not in done.stdout.splitlines()[-1]
    assert re.search(r"\b[1-9]\d* passed", done.stdout)


@pytest.mark.lab
def test_a_machine_that_is_not_there_is_said_in_one_line() -> None:
    pytest.importorskip("libvirt", reason="make lab installs it")
    require("libvirtd", "virsh")

    done = run("--client=nobody", "-k", "discovery", path="suites/interop")

    assert done.returncode == 3
    assert "there is no client: there is no machine nobody" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_several_workers_do_not_share_a_client() -> None:
    done = run("--client=any", "-n", "2", path="suites/interop")

    assert done.returncode == 4
    assert complaint(done) == "--client names one machine: run without -n"
