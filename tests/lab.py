# SPDX-License-Identifier: GPL-2.0-only
"""What tests with machines of the lab have in common."""

import shlex
import subprocess

import pytest

from initiator.connection import Portal
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi.scsi import cdb
from targets import Chap, Credentials, LogicalUnit, RunningTarget, Target
from tests.tools import require
from vmlab.guest import Guest
from vmlab.kernel import Kernel

TARGETS = [
    Target(
        "iqn.2001-04.com.example:a",
        (LogicalUnit(0, 1 << 20), LogicalUnit(1, 1 << 20, 4096)),
    ),
    Target(
        "iqn.2001-04.com.example:b",
        (LogicalUnit(0, 1 << 20),),
        Chap(
            Credentials("user", b"it's-a-secret"),
            Credentials("other", b"the-way-back"),
        ),
    ),
]
"""What the set-up of a guest is tried with."""


def assert_shell_can_read(script: str) -> None:
    """Have a guest's shell parse a script."""
    require("busybox")
    subprocess.run(
        ["busybox", "sh", "-n"], input=script, text=True, check=True, timeout=20
    )


def calls_in(guest: Guest, function: str) -> list[tuple[str, ...]]:
    """Return the words of each call of a function of a guest's set-up script."""
    lines = guest.setup.splitlines()
    matches = (shlex.split(line) for line in lines if line.startswith(f"{function} "))
    return [tuple(words[1:]) for words in matches]


def require_lab() -> None:
    """Skip the test, or fail it in CI, where the lab lacks something."""
    for program in ("qemu-system-x86_64", "libvirtd", "busybox", "modprobe"):
        require(program)
    for module in ("libvirt", "pexpect"):
        pytest.importorskip(module, reason="make lab installs it")


def console_at_boot(guest: Guest, kernel: Kernel) -> str:
    """Boot a machine, and return the output of its console once it serves."""
    from vmlab import folders, machine  # noqa: PLC0415  # needs the lab's parts

    with machine.Lab() as lab:
        running = lab.up(
            guest, machine.unique_name(guest.kind), kernel=kernel, ends_with_us=True
        )
        output = running.log_since(0)
        running.destroy()
        folders.forget(running.name)
    return output


def log_in(running: RunningTarget, lun: int, portal: Portal | None = None) -> Session:
    """Return a session with a unit that is ready; to be entered as a context."""
    at = portal or Portal(running.portal.host, running.portal.port)
    return Session(at, LoginOptions(target_name=running.target.name), lun=lun)


def read_block(session: Session, lba: int = 0) -> bytes:
    """Return a block."""
    _await_readiness(session)
    return session.execute(cdb.read_10(lba=lba, blocks=1), read=512).data


def write_block(session: Session, data: bytes, lba: int = 0) -> None:
    """Write a block, so that a loss of power does not take it."""
    _await_readiness(session)
    assert session.execute(cdb.write_10(lba=lba, blocks=1), write=data).is_good
    assert session.execute(cdb.synchronize_cache_10(lba=0, blocks=0)).is_good


def _await_readiness(session: Session) -> None:
    while not session.execute(cdb.test_unit_ready()).is_good:
        pass  # unit attentions; the session's time limit bounds them
