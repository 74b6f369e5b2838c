# SPDX-License-Identifier: GPL-2.0-only
"""What counts as a mistake of the client's kernel."""

from suites.interop.client import syntax_error_in

COUNTED = """\
[   77.1] ------------[ cut here ]------------
[   77.1] statistics for priority 1: i 99 m 0 d 98 c 98
[   77.1] WARNING: CPU: 0 PID: 9 at block/mq-deadline.c:669 dd_exit_sched+0xd7/0xf0
[   77.1] Call Trace:
[   77.1] ---[ end trace 0000000000000000 ]---
"""
QUEUED = COUNTED.replace(
    "[   77.1] statistics for priority 1: i 99 m 0 d 98 c 98\n", ""
)
OTHER = """\
[   79.5] WARNING: CPU: 0 PID: 9 at drivers/scsi/x.c:1 f+0x1/0x2
[   79.5] Call Trace:
"""


def test_a_wrong_count_of_requests_is_passed_over() -> None:
    assert syntax_error_in(COUNTED) == ""


def test_any_other_mistake_is_none_the_less_seen() -> None:
    assert syntax_error_in(COUNTED + OTHER).splitlines() == OTHER.splitlines()
    assert "dd_exit_sched" in syntax_error_in(QUEUED)
