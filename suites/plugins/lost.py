# SPDX-License-Identifier: GPL-2.0-only
"""Ends runs before their last check: with all files, a reason and an exit code.

A run ends early if its target has died and cannot be restarted. It stops as after
Ctrl-C: table, findings and files are written, and mark the checks that did not run.
"""

import os
import signal
import time
from collections.abc import Generator
from types import FrameType

import pytest

from suites.plugins import early

TARGET_LOST = 7
"""The exit code of a run whose target is lost; pytest uses those up to 6."""

_LOST = pytest.StashKey[tuple[str, int]]()
"""Why there is no target, in one line, and the exit code."""

_OUTPUT = "assay_lost"
"""The key under which a worker sends both to the controller."""

ONE_SIGNAL_SECONDS = 5.0
"""Signals to end within this time count as one: `timeout` sends two, to a process and
to its group, and a second one would interrupt the table and the files."""


END_SECONDS = 30.0
"""How long a run may take for its table, files and clean-up before a signal ends it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM asked the run to end."""


def lose(config: pytest.Config, reason: str, code: int = TARGET_LOST) -> None:
    """End the run after the current check; the first reason counts."""
    config.stash.setdefault(_LOST, (reason, code))


def lost(config: pytest.Config) -> str:
    """Return why there is no target, or an empty text."""
    return config.stash.get(_LOST, ("", 0))[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the run after a check whose target cannot be restarted."""
    result = yield
    reason = lost(item.config)
    if reason:
        # In a worker, pytest.exit would be an internal error of pytest-xdist.
        item.session.shouldstop = reason
    return result


class _Ender:
    """Ends a run at SIGTERM as at Ctrl-C."""

    def __init__(self) -> None:
        self._since = -ONE_SIGNAL_SECONDS

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """End the run, unless it is ending.

        Raises:
            KeyboardInterrupt: the run ends.
        """
        now = time.monotonic()
        if now < self._since + ONE_SIGNAL_SECONDS:
            return
        self._since = now
        if number == signal.SIGTERM:
            raise Terminated("ended by SIGTERM")
        raise KeyboardInterrupt


class _Closer:
    """Lets a run that is ending write its table and files, and clean up."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Ignore the signal, unless the end takes too long.

        Raises:
            SystemExit: it takes too long.
        """
        if time.monotonic() < self._since + END_SECONDS:
            return
        name = early.name_of(number)
        os.write(2, f"ended by {name} before the run had cleaned up\n".encode())
        raise SystemExit(int(pytest.ExitCode.INTERRUPTED))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Have a run end in order when it is asked to; its workers end with it."""
    if hasattr(session.config, "workerinput"):
        return
    ender = _Ender()
    signal.signal(signal.SIGTERM, ender)
    former = signal.getsignal(signal.SIGINT)
    if former is signal.default_int_handler or isinstance(former, early.Ender):
        signal.signal(signal.SIGINT, ender)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Read from a worker that has ended whether its target is lost."""
    output = getattr(node, "workeroutput", {})
    config = getattr(node, "config", None)
    if _OUTPUT in output and isinstance(config, pytest.Config):
        lose(config, *output[_OUTPUT])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Let a run end undisturbed, with its own exit code if its target is lost."""
    closer = _Closer()
    for number in (signal.SIGTERM, signal.SIGINT):
        if isinstance(signal.getsignal(number), _Ender):
            signal.signal(number, closer)
    _set_code(session)
    return (yield)


def _set_code(session: pytest.Session) -> None:
    """Set the exit code if the target is lost; a worker sends it to the controller."""
    if _LOST not in session.config.stash:
        return
    reason, code = session.config.stash[_LOST]
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        session.exitstatus = code
    else:
        output[_OUTPUT] = [reason, code]
