# SPDX-License-Identifier: GPL-2.0-only
"""Ends a run by a signal before it has begun: with one line, without a traceback.

Until then nothing has been started, and no file must be written. From the start of the
session on, `suites/plugins/lost.py` ends runs in order.
"""

import os
import signal
import threading
from dataclasses import dataclass
from types import FrameType

import pytest


def watch(plugins: pytest.PytestPluginManager) -> None:
    """Have SIGTERM and Ctrl-C end the process at once, with one line.

    A signal that the process ignores stays ignored; workers are ended by their
    controller.

    Args:
        plugins: the plugin manager of pytest, which captures output while it loads
            plugins.
    """
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if is_worker or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, Ender(plugins))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Ender(plugins))


def name_of(number: int) -> str:
    """Return the name of a signal as a user knows it."""
    return "Ctrl-C" if number == signal.SIGINT else "SIGTERM"


@dataclass(frozen=True, slots=True)
class Ender:
    """Ends the process, even in the middle of an import."""

    plugins: pytest.PytestPluginManager

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Print which signal it was, and end the process."""
        capture = self.plugins.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture()
        # An exception could be caught by the module that is being imported.
        os.write(2, f"ended by {name_of(number)} before the run began\n".encode())
        os._exit(pytest.ExitCode.INTERRUPTED)
