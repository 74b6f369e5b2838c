# SPDX-License-Identifier: GPL-2.0-only
"""A guest's serial console, for a program or for a user."""

import contextlib
import os
import re
import termios
import time
from types import TracebackType
from typing import Self

from vmlab import daemon, domain
from vmlab.errors import LabError
from vmlab.tool import find

_SECONDS = 20.0
_FIRST_TRY = 1.0


class Console:
    """BusyBox's shell on a guest's console, driven by pexpect.

    As a context manager it releases the console at the end.
    """

    def __init__(self, name: str, *, seconds: float = _SECONDS) -> None:
        """Attach to the console, and detach the process that has it.

        Raises:
            LabError: pexpect or virsh is missing, or no shell answers.
        """
        try:
            import pexpect  # noqa: PLC0415  # the toolkit runs without the lab's parts
        except ImportError as error:
            raise LabError(
                "the Python module pexpect is not installed",
                hint="make lab, or pip install 'iscsi-assay[lab]'",
            ) from error
        self._pexpect = pexpect
        self._name = name
        self._child = pexpect.spawn(
            find("virsh"), _arguments(name), timeout=seconds, encoding="utf-8"
        )
        _pass_all_on(self._child.child_fd)
        self._prompt = ""
        self._is_ours = False
        self._take_over(seconds)
        # The echo is off, so pexpect need not wait before it sends.
        self._child.delaybeforesend = None

    def _take_over(self, seconds: float) -> None:
        """Set up a prompt of our own.

        Raises:
            LabError: no shell answers.
        """
        patience = _FIRST_TRY
        deadline = time.monotonic() + seconds
        # virsh silently drops input that arrives before it is ready.
        while not self._takes_over(patience):
            patience *= 2
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self._name}: no shell answers on the console",
                    log=str(self._child.before or "")[-400:],
                )
        self._is_ours = True

    def _takes_over(self, seconds: float) -> bool:
        """Set the shell up; return whether it answers in time."""
        # Without an echo the shell edits no lines, so it neither wraps nor colours
        # them. The prompt is unique to this try, since one of a former console may be
        # on the screen; it is sent in two parts, so that the echo of this command
        # differs.
        own = f"{os.getpid()}-{time.monotonic_ns()}> "
        self._prompt = f"assay-{own}"
        try:
            # Interrupt a program that a former console has left running.
            self._child.send("\x03")
            self._child.sendline(f"stty -echo icanon; PAGER=cat; PS1='assay-''{own}'")
            self._child.expect_exact(self._prompt, timeout=seconds)
        except self._pexpect.TIMEOUT:
            return False
        except (self._pexpect.EOF, OSError) as error:
            raise LabError(
                f"{self._name}: the console is closed",
                log=str(self._child.before or "")[-400:],
            ) from error
        return True

    def run(self, command: str, *, seconds: float = _SECONDS) -> str:
        """Run a command in the guest and return what it printed.

        Raises:
            LabError: the command did not end in time, or its exit code was not 0.
        """
        code, output = self.attempt(command, seconds=seconds)
        if code:
            raise LabError(
                f"{self._name}: the command failed with code {code}",
                command=[command],
                log=output,
            )
        return output

    def attempt(self, command: str, *, seconds: float = _SECONDS) -> tuple[int, str]:
        """Run a command that may fail; return its exit code and its output.

        Raises:
            LabError: the command did not end in time.
        """
        if not self._is_ours:
            self._take_over(seconds)
        # Until the prompt returns, output may belong to this command.
        self._is_ours = False
        self._child.sendline(f'{command}; echo "[code $?]"')
        self._await_prompt(seconds)
        printed = str(self._child.before).replace("\r", "")
        output, _, tail = printed.rpartition("[code ")
        code = tail.partition("]")[0]
        if not code.isdecimal():
            raise LabError(
                f"{self._name}: the command did not end in time",
                command=[command],
                log=printed[-400:],
            )
        self._is_ours = True
        return int(code), re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output)

    def _await_prompt(self, seconds: float) -> None:
        try:
            self._child.expect_exact(self._prompt, timeout=seconds)
        except (self._pexpect.TIMEOUT, self._pexpect.EOF) as error:
            raise LabError(
                f"{self._name}: no shell answers on the console",
                log=str(self._child.before or "")[-400:],
            ) from error

    def close(self) -> None:
        """Release the console, with echo enabled for the next user."""
        with contextlib.suppress(OSError):  # the machine may have ended
            self._child.sendline("stty echo")
        self._child.close(force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _pass_all_on(terminal: int) -> None:
    """Disable the terminal's echo and ^C, as virsh itself does a bit later."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~(termios.ECHO | termios.ISIG)
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def attach(name: str) -> None:
    """Connect this terminal to a guest's console; ^] leaves it."""
    virsh = find("virsh")
    os.execv(virsh, [virsh, *_arguments(name)])  # noqa: S606  # no shell is wanted


def _arguments(name: str) -> list[str]:
    return ["-c", daemon.uri(), "console", domain.PREFIX + name, "--force"]
