# SPDX-License-Identifier: GPL-2.0-only
"""Processes that end with this one, log to a file, and stop within a time limit.

The kernel kills such a process when the *thread* that started it ends (PDEATHSIG):
start targets from the main thread.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from targets import forked, leash
from targets.errors import LabError
from targets.forked import Fork
from targets.model import Ending, EndingKind, Usage

_KILL_WAIT = 10.0
_LOG_LIMIT = 1 << 20
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log that a process appends to."""

    path: Path

    def mark(self) -> int:
        """Return the present end of the log."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def since(self, mark: int) -> str:
        """Return the text since the mark; at most its last MiB."""
        try:
            with self.path.open("rb") as file:
                left_out = self.mark() - mark - _LOG_LIMIT
                file.seek(mark + max(0, left_out))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return f"[{left_out} bytes left out]\n{text}" if left_out > 0 else text

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """Return the last lines."""
        return "\n".join(self.since(0).splitlines()[-lines:])


@dataclass(frozen=True, slots=True)
class Process:
    """A running program and its log."""

    command: tuple[str, ...]
    log: LogFile
    log_start: int
    """The start of its part of the log, to which a restarted target appends."""
    popen: subprocess.Popen[bytes] | Fork

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self.popen.pid

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.popen.poll() is None

    def ending(self) -> Ending | None:
        """Return how it ended; None while it runs."""
        code = self.popen.poll()
        if code is None:
            return None
        if code < 0:
            name = _signal_name(-code)
            return Ending(EndingKind.EXITED, f"killed by {name}", signal=name)
        return Ending(EndingKind.EXITED, f"exited with status {code}", status=code)

    def usage(self) -> Usage | None:
        """Return its present resources; None if it has ended, or they are not visible.

        The leash process has become the program itself.
        """
        folder = Path("/proc") / str(self.pid)
        try:
            resident = int((folder / "statm").read_text().split()[1])
            files = len(list((folder / "fd").iterdir()))
        except OSError:
            return None
        return Usage(self.pid, resident * os.sysconf("SC_PAGE_SIZE"), files)

    def kill(self) -> None:
        """End it at once, as a loss of power would."""
        self.popen.kill()
        self.popen.wait(_KILL_WAIT)

    def stop(self, grace: float) -> None:
        """Send SIGTERM, and SIGKILL after a grace time."""
        self.popen.terminate()
        try:
            self.popen.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()


def _signal_name(number: int) -> str:
    """Return a signal's name; only the first and last real-time signals have one."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
) -> Process:
    """Start a program that ends with this process, even by kill -9.

    Args:
        command: the program and its arguments.
        log: the file to which both its outputs are appended.
        directory: its working directory, where a core dump would be written.
        environment: variables to set in addition to ours.
        wrapper: a command that prepares the process before the request to die with its
            parent; a change of credentials would cancel that request (prctl(2)).

    Raises:
        LabError: the program, its directory or its log cannot be opened.
    """
    leashed = (
        *wrapper,
        *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid())),
        *command,
    )
    log_file = LogFile(log)
    log_start = log_file.mark()
    settings = environment or {}
    try:
        fork = None
        if not wrapper:
            fork = forked.start(
                command, log=log, directory=directory, environment=settings
            )
        if fork is not None:
            return Process(tuple(command), log_file, log_start, fork)
        with log.open("ab") as output:
            popen = subprocess.Popen(
                leashed,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={**os.environ, **settings},
                # Ctrl-C is for pytest, which then stops the targets in order.
                start_new_session=True,
            )
    except OSError as error:
        raise LabError(
            f"{Path(command[0]).name} cannot be started: {error}", command=leashed
        ) from error
    return Process(tuple(command), log_file, log_start, popen)
