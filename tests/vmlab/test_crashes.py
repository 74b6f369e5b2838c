# SPDX-License-Identifier: GPL-2.0-only
"""What a console says when a kernel is no good any more."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from vmlab import running as watched
from vmlab.running import Running
from vmlab.watch import CrashKind, find_crash, scan

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
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    # These reports have no last line to wait for.
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

    assert str(running(console).ending()) == f"[   12.5] {line}"


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

    assert running(console).ending() is None


def test_a_machine_whose_disk_cannot_be_written_counts_as_dead(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text("booted\n")
    stuck = running(console)
    stuck._domain.state.return_value = [3, 5]

    assert running(console).ending() is None
    assert str(stuck.ending()) == "the host has no room for the machine's disk"


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
    crash = find_crash(REPORT)

    assert crash is not None
    assert crash.report.splitlines() == lines[1:4]
    assert crash.kind is CrashKind.WARNING
    assert crash.functions == ("f", "g")
    assert crash.is_complete
    assert find_crash(lines[0]) is None


KASAN = """\
[   20.0] ==================================================================
[   20.0] BUG: KASAN: slab-use-after-free in first_bug+0x1/0x2 [x]
[   20.1] Call Trace:
[   20.1]  <TASK>
[   20.1]  first_bug+0x1/0x2 [x]
[   20.1]  caller_of_first+0x1/0x2 [x]
[   20.1]  </TASK>
[   20.2] Freed by task 9:
[   20.2]  who_freed+0x1/0x2 [x]
[   20.3] ==================================================================
"""
WARNED = """\
[   21.0] ------------[ cut here ]------------
[   21.0] WARNING: CPU: 0 PID: 1 at x.c:1 other_place+0x1/0x2 [x]
[   21.0] Call Trace:
[   21.0]  <TASK>
[   21.0]  caller_of_other+0x1/0x2 [x]
[   21.0]  </TASK>
[   21.0] ---[ end trace 0000000000000000 ]---
"""


def test_a_report_names_no_function_of_the_next_one() -> None:
    crash = find_crash(KASAN + WARNED)

    assert crash is not None
    assert crash.kind is CrashKind.KASAN
    assert crash.functions == ("first_bug", "caller_of_first", "who_freed")
    assert "other_place" not in crash.report
    second = find_crash(KASAN + WARNED, crash.end)
    assert second is not None
    assert second.kind is CrashKind.WARNING
    assert second.functions == ("other_place", "caller_of_other")


def test_a_machine_and_a_reader_find_the_same_crash(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text(KASAN + WARNED)

    ending = running(console).ending()

    assert ending is not None
    assert ending.crash == find_crash(KASAN + WARNED)


BARE = """\
[   30.0] connection1:0: ordinary
[   30.1] iscsi-scst: ***CRITICAL ERROR***: a negative counter
[   30.1] CPU: 0 PID: 61 Comm: iscsird Not tainted 6.1.0
[   30.1] Hardware name: QEMU
[   30.1] Call Trace:
[   30.1]  <TASK>
[   30.1]  dump_stack_lvl+0x44/0x57
[   30.1]  ? unsure+0x1/0x2
[   30.1]  count_down+0x1/0x2 [iscsi_scst]
[   30.1]  </TASK>
[   30.2] ordinary again
"""


def test_a_bare_call_trace_is_a_report_with_what_led_to_it() -> None:
    crash = find_crash(BARE)

    assert crash is not None
    assert crash.kind is CrashKind.TRACE
    assert crash.line == "[   30.1] Call Trace: count_down"
    assert crash.report.splitlines() == BARE.splitlines()[1:-1]


STALL = """\
[   40.0] rcu: INFO: rcu_preempt self-detected stall on CPU
[   40.0] Call Trace:
[   40.0]  <IRQ>
[   40.0]  rcu_sched_clock_irq+0x1/0x2
[   40.0]  </IRQ>
[   40.0]  <TASK>
[   40.0]  busy+0x1/0x2
[   40.0]  </TASK>
"""


def test_a_stall_of_a_busy_host_is_no_crash(tmp_path: Path) -> None:
    assert find_crash(STALL) is None
    assert find_crash(STALL + WARNED) is not None
    console = tmp_path / "console"
    watched_one = running(console)
    lines = STALL.splitlines(keepends=True)
    for count in range(len(lines) + 1):
        console.write_text("".join(lines[:count]))
        assert watched_one.ending() is None, lines[:count]


def test_a_call_trace_of_the_kernel_alone_is_no_crash() -> None:
    assert find_crash(BARE.replace(" [iscsi_scst]", "")) is None


def test_incomplete_lines_are_read_again() -> None:
    first, _, remainder = STALL.partition("\n")

    assert scan("ordinary\nhalf a li") == (None, len("ordinary\n"))
    assert scan(f"ordinary\n{first}\n") == (None, len("ordinary\n"))
    assert scan(f"{first}\n{remainder}") == (None, len(STALL))


def test_a_console_with_odd_bytes_is_watched_on(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_bytes(b"\xff\xfe\xfd odd\r\nordinary\r\n")
    machine = running(console)
    assert machine.ending() is None

    with console.open("ab") as file:
        file.write(b"[   12.5] BUG: scheduling while atomic\r\n")

    assert str(machine.ending()) == "[   12.5] BUG: scheduling while atomic"


def test_a_report_without_end_is_cut() -> None:
    crash = find_crash("[    1.0] Oops: 0\n" + "[    1.1] more\n" * 1000)

    assert crash is not None
    assert not crash.is_complete
    assert len(crash.report.splitlines()) == 300
