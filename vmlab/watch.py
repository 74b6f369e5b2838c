# SPDX-License-Identifier: GPL-2.0-only
"""What a console says when a kernel, or the target on it, is no good any more."""

import re

from vmlab import debuginfo, trace
from vmlab.guest import DIED
from vmlab.kernel import Kernel

_CRASH = re.compile(
    rf"^.*(?:{DIED} |Kernel panic|BUG: |Oops[:;]|general protection fault|"
    r"kernel BUG at |invalid opcode: |list_(?:add|del) corruption|"
    r"Unable to handle kernel|WARNING: |INFO: task \S+ blocked|"
    # lockdep's: of deadlocks that could be, and of sleep where it is forbidden.
    r"INFO: (?:possible|suspicious|inconsistent|bad) |"
    r"KASAN: |KFENCE: |UBSAN: |kmemleak: [1-9]\d* new suspected).*$",
    re.MULTILINE,
)
"""How a kernel says that it is broken, be it alive or not; or that its target is."""

_END = re.compile(
    # Of an oops, a WARNING or leaks; of KASAN and UBSAN; of lockdep.
    r"^.*---\[ end |^(?:\[[ .\d]+\] )?={20,}$|"
    r"(?<=stack backtrace:\n)(?:.*\n)+?.*</TASK>$",
    re.MULTILINE,
)
_BEFORE = re.compile(rf"^.*?(?=\[ *\d+\.\d+\] |{DIED} )")
_REPORT_LINES = 60


def crash(text: str) -> re.Match[str] | None:
    """Return the line by which a console says that something is broken, if any."""
    return _CRASH.search(text)


def reason(found: re.Match[str]) -> str:
    """Return what such a line says, without what a program had begun to say."""
    return _BEFORE.sub("", found[0]).strip()


def is_whole(text: str, begin: int) -> bool:
    """Tell whether a report that begins somewhere has come to its end."""
    return _END.search(text, begin) is not None


def crash_in(text: str) -> str:
    """Return the report of a crash in what a kernel has said; or nothing."""
    found = crash(text)
    if found is None:
        return ""
    end = _END.search(text, found.end())
    # The last line of a stack is a part of it; others only mark the end.
    last = end.end() if end and end[0].endswith("</TASK>") else end and end.start()
    return "\n".join(text[found.start() : last].splitlines()[:_REPORT_LINES])


def report(said: str, reason: str | None, kernel: Kernel) -> str:
    """Return the report of a kernel that does not come up, decoded.

    Where it has none, the end of what it has said.
    """
    _, line, rest = said.partition(reason) if reason else ("", "", "")
    if not line:
        return tail(said)
    shown = "\n".join((line + rest).splitlines()[:_REPORT_LINES])
    return trace.decode(shown, debuginfo.files(kernel.root))


def tail(text: str) -> str:
    """Return the last lines of what a console has said."""
    return "\n".join(text.splitlines()[-15:])
