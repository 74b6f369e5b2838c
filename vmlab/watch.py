# SPDX-License-Identifier: GPL-2.0-only
"""Reads consoles: finds the report of a crash, its kind and its end.

A kernel reports each kind of crash in its own form: an oops ends with an "end trace"
line, a report of KASAN with a line of equals signs, one of lockdep with its last stack.
`_FORMS` has the form of each kind; lines after the end do not belong to the report.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from vmlab.guest import DIED


class CrashKind(StrEnum):
    """The kind of a report on a console."""

    PROGRAM = "program"
    """The program that serves has ended, as the guest's own script reports."""
    KASAN = "KASAN"
    KFENCE = "KFENCE"
    UBSAN = "UBSAN"
    KMEMLEAK = "kmemleak"
    LOCKDEP = "lockdep"
    LOCKUP = "lockup"
    """A CPU is stuck, or RCU waits for one."""
    HUNG_TASK = "hung task"
    ATOMIC = "atomic sleep"
    """Code slept, or scheduled, where that is forbidden."""
    WARNING = "WARNING"
    PANIC = "panic"
    OOPS = "oops"
    TRACE = "call trace"
    """A call trace through a module that no line of the kinds above begins."""


@dataclass(frozen=True, slots=True)
class Crash:
    """The report of a crash."""

    kind: CrashKind
    line: str
    """The line that names the error, without earlier output of a program in it."""
    report: str
    """The report from that line to its end, at most `MOST_LINES` lines."""
    functions: tuple[str, ...]
    """The functions that it names with certainty, the one that crashed first.

    Those with a question mark do not count, nor do locks, lists and waits, which fail
    because of their callers.
    """
    offset: int
    """The offset of the report in the text, in characters."""
    end: int
    """The offset of its end, or of the end of the text."""
    is_complete: bool
    """Whether the end of the report has been seen."""


MOST_LINES = 300
"""A report without an end, or a longer one, is cut here."""

_STAMP = r"^(?:\[[ .\d]+\](?:\[ *[TC]\d+\])? *)?"
_END_TRACE = r"^.*---\[ end "
_EQUALS = rf"{_STAMP}={{20,}}$"
_STACK = r"^.*</TASK>\n?"
_OOPS = (
    r"BUG: |Oops[:;]|general protection fault|kernel BUG at |invalid opcode: |"
    r"list_(?:add|del) corruption|Unable to handle kernel"
)
_FORMS: tuple[tuple[CrashKind | None, str, str], ...] = (
    # Kind (None: no crash), pattern in its first line, pattern of its last one.
    (CrashKind.PROGRAM, rf"{DIED} ", r"(?<=\n)"),
    (CrashKind.KASAN, r"KASAN: ", _EQUALS),
    (CrashKind.KFENCE, r"KFENCE: ", _EQUALS),
    (CrashKind.UBSAN, r"UBSAN: ", rf"{_EQUALS}|{_END_TRACE}"),
    (CrashKind.KMEMLEAK, r"kmemleak: [1-9]\d* new suspected", _END_TRACE),
    (
        CrashKind.LOCKDEP,
        # Possible deadlocks, locks held wrongly, RCU used wrongly.
        r"(?:WARNING|INFO): (?:possible|suspicious|inconsistent|bad|lock held) ",
        r"(?<=stack backtrace:\n)(?:.*\n)+?.*</TASK>\n?",
    ),
    # On a busy host a CPU of the guest is late; the kernel is not at fault.
    (None, r"INFO: rcu_\S+ .*stall|INFO: rcu_\S+ detected stalls", _STACK),
    (
        CrashKind.LOCKUP,
        r"BUG: (?:soft lockup|workqueue lockup)|Watchdog detected hard LOCKUP",
        _STACK,
    ),
    (CrashKind.HUNG_TASK, r"INFO: task \S+ blocked", _STACK),
    (CrashKind.ATOMIC, r"BUG: (?:sleeping function|scheduling while atomic)", _STACK),
    (CrashKind.WARNING, r"WARNING: ", _END_TRACE),
    (CrashKind.PANIC, r"Kernel panic", _END_TRACE),
    (
        CrashKind.OOPS,
        _OOPS,
        _END_TRACE,
    ),
    (CrashKind.TRACE, r"Call Trace:$", _STACK),
)
_BEGIN = re.compile(
    rf"^.*(?:{'|'.join(form for _, form, _ in _FORMS)}).*$", re.MULTILINE
)
_FORM = [
    (kind, re.compile(begin, re.MULTILINE), re.compile(end, re.MULTILINE))
    for kind, begin, end in _FORMS
]
_BEFORE = re.compile(rf"^.*?(?=\[ *\d+\.\d+\] |{DIED} )")
_CONTEXT = re.compile(
    rf"{_STAMP}(?:(?:CPU: \d+ |Hardware name: |Workqueue: |Tainted: ).*)?$"
)
"""The lines between the first line of a report and its call trace."""

