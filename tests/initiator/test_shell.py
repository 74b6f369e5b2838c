# SPDX-License-Identifier: GPL-2.0-only
"""The interactive session, typed at through a pipe and through a terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from targets import parse

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SECONDS = 20.0
TYPED = """print(session.execute(cdb.test_unit_ready()))
session.ping(b'hello').data
session.send(NOPOut(immediate=1, data=b'by hand')).initiator_task_tag
session.receive().data
show(1)
last()
1/0
"""


def test_what_is_typed_is_done(tmp_path: Path) -> None:
    with parse("reference") as running:
        portal, name = running.portal, running.target.name
        process = subprocess.run(
            [sys.executable, "-m", "initiator", "shell", f"iscsi://{portal}/{name}"],
            input=TYPED,
            cwd=ROOT,
            env={
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert process.returncode == 0
    assert "UNIT ATTENTION" in process.stdout
    assert "b'hello'" in process.stdout
    assert "b'by hand'" in process.stdout
    assert "<- NOPIn" in process.stdout
    assert "###[ NOP-In ]###" in process.stdout
    assert "ZeroDivisionError" in process.stderr
    assert "ModuleNotFoundError" not in process.stderr


def test_a_terminal_has_completion_and_history(tmp_path: Path) -> None:
    """A second session knows the lines of the first."""
    with parse("reference") as running:
        url = f"iscsi://{running.portal}/{running.target.name}"

        first = Terminal(url, tmp_path)
        first.expect(">>> ")
        first.type("session.pin\tb'he' + b'llo').data\n")
        first.expect("b'hello'")
        first.leave()
        second = Terminal(url, tmp_path)
        second.expect(">>> ")
        second.type("\x1b[A\x1b[A\n")  # upwards, beyond exit()
        second.expect("b'hello'")
        second.leave()


class Terminal:
    """The shell, and a pseudo-terminal to type at it."""

    def __init__(self, url: str, home: Path) -> None:
        self._end, other = pty.openpty()
        self._seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "initiator", "shell", url],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=ROOT,
            env={
                "HOME": str(home),
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "TERM": "dumb",
            },
        )
        os.close(other)

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._end, text.encode())

    def expect(self, words: str) -> None:
        """Wait until the words are shown."""
        deadline = time.monotonic() + SECONDS
        while words not in self._seen:
            remaining = max(0.0, deadline - time.monotonic())
            assert select.select([self._end], [], [], remaining)[0], self._seen
            self._seen += os.read(self._end, 4096).decode(errors="replace")
        self._seen = self._seen.partition(words)[2]

    def leave(self) -> None:
        """End the shell as a user does."""
        self.expect(">>> ")
        self.type("exit()\n")
        assert self._process.wait(SECONDS) == 0
        os.close(self._end)
