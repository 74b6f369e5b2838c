# SPDX-License-Identifier: GPL-2.0-only
"""A guest's serial console: typed at by a program, or by a person."""

import os
import re
from types import TracebackType
from typing import Self

from vmlab import daemon, domain
from vmlab.errors import LabError
from vmlab.tool import find

_PROMPT = "assay-prompt> "
_SECONDS = 20.0


class Console:
    """BusyBox's shell on a guest's console, driven by pexpect.

    As a context manager it lets go of the console at the end.
    """

    def __init__(self, name: str, *, seconds: float = _SECONDS) -> None:
        """Take the console over, from whoever has it.

        Raises:
            LabError: pexpect or virsh is missing, or no shell answers.
        """
        try:
            import pexpect  # noqa: PLC0415  # the toolkit runs without the lab's parts
        except ImportError as error:
            raise LabError(
                "the Python module pexpect is not installed", hint="make lab"
            ) from error
        self._pexpect = pexpect
        self._name = name
        self._child = pexpect.spawn(
            find("virsh"), _arguments(name), timeout=seconds, encoding="utf-8"
        )
        self._child.setecho(False)
        self._child.sendline("")
        # Written in two parts: the echo of the command is not the prompt.
        self._child.sendline("PS1='assay-''prompt> '")
        self._await_prompt()

    def run(self, command: str) -> str:
        """Run a command in the guest and return what it printed.

        Raises:
            LabError: it did not end in time, or ended with another code than 0.
        """
        self._child.sendline(f'{command}; echo "[code $?]"')
        self._await_prompt()
        printed = str(self._child.before).replace("\r", "")
        body, _, rest = printed.rpartition("[code ")
        lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", body).split("\n", 1)
        output = lines[1] if len(lines) > 1 else ""
        if not rest.startswith("0]"):
            raise LabError(
                f"{self._name}: the command failed", command=[command], log=output
            )
        return output

    def _await_prompt(self) -> None:
        try:
            self._child.expect_exact(_PROMPT)
        except (self._pexpect.TIMEOUT, self._pexpect.EOF) as error:
            raise LabError(
                f"{self._name}: no shell answers on the console",
                log=str(self._child.before or "")[-400:],
            ) from error

    def close(self) -> None:
        """Let go of the console."""
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


def attach(name: str) -> None:
    """Become a terminal on a guest's console; ^] leaves it."""
    virsh = find("virsh")
    os.execv(virsh, [virsh, *_arguments(name)])  # noqa: S606  # no shell is wanted


def _arguments(name: str) -> list[str]:
    return ["-c", daemon.uri(), "console", domain.PREFIX + name, "--force"]
