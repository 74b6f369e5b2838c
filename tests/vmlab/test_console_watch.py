# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from typing import Any, cast

import pytest

from vmlab import daemon
from vmlab.errors import LabError
from vmlab.kernel import Kernel
from vmlab.running import Running, await_ready

pytestmark = pytest.mark.lab  # `make lab` brings libvirt's module

pytest.importorskip("libvirt", reason="make lab installs it")

BOOT = """[    0.044000] tsc: Unable to calibrate against PIT
[    6.990802] db_root: cannot open: /etc/target
ASSAY-READY
"""
REPORTS = [
    "[    8.3] Kernel panic - not syncing: Fatal exception in interrupt",
    "[    8.3] BUG: kernel NULL pointer dereference, address: 00000000000004d9",
    "[    8.3] Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "[    8.3] general protection fault, probably for non-canonical address 0xdead",
    "[    8.3] WARNING: CPU: 0 PID: 12 at drivers/target/target_core_tmr.c:1 f+0x1/0x2",
    "[    8.3] WARNING: possible circular locking dependency detected",
    "[  245.1] INFO: task iscsi_np:61 blocked for more than 120 seconds.",
    "[    8.3] BUG: KASAN: slab-use-after-free in iscsit_close_session+0x1/0x2",
    "[    8.3] UBSAN: array-index-out-of-bounds in drivers/target/x.c:1:2",
    "[    8.3] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
]
HARMLESS = [
    '[    9.0] Unable to locate key "TaskReporting".',
    "[    9.0] TARGET_CORE[iSCSI]: Detected NON_EXISTENT_LUN Access for 0x00000007",
    "[    9.0] Time2Retain timer expired for SID: 2, cleaning up iSCSI session.",
]


class Domain:
    def __init__(self, ends_after: int = 0) -> None:
        self.asked = 0
        self.ends_after = ends_after

    def isActive(self) -> bool:  # noqa: N802  # libvirt's name
        return self.asked < self.ends_after

    def state(self) -> list[int]:
        return [1, 1]

    def destroy(self) -> None:
        self.asked += 1
        if self.asked < self.ends_after:
            raise daemon.module().libvirtError("the domain is busy")


def running_at(console: Path, domain: Domain | None = None) -> Running:
    return Running("x", "lio", {}, console, cast(Any, domain or Domain(ends_after=1)))


@pytest.mark.parametrize("line", REPORTS)
def test_the_kernels_last_message_is_the_reason(tmp_path: Path, line: str) -> None:
    console = tmp_path / "console.log"
    console.write_text(BOOT)
    running = running_at(console)
    assert running.ending() is None

    with console.open("a") as file:
        file.write(f"{line}\r\n[    8.4] ---[ end trace 0 ]---\r\n")

    assert str(running.ending()) == line
    assert str(running.ending()) == line, "it stays dead"


def test_a_report_is_seen_when_the_console_goes_on_in_another_file(
    tmp_path: Path,
) -> None:
    console = tmp_path / "console.log"
    console.write_text(BOOT + "[    8.2] ordinary\n" * 1000)
    running = running_at(console)
    assert running.ending() is None
    mark = running.mark()

    console.rename(tmp_path / "console.log.0")
    console.write_text(
        "[    8.3] BUG: scheduling while atomic\n---[ end trace 0 ]---\n"
    )

    assert str(running.ending()) == "[    8.3] BUG: scheduling while atomic"
    assert running.log_since(mark).startswith("[    8.3] BUG")


@pytest.mark.parametrize("line", HARMLESS)
def test_other_output_is_no_reason(tmp_path: Path, line: str) -> None:
    console = tmp_path / "console.log"
    console.write_text(f"{BOOT}{line}\n")

    assert running_at(console).ending() is None


def test_a_line_that_comes_in_parts_is_seen(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text(f"{BOOT}[    8.3] BU")
    running = running_at(console)
    assert running.ending() is None

    with console.open("a") as file:
        file.write("G: scheduling while atomic\n---[ end trace 0 ]---\n")

    assert str(running.ending()) == "[    8.3] BUG: scheduling while atomic"


def test_a_machine_that_has_ended_says_so(tmp_path: Path) -> None:
    running = running_at(tmp_path / "console.log", Domain(ends_after=0))

    assert str(running.ending()) == "the machine is gone"


def test_a_machine_is_gone_when_destroying_it_is_over(tmp_path: Path) -> None:
    domain = Domain(ends_after=3)

    running_at(tmp_path / "console.log", domain).destroy()

    assert not domain.isActive()


def test_a_report_before_it_serves_is_no_clean_start(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    report = (
        "[    3.1] BUG: KASAN: slab-out-of-bounds in f+0x1/0x2 [x]\n  f+0x1/0x2 [x]\n"
    )
    console.write_text(f"[    3.0] ordinary\n{report}{'=' * 66}\n{BOOT}")
    kernel = Kernel("6.1.7", tmp_path, "a test")

    with pytest.raises(
        LabError,
        match=r"the machine x does not serve: .*BUG: KASAN: slab-out-of-bounds",
    ) as caught:
        await_ready(running_at(console, Domain(ends_after=99)), kernel)

    assert caught.value.log.startswith("[    3.1] BUG: KASAN")
    assert caught.value.log.endswith("[not decoded: no debug information of x]\n")


def test_a_machine_serves_once_it_prints_so(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text(BOOT)
    running = running_at(console, Domain(ends_after=99))

    await_ready(running, Kernel("6.1.7", tmp_path, "a test"))

    assert running.ending() is None
