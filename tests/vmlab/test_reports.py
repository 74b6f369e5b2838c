# SPDX-License-Identifier: GPL-2.0-only
"""Reports of a kernel with every sanitizer, captured from a real one and shortened.

tests/vmlab/test_kernels.py provokes them.
"""

from pathlib import Path

import pytest

from vmlab import trace, watch
from vmlab.guest import DIED

FOLDER = Path(__file__).parent / "samples" / "reports"
REASONS = {
    "shift": "[   87.376586] UBSAN: shift-out-of-bounds in ",
    "warn": "[   89.100912] WARNING: CPU: 0 PID: 50 at ",
    "hang": "[  130.272968] INFO: task sh:50 blocked for more than 1 seconds.",
    "lock": "[  132.944579] WARNING: possible circular locking dependency detected",
    "use-after-free": "[  134.850719] BUG: KASAN: use-after-free in use_after_free+",
    "crash": "[  136.309166] kernel BUG at ",
    "leak": "[   99.700689] kmemleak: 15 new suspected memory leaks",
}
KINDS = {
    "shift": watch.CrashKind.UBSAN,
    "warn": watch.CrashKind.WARNING,
    "hang": watch.CrashKind.HUNG_TASK,
    "lock": watch.CrashKind.LOCKDEP,
    "use-after-free": watch.CrashKind.KASAN,
    "crash": watch.CrashKind.OOPS,
    "leak": watch.CrashKind.KMEMLEAK,
}
# The report of leaks is read from debugfs, and the guest marks it.
ENDS = REASONS.keys() - {"leak"}
LAST = {
    "shift": "[   87.517631]  </TASK>",
    "warn": "[   89.221288] irq event stamp: 10433",
    "crash": "[  136.321396]  </TASK>",
}


def report(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", REASONS)
def test_a_report_is_known_by_its_first_line(name: str) -> None:
    crash = watch.find_crash(f"[    1.0] ordinary\nassay-1> {report(name)}")

    assert crash is not None
    assert crash.line.startswith(REASONS[name])
    assert crash.kind is KINDS[name]


@pytest.mark.parametrize(
    "expected_message",
    ["[  127.2] INFO: task x:1 blocked for more than 1 s.", f"{DIED} tgtd"],
)
def test_incomplete_output_of_a_program_is_no_reason(expected_message: str) -> None:
    crash = watch.find_crash(f"assay-1> {expected_message}\n")

    assert crash is not None
    assert crash.line == expected_message


def test_how_a_program_ended_is_read_from_its_line() -> None:
    ends = {}
    for parameters in (
        "tgtd was killed by SIGSEGV",
        "tgtd ended with code 107",
        "iscsi-scstd",
    ):
        crash = watch.find_crash(f"{DIED} {parameters}\n[    9.0] ordinary\n")
        assert crash is not None
        assert crash.kind is watch.CrashKind.PROGRAM
        assert crash.report == f"{DIED} {parameters}"
        ends[parameters.split()[-1]] = watch.exit_of(crash)

    assert ends == {
        "SIGSEGV": (None, "SIGSEGV"),
        "107": (107, ""),
        "iscsi-scstd": (None, ""),
    }


@pytest.mark.parametrize("name", sorted(ENDS))
def test_a_report_is_awaited_to_its_end(name: str) -> None:
    text = report(name)
    lines = text.splitlines(keepends=True)
    parts = [
        watch.find_crash("".join(lines[:count])) for count in range(len(lines) + 1)
    ]
    ends = [count for count, part in enumerate(parts) if part and part.is_complete]
    without = [line for line in lines[: ends[0] - 1] if "assay_provoke]" in line]

    assert without, "what is to be decoded comes before"


@pytest.mark.parametrize("name", LAST)
def test_what_comes_after_a_report_is_none_of_it(name: str) -> None:
    crash = watch.find_crash(report(name))

    assert crash is not None
    assert crash.report.splitlines()[-1] == LAST[name]


@pytest.mark.parametrize("name", REASONS)
def test_the_frames_of_a_report_are_found(name: str) -> None:
    reported = trace.decode(report(name), {})

    assert reported.removeprefix(report(name)) == (
        "[not decoded: no debug information of assay_provoke, vmlinux]\n"
    )
