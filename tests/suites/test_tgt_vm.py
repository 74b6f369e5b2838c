# SPDX-License-Identifier: GPL-2.0-only
"""A short conformance run against tgtd in a virtual machine."""

import pytest

from tests.suites.runs import run
from tests.tools import require

_SECONDS = 600.0


@pytest.mark.lab
def test_tgt_in_a_machine_does_what_is_known_of_it() -> None:
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe"):
        require(program)
    pytest.importorskip("libvirt", reason="make lab installs it")

    # CHAP, several names and several units are set up by the guest's script.
    done = run(
        "suites/conformance/security",
        "--target=tgt-vm",
        path="suites/conformance/nop",
        seconds=_SECONDS,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "in a virtual machine" in done.stdout
