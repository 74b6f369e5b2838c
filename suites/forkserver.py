# SPDX-License-Identifier: GPL-2.0-only
"""Runs pytest in forks of one process, which has already imported the suite.

Starting an interpreter and importing pytest, its plugins, Scapy and the checks takes
longer than the few checks of a fault. This process does so once, and forks for each run
that a client requests on its channel.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from reftarget.__main__ import main as run_reference_target
from reports.suites import ANYWHERE, ROOT
from targets import forked, leash

SUITE = "suites/conformance"

LEAN = (
    *("-p", "no:cacheprovider"),
    # At the end of a run this plugin imports all of Hypothesis, which takes half of the
    # time.
    *("-p", "no:hypothesispytest"),
)
"""Options that leave out what a run does not need."""

_BEGIN_SECONDS = 600.0
"""The seconds within which a run must begin; it may have to wait for the imports."""
_LATE_SECONDS = 10.0
"""A run is killed when it exceeds its time limit by so many seconds."""
_FAILED = 70
"""The exit code if something other than pytest ended the run (EX_SOFTWARE)."""


class Timeout(Exception):
    """A run was killed by its time limit."""


class ForkServerError(Exception):
    """A run cannot be started, or a signal has killed it; one line."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished run of pytest."""

    code: int
    """pytest's exit code."""
    stdout: str
    stderr: str


@dataclass(slots=True)
class _Server:
    """The process that forks; it starts with the first run."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    channel: socket.socket | None = None
    """The process ends when we do, since this end of its channel closes then."""
    process: subprocess.Popen[bytes] | None = None

    def connect(self) -> socket.socket:
        """Return a socket to a new fork.

        Raises:
            ForkServerError: the process that forks has ended.
        """
        own_end, child_end = socket.socketpair()
        with self.lock, child_end:
            self.channel = self.channel or self._start()
            try:
                socket.send_fds(self.channel, [b"fork"], [child_end.fileno()])
            except OSError as error:
                own_end.close()
                raise ForkServerError(f"the fork server failed: {error}") from error
        return own_end

    def _start(self) -> socket.socket:
        own_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with child_end:
            self.process = subprocess.Popen(  # our own interpreter
                [sys.executable, "-m", "suites.forkserver", str(child_end.fileno())],
                pass_fds=[child_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
            )
        return own_end


_SERVER = _Server()


def run(arguments: Sequence[str], seconds: int, folder: Path) -> Done:
    """Run pytest in a fork. Threads may request runs in parallel.

    Args:
        arguments: the command line of pytest.
        seconds: how long the run may last.
        folder: an existing folder for its output.

    Raises:
        Timeout: it exceeded the time limit and was killed.
        ForkServerError: it cannot be started, or a signal has killed it.
    """
    stdout, stderr = folder / "stdout", folder / "stderr"
    order = {
        "arguments": list(arguments),
        "seconds": seconds,
        "stdout": str(stdout),
        "stderr": str(stderr),
    }
    with _SERVER.connect() as channel, channel.makefile("rw") as stream:
        try:
            channel.settimeout(_BEGIN_SECONDS)
            print(json.dumps(order), file=stream, flush=True)
            stream.readline()  # the fork answers that it has begun
            begun = time.monotonic()
            channel.settimeout(seconds + _LATE_SECONDS)
            code = stream.readline()
        except OSError as error:
            raise ForkServerError(f"the fork server failed: {error}") from error
    if code:
        return Done(int(code), _read(stdout), _read(stderr))
    if time.monotonic() - begun >= seconds:
        raise Timeout
    words = _read(stderr).strip().splitlines() or ["the run was killed"]
    raise ForkServerError(words[-1])


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def serve(channel: socket.socket) -> None:
    """Import the suite, then fork for each run, until the channel is closed."""
    handlers = [(one, signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM)]
    # Ctrl-C is for the runs, and for the process that has requested them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pytest.main([SUITE, "--collect-only", "-qq", *LEAN, *ANYWHERE])
    forked.offer("reftarget", run_reference_target)
    signal.signal(signal.SIGTERM, handlers[1][1])
    # The client sees its socket close, so the fork's exit status is not needed.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Keep the objects that exist now out of the garbage collections of the forks.
    gc.collect()
    gc.freeze()
    while True:
        _data, descriptors, _flags, _address = socket.recv_fds(channel, 16, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            parent = os.getpid()
            if os.fork():
                continue
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number, handler in handlers:
                signal.signal(number, handler)
            _carry_out(connection, parent)


def _carry_out(connection: socket.socket, parent: int) -> NoReturn:
    """Run pytest for a connection's request, in this fork, and exit with it."""
    leash.hold()
    if os.getppid() != parent:
        os._exit(_FAILED)
    try:
        with connection.makefile("rw") as stream:
            order = json.loads(stream.readline())
            for number, name in ((1, "stdout"), (2, "stderr")):
                with Path(order[name]).open("wb") as file:
                    os.dup2(file.fileno(), number)
            print("begins", file=stream, flush=True)
            signal.alarm(order["seconds"])  # the kernel kills this process then
            code = int(pytest.main(order["arguments"]))
            # A fork ends without the functions of atexit, so call them here.
            atexit._run_exitfuncs()
            sys.stdout.flush()
            print(code, file=stream, flush=True)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(_FAILED)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
