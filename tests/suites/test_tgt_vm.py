# SPDX-License-Identifier: GPL-2.0-only
"""A short conformance run against tgtd in a virtual machine."""

import time

import pytest

from targets import parse
from targets.lab import LabProvider
from tests.suites.runs import run
from tests.tools import require

_SECONDS = 600.0
_WATCH_SECONDS = 30.0

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def _lab() -> None:
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe"):
        require(program)
    for module in ("libvirt", "pexpect"):
        pytest.importorskip(module, reason="make lab installs it")


def test_a_tgtd_that_died_is_noticed_and_started_again() -> None:
    from vmlab.console import Console  # noqa: PLC0415  # needs the lab's parts

    provider = parse("tgt-vm")
    with provider as running:
        assert isinstance(provider, LabProvider)
        assert provider._instance is not None
        assert running.exit_reason() is None
        with Console(provider._instance.name) as console:
            console.run("kill -9 $(pidof tgtd)")
            deadline = time.monotonic() + _WATCH_SECONDS
            while running.is_alive() and time.monotonic() < deadline:
                console.run("true")
        reason = running.exit_reason()
        running.restart()
        is_alive_again = running.is_alive()

    assert reason == "ASSAY-DIED tgtd"
    assert is_alive_again


def test_tgt_in_a_machine_does_what_is_known_of_it() -> None:
    # CHAP, several names and several units are set up by the guest's script.
    done = run(
        "suites/conformance/security",
        "--target=tgt-vm",
        path="suites/conformance/nop",
        seconds=_SECONDS,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "in a virtual machine" in done.stdout
