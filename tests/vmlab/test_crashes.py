# SPDX-License-Identifier: GPL-2.0-only
"""What a console says when a kernel is no good any more."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from vmlab import running as watched
from vmlab.running import Running
from vmlab.watch import crash_in

CRASHES = [
    "Kernel panic - not syncing: sysrq triggered crash",
    "BUG: kernel NULL pointer dereference, address: 00000000000004d9",
    "BUG: KASAN: slab-use-after-free in iscsit_close_session+0x10/0x20",
    "BUG: sleeping function called from invalid context at mm/slab.h:1",
    "Oops: 0000 [#1] PREEMPT SMP",
    "INFO: task iscsi_np:77 blocked for more than 120 seconds.",
    "WARNING: CPU: 0 PID: 1 at drivers/target/x.c:1 f+0x1/0x2",
    "WARNING: possible circular locking dependency detected",
    "WARNING: possible recursive locking detected",
    "WARNING: inconsistent lock state",
    "WARNING: suspicious RCU usage",
    "WARNING: bad unlock balance detected!",
    "UBSAN: shift-out-of-bounds in drivers/target/iscsi/x.c:1:2",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # The reports here have no end that could be waited for.
    monkeypatch.setattr(watched, "_REPORT_SECONDS", 0)


def running(console: Path) -> Running:
    domain = Mock()
    domain.isActive.return_value = True
    domain.state.return_value = [1, 1]
    return Running("one", "lio", {}, console, domain)


@pytest.mark.parametrize("line", CRASHES)
def test_a_crash_is_the_reason_of_the_end(tmp_path: Path, line: str) -> None:
    console = tmp_path / "console"
    console.write_text(f"booted\r\n[   12.5] {line}\r\n[   12.6] more\r\n")

    assert running(console).exit_reason() == f"[   12.5] {line}"


@pytest.mark.parametrize(
    "line",
    [
        "kmemleak: Kernel memory leak detector initialized",
        "kmemleak: 0 new suspected memory leaks",
        "lockdep is turned off.",
    ],
)
def test_ordinary_lines_are_none(tmp_path: Path, line: str) -> None:
    console = tmp_path / "console"
    console.write_text(f"[   12.5] {line}\r\n")

    assert running(console).exit_reason() is None


def test_a_machine_whose_disk_cannot_be_written_counts_as_dead(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text("booted\n")
    stuck = running(console)
    stuck._domain.state.return_value = [3, 5]

    assert running(console).exit_reason() is None
    assert stuck.exit_reason() == "the host has no room for the machine's disk"


REPORT = """\
[   10.0] sd 0:0:0:0: [sda] Attached SCSI disk
[   12.5] WARNING: CPU: 0 PID: 1 at drivers/scsi/x.c:1 f+0x1/0x2
[   12.5] Call Trace:
[   12.5]  g+0x1/0x2
[   12.5] ---[ end trace 0000000000000000 ]---
[   13.0] connection1:0: detected conn error (1020)
"""


def test_a_report_goes_to_its_end() -> None:
    lines = REPORT.splitlines()

    assert crash_in(REPORT).splitlines() == lines[1:4]
    assert crash_in(lines[0]) == ""
