# SPDX-License-Identifier: GPL-2.0-only
"""Signals that end a run before it has begun: one line, no traceback.

Nothing has been started by then, and no file is due. From the start of the session on,
`suites/plugins/lost.py` ends runs whole.
"""

import os
import signal
import threading
from dataclasses import dataclass
from types import FrameType

import pytest


def watch(plugins: pytest.PytestPluginManager) -> None:
    """Have SIGTERM and Ctrl-C end the process at once, with one line.

    What a process ignores stays ignored, and workers are ended by their controller.

    Args:
        plugins: those of pytest, which captures output while it loads more of them.
    """
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if is_worker or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, Ender(plugins))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Ender(plugins))


def name_of(number: int) -> str:
    """Return the name of a signal that ends runs, as a user knows it."""
    return "Ctrl-C" if number == signal.SIGINT else "SIGTERM"


@dataclass(frozen=True, slots=True)
class Ender:
    """Ends the process, in the middle of an import if need be."""

    plugins: pytest.PytestPluginManager

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Say which signal it was, and end."""
        capture = self.plugins.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture()
        # The module that is being imported could catch an exception.
        os.write(2, f"ended by {name_of(number)} before the run began\n".encode())
        os._exit(pytest.ExitCode.INTERRUPTED)