_FUNCTION = re.compile(r"(?<!\? )\b([A-Za-z_]\w*)(?:\.\w+)*\+0x[0-9a-f]+/0x[0-9a-f]+")
"""A frame in a kernel's report. One with a question mark is uncertain."""

_IN_MODULE = re.compile(r"(?<!\? )\b[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+ \[\w+")

_TOOLS = (
    *("dump_stack", "show_stack"),
    *("_raw_spin_", "native_queued_spin_", "queued_spin_", "__list_"),
    *("__schedule", "schedule", "__wait_for_common", "wait_for_completion"),
)
"""Locks, lists and waits fail because of their arguments, so their caller is at fault.

Functions that print a stack are not at fault either.
"""


def find_crash(text: str, from_: int = 0) -> Crash | None:
    """Return the first crash that a console reports, if any.

    Args:
        text: what the console has printed.
        from_: the first offset, in characters.
    """
    return scan(text, from_)[0]


def scan(text: str, from_: int = 0) -> tuple[Crash | None, int]:
    """Return the first crash, and the offset from which a console must be read again.

    An incomplete line is read again, and so is an incomplete report that is not a
    crash, whose call trace would otherwise look like a crash.
    """
    while True:
        begin = _BEGIN.search(text, from_)
        if begin is None:
            return None, max(from_, text.rfind("\n") + 1)
        kind, end_of = next(
            (kind, end) for kind, form, end in _FORM if form.search(begin[0])
        )
        end = end_of.search(text, begin.end())
        if kind is CrashKind.TRACE and not _of_module(text, begin, end):
            kind = None
        if kind is not None:
            crash = _crash(text, from_, kind, begin, end)
            return crash, crash.end
        if end is None:
            return None, begin.start()
        from_ = end.end()


def _of_module(text: str, begin: re.Match[str], end: re.Match[str] | None) -> bool:
    """Tell whether a bare call trace names a module, as every target does.

    Other traces come from a kernel that a busy host has delayed.
    """
    return (
        _IN_MODULE.search(text, begin.end(), end.end() if end else len(text))
        is not None
    )


def _crash(
    text: str,
    from_: int,
    kind: CrashKind,
    begin: re.Match[str],
    end: re.Match[str] | None,
) -> Crash:
    start = begin.start()
    if kind is CrashKind.TRACE:
        start = _with_context(text, from_, start)
    # The last line of a stack belongs to it; other patterns only mark the end.
    last = len(text)
    if end is not None:
        last = end.end() if "</TASK>" in end[0] else end.start()
    report = "\n".join(text[start:last].splitlines()[:MOST_LINES])
    functions = functions_of(report)
    line = _BEFORE.sub("", begin[0]).strip()
    if kind is CrashKind.TRACE and functions:
        line = f"{line} {functions[0]}"
    return Crash(
        kind=kind,
        line=line,
        report=report,
        functions=functions,
        offset=start,
        end=len(text) if end is None else end.end(),
        is_complete=end is not None,
    )


def functions_of(report: str) -> tuple[str, ...]:
    """Return the functions in a kernel's report, the one that crashed first."""
    named = dict.fromkeys(_FUNCTION.findall(report))
    return tuple(name for name in named if not name.startswith(_TOOLS))


def exit_of(crash: Crash) -> tuple[int | None, str]:
    """Return the exit status or signal of a program, from the guest's console."""
    status = re.search(r" with code (\d+)$", crash.line)
    signal = re.search(r" by (SIG[A-Z0-9]+)$", crash.line)
    return int(status[1]) if status else None, signal[1] if signal else ""


def tail(text: str) -> str:
    """Return the last lines of a console's output."""
    return "\n".join(text.splitlines()[-15:])


def _with_context(text: str, from_: int, trace: int) -> int:
    """Return the offsets of the lines that lead to a call trace, its cause first."""
    start = trace
    while start > from_:
        before = text.rfind("\n", from_, start - 1) + 1 or from_
        is_context = _CONTEXT.match(text[before : start - 1])
        start = before
        if not is_context:
            break
    return start
