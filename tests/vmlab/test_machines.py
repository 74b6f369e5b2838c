# SPDX-License-Identifier: GPL-2.0-only
"""Machines that really boot: LIO served, a crash named, nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from initiator.connection import Portal
from targets import EndingKind, LabError, RunningTarget, parse
from targets.lab import LabProvider
from targets.lio import guest as lio_guest
from tests.lab import log_in, read_block, require_lab, write_block
from vmlab import cache
from vmlab.guest import Guest

# One group, because its tests share a machine.
pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _lab() -> None:
    require_lab()


@pytest.fixture(scope="module")
def lio() -> Iterator[tuple[LabProvider, RunningTarget]]:
    """LIO in one machine for several tests: to boot it takes longest."""
    require_lab()
    provider = parse("lio")
    assert isinstance(provider, LabProvider)
    with provider as running:
        yield provider, running


@pytest.fixture
def running(lio: tuple[LabProvider, RunningTarget]) -> RunningTarget:
    matches = lio[1]
    if not matches.control.is_alive():
        matches.control.revive()
    return matches


def lab_machines() -> str:
    process = subprocess.run(
        [sys.executable, "-m", "vmlab", "ls"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return process.stdout


def test_lio_keeps_its_data_over_a_loss_of_power(running: RunningTarget) -> None:
    block = os.urandom(512)

    with log_in(running, 0) as session:
        write_block(session, block)
    before = running.portals
    running.control.restart()
    with log_in(running, 0) as session:
        after = read_block(session)

    assert after == block
    assert running.portals == before


def test_every_kind_of_backing_and_group_is_served(running: RunningTarget) -> None:
    backings = {unit.backing for unit in running.target.logical_units}
    tags = set()
    for portal in (running.portal, *running.other_portals):
        at = Portal(portal.host, portal.port)
        for unit in running.target.logical_units:
            block = os.urandom(512)
            with log_in(running, unit.lun, at) as session:
                write_block(session, block, lba=7)
                assert read_block(session, lba=7) == block, unit
                tags.add(session.login.declared["TargetPortalGroupTag"])

    assert backings == {"file", "memory", "block"}
    assert tags == {"1", "2"}


def test_a_crash_fails_its_check_with_the_trace_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0"),
            *("tests/vmlab/samples/sample_crash.py", "--target=lio"),
            *("-o", "python_files=sample_*.py", f"--alluredir={tmp_path}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    # The check that did it fails, whatever it waits for; the target is up again for the
    # next.
    assert "1 failed, 1 passed" in process.stdout, process.stdout + process.stderr
    assert "sysrq triggered crash" in process.stdout
    logs = [path.read_text() for path in tmp_path.glob("*-attachment.txt")]
    assert any("Call Trace" in log and "sysrq_handle_crash" in log for log in logs)


def test_a_dead_machine_is_resumed_as_it_first_served(
    lio: tuple[LabProvider, RunningTarget], running: RunningTarget
) -> None:
    with log_in(running, 0) as session:
        write_block(session, b"\xa5" * 512)
    instance = lio[0]._instance
    assert instance is not None
    assert instance.running is not None
    instance.running.destroy()
    before = running.portals
    assert not running.control.is_alive()

    running.control.revive()

    assert running.control.is_alive()
    assert running.portals == before
    with log_in(running, 0) as session:
        assert read_block(session) == bytes(512)
        write_block(session, b"\x5a" * 512)
    # What it then stores outlives a loss of power, as before.
    running.control.restart()
    with log_in(running, 0) as session:
        assert read_block(session) == b"\x5a" * 512


def test_a_crash_of_the_kernel_is_named(
    lio: tuple[LabProvider, RunningTarget], running: RunningTarget
) -> None:
    from vmlab.console import Console  # noqa: PLC0415  # needs the lab's parts

    instance = lio[0]._instance
    assert instance is not None
    assert running.control.ending() is None
    console = Console(instance.name)
    with pytest.raises(LabError):
        console.run("echo c > /proc/sysrq-trigger")
    console.close()
    ending = running.control.ending()

    assert ending is not None
    assert ending.kind is EndingKind.CRASHED
    assert "panic" in ending.reason or "sysrq" in ending.reason.lower()


def test_a_machine_ends_with_the_program_that_was_killed() -> None:
    script = (
        "from targets import parse\nimport time\n"
        "running = parse('lio').start()\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        child.send_signal(signal.SIGKILL)

    assert_nothing_is_left(f"lio-{child.pid}-")


def test_a_run_that_is_killed_while_its_machine_boots_leaves_nothing() -> None:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0"),
            *("suites/conformance/nop", "--target=lio"),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    ) as child:
        own = f"lio-{child.pid}-"
        deadline = time.monotonic() + 120
        while not list(folders_of(own, "console.log")):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)

    assert_nothing_is_left(own)


def folders_of(own: str, file: str = ".") -> Iterator[Path]:
    return (cache.folder() / "machines").glob(f"{own}*/{file}")


def assert_nothing_is_left(own: str) -> None:
    """Assert that a killed process has no machine any more, nor a folder of one."""
    from vmlab import folders, machine  # noqa: PLC0415  # needs the lab's parts

    deadline = time.monotonic() + 30
    while own in lab_machines() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert own not in lab_machines()
    # The next start of a machine sweeps, too, and another worker's test may start one
    # now. Our sweep skips the folders that its sweep has locked.
    with machine.Lab() as lab:
        while list(folders_of(own)) and time.monotonic() < deadline:
            for _name in folders.sweep(lab.is_up):
                pass
            time.sleep(0.1)
    assert not list(folders_of(own))


def test_a_set_up_that_fails_says_why() -> None:
    from vmlab import machine  # noqa: PLC0415  # needs the lab's parts

    guest = Guest("odd", (), "echo the disk is upside down\nfalse", ())

    name = machine.unique_name("odd")
    with machine.Lab() as lab, pytest.raises(LabError, match="upside down"):
        lab.up(guest, name, ends_with_us=True)

    assert not list(folders_of(name))


def test_a_port_in_use_is_named() -> None:
    from vmlab import machine  # noqa: PLC0415  # needs the lab's parts

    one = lio_guest.guest([])
    name = machine.unique_name("taken")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        forwards = dict.fromkeys(one.endpoints, port)
        with (
            machine.Lab() as lab,
            pytest.raises(LabError, match=f"127.0.0.1:{port}, to be forwarded, is in"),
        ):
            lab.up(one, name, ends_with_us=True, forwards=forwards)

    assert not list(folders_of(name))


def test_a_second_start_builds_nothing() -> None:
    from vmlab import image, kernel  # noqa: PLC0415

    one = lio_guest.guest([])
    first = image.initramfs(kernel.of_debian(), one)
    used = (first, kernel.of_debian().root)
    inodes = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in used]

    second = image.initramfs(kernel.of_debian(), one)

    assert (second, kernel.of_debian().root) == used
    assert inodes == [(path.stat().st_ino, path.stat().st_mtime_ns) for path in used]


def test_up_ls_and_down_from_the_command_line() -> None:
    name = f"cli{os.getpid()}"

    def vmlab(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vmlab", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    up = vmlab("up", "lio", "--name", name)
    try:
        second = vmlab("up", "lio", "--name", name)
        listed = vmlab("ls").stdout
        output = vmlab("log", name).stdout
    finally:
        down = vmlab("down", name)

    assert up.stdout.startswith("iscsi://127.0.0.1:"), up.stderr
    assert (second.returncode, "is up" in second.stderr) == (3, True)
    assert name in listed
    assert "ASSAY-READY" in output
    assert down.returncode == 0
    assert name not in vmlab("ls").stdout
