# SPDX-License-Identifier: GPL-2.0-only
"""Runs a command whose processes all end when the caller ends.

`python -m vmlab.guard MARK PROGRAM [ARGUMENT…]` runs a program in a session of its own
and ends as it ends. Its standard input is the leash: when the other end of that pipe
closes, however its owner died, the guard ends the program and all processes that it
started.

It finds these processes by an environment variable that they inherit (`VARIABLE`), and
by their session, even if they changed parent, group or session. A daemon that also
serves others starts without the variable.

Other means do not suffice: processes can leave a process group, PR_SET_PDEATHSIG
reaches a child but not its children, and process namespaces need root.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from vmlab.poll import poll

VARIABLE = "ISCSI_ASSAY_GUARD"
"""The environment variable by which a guard recognises its processes."""

GRACE_SECONDS = 8.0
"""The seconds from SIGTERM to SIGKILL; a run of the suite writes files meanwhile."""

_KILL_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SIGNALLED = 128


@dataclass(slots=True)
class Guarded:
    """A command that runs under a guard."""

    process: "subprocess.Popen[bytes]"
    """The guard process; it ends with the command, with the same exit code."""
    descriptor: int = field(init=False)
    """Becomes readable when the guard has ended."""

    def __post_init__(self) -> None:
        self.descriptor = os.pidfd_open(self.process.pid)

    def let_go(self) -> None:
        """Request its end, without waiting for it."""
        stdin = self.process.stdin
        if stdin is not None:
            with suppress(OSError):
                stdin.close()

    def wait(self) -> int:
        """Return the exit code; a guard that does not end in time is killed."""
        try:
            code = self.process.wait(GRACE_SECONDS + 2 * _KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.close()
        return code

    def close(self) -> None:
        """Close the guard's pipe and file descriptors."""
        self.let_go()
        with suppress(OSError):
            os.close(self.descriptor)


def start(
    words: Sequence[str],
    *,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Guarded:
    """Run a command under a guard; it ends with this process, or when its leash closes.

    Args:
        words: the command.
        output: the file of its output; None for ours.
        environment: variables to set in addition to ours.
    """
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "vmlab.guard", mark, *words],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        # A session of its own: signals to our group do not reach the guard, which
        # detects our end.
        start_new_session=True,
    )
    return Guarded(process)


def unmarked() -> dict[str, str]:
    """Return our environment for a program that survives us, since it serves others."""
    return {name: value for name, value in os.environ.items() if name != VARIABLE}


def _run(mark: str, words: Sequence[str]) -> int:
    """Run a command until it ends or the leash closes; return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            env={**os.environ, VARIABLE: f"{os.environ.get(VARIABLE, '')} {mark}"},
            start_new_session=True,
            # This is safe, because there is one thread. Killing the guard kills the
            # command.
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
        )
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        return 127
    descriptor = os.pidfd_open(child.pid)
    try:
        # Nothing is written to the leash: it becomes readable when it is closed.
        select.select([descriptor, 0], [], [])
        is_over = _has_ended(child.pid)
    except _Stopped:
        is_over = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Also end the processes that the command has left in the background.
    _end(mark, child.pid)
    code = child.wait()
    if not is_over:
        return _SIGNALLED + signal.SIGTERM
    return code if code >= 0 else _SIGNALLED - code


class _Stopped(Exception):
    """A signal asks the guard to end."""


def _stop(_number: int, _frame: object) -> None:
    raise _Stopped


def _has_ended(pid: int) -> bool:
    """Tell whether a child has ended, without reaping it; its PID is not reused."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, options) is not None


def _end(mark: str, session: int) -> None:
    """End all processes that a command has started: by SIGTERM, then by SIGKILL."""
    for number, seconds in (
        (signal.SIGTERM, GRACE_SECONDS),
        (signal.SIGKILL, _KILL_SECONDS),
    ):
        signalled: set[int] = set()
        for _ in poll(seconds):
            running = marked(mark, session)
            if not running:
                return
            if number == signal.SIGKILL:
                _send(running, signal.SIGKILL)
                continue
            # Signal each process once: some exit at once on a second signal. Stop them
            # first, or a shell whose child ends would start its next command.
            for one in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
                _send(running - signalled, one)
            signalled |= running


def _send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, number)


def marked(mark: str, session: int) -> set[int]:
    """Return the living processes with a mark, or of a session."""
    own_pid = os.getpid()
    pids = set()
    for path in Path("/proc").iterdir():
        if not path.name.isdecimal() or int(path.name) == own_pid:
            continue
        with suppress(OSError):  # the process has ended, or belongs to another user
            if _is_marked(path, mark.encode(), session):
                pids.add(int(path.name))
    return pids


def _is_marked(path: Path, mark: bytes, session: int) -> bool:
    # The name may contain spaces and parentheses; the fields follow the last one.
    state, *fields = (path / "stat").read_bytes().rpartition(b")")[2].split()
    if state in (b"Z", b"X"):
        return False
    if int(fields[2]) == session:
        return True
    settings = (path / "environ").read_bytes().split(b"\0")
    marks = [one for one in settings if one.startswith(VARIABLE.encode() + b"=")]
    return any(mark in one.partition(b"=")[2].split() for one in marks)


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1], sys.argv[2:]))
