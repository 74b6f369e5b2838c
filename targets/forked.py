# SPDX-License-Identifier: GPL-2.0-only
"""Starts a program of this project as a fork of this process, which has imported it.

Starting an interpreter and importing the reference target takes many times as long as a
fork. A process that starts hundreds of them offers it here (`suites/forkserver.py`).
"""

import faulthandler
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from targets import leash
from vmlab.poll import poll

Main = Callable[[Sequence[str]], int]
"""Takes the arguments of a program and returns its exit code."""

_OFFERED: dict[str, Main] = {}
_OPTION = (sys.executable, "-m")
_FAILED = 1


@dataclass(slots=True)
class Fork:
    """A child of this process, with the methods of `subprocess.Popen`."""

    pid: int
    code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self, timeout: float) -> int:
        """Return its exit code when it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not ended in that time.
        """
        for _ in poll(timeout, every=0.01):
            code = self.poll()
            if code is not None:
                return code
        raise subprocess.TimeoutExpired(str(self.pid), timeout)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Until `poll` reaps the child, the kernel gives its number to no other process.
        if self.poll() is None:
            os.kill(self.pid, number)


def offer(module: str, main: Main) -> None:
    """From now on start `python -m MODULE` by a fork."""
    _OFFERED[module] = main


def start(
    command: Sequence[str],
    *,
    log: Path,
    directory: Path,
    environment: Mapping[str, str],
) -> Fork | None:
    """Start a program that ends when we end, as `targets.process.spawn` does.

    Returns:
        None where the program is not offered. A process with threads does not fork,
        either: the locks that they hold would never be released.

    Raises:
        OSError: its log cannot be opened.
    """
    if tuple(command[:2]) != _OPTION or threading.active_count() > 1:
        return None
    main = _OFFERED.get(command[2])
    if main is None:
        return None
    parent = os.getpid()
    with log.open("ab") as output:
        pid = os.fork()
        if not pid:
            _become(main, command[3:], output.fileno(), directory, environment, parent)
    return Fork(pid)


def _become(
    main: Main,
    arguments: Sequence[str],
    output: int,
    directory: Path,
    environment: Mapping[str, str],
    parent: int,
) -> NoReturn:
    """Run a program in this fork, and end with it."""
    code = _FAILED
    try:
        # The parent's sockets and files are closed below. Freeze their objects: if
        # Python closed them again later, it would close other files with the same
        # numbers.
        gc.freeze()
        leash.hold()
        if os.getppid() != parent:
            os._exit(_FAILED)
        os.setsid()
        os.chdir(directory)
        os.environ.update(environment)
        _take_outputs(output)
        _forget_pytest()
        code = main(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else _FAILED
    except BaseException:  # noqa: BLE001  # as an interpreter does at its end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _take_outputs(output: int) -> None:
    """Close everything but standard input and both outputs, which go to a log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in enumerate((nothing, output, output)):
        os.dup2(source, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def _forget_pytest() -> None:
    """Reset warnings, logs, hooks and signals as in a new interpreter."""
    faulthandler.disable()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    sys.unraisablehook = sys.__unraisablehook__
    threading.excepthook = threading.__excepthook__
    for handler in logging.root.handlers.copy():
        logging.root.removeHandler(handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
