# SPDX-License-Identifier: GPL-2.0-only
"""Runs a user's command with a time limit and bounded output.

Its output goes to a file without a name, not to a pipe: a daemon that the command
leaves behind may continue to write, and we do not wait for it to close its output.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from iscsi.printable import printable
from targets.errors import LabError
from vmlab.poll import poll
from vmlab.tool import SBIN

MOST_KEPT = 1 << 20
"""The number of bytes of output that are kept, from its end."""

MOST_PRINTED = 16 << 20
"""The number of bytes after which a command is ended, since its output has no end."""

_LINES = 15
"""The number of output lines in an error."""

_LONGEST_LINE = 500
_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a target file."""

    name: str
    """Its name in messages, such as "restart of box.toml"."""
    words: tuple[str, ...]
    seconds: float
    """Its time limit."""
    folder: Path
    """The folder in which it runs."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    """Its exit status; a negative number is the signal that ended it."""
    output: str
    """Its output, both streams together, printable line by line."""

    @property
    def last_line(self) -> str:
        """The last line that is not empty, or an empty text."""
        lines = [one.strip() for one in self.output.splitlines() if one.strip()]
        return lines[-1][:_LONGEST_LINE] if lines else ""

    @property
    def tail(self) -> str:
        """The last lines, for an error."""
        lines = self.output.splitlines()[-_LINES:]
        return "\n".join(one[:_LONGEST_LINE] for one in lines)


def find_program(word: str, folder: Path) -> str | None:
    """Return the path of a program; None if there is none.

    Args:
        word: its name, or a path from the folder.
        folder: that of the target file.
    """
    if "/" in word:
        path = folder.resolve() / word
        return str(path) if path.is_file() and os.access(path, os.X_OK) else None
    return shutil.which(word) or shutil.which(word, path=SBIN)


def demand(command: Command, environment: Mapping[str, str]) -> Done:
    """Run a command that must succeed.

    Args:
        command: the command.
        environment: variables to set besides ours.

    Raises:
        LabError: it cannot be started, took too long, printed without end, or failed.
    """
    result = run(command, environment)
    if result.status:
        ending = f"ended with status {result.status}"
        if result.status < 0:
            ending = f"was killed by signal {-result.status}"
        output = (
            f": {result.last_line}" if result.last_line else ", and printed nothing"
        )
        raise LabError(
            f"the command {command.name} {ending}{output}",
            command=command.words,
            log=result.tail,
        )
    return result


def run(command: Command, environment: Mapping[str, str]) -> Done:
    """Run a command to its end, whatever its exit status.

    Raises:
        LabError: it cannot be started, took too long, or printed without end; its
            process group is killed.
    """
    with tempfile.TemporaryFile() as output:
        try:
            popen = subprocess.Popen(
                command.words,
                cwd=command.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for pytest, and a command that hangs is killed with its
                # children.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise LabError(
                f"the command {command.name} cannot be started: {error}",
                command=command.words,
            ) from error
        try:
            _await(popen, command, output)
        except BaseException:
            _kill(popen)
            raise
        return Done(popen.returncode, _read(output))


def _await(popen: subprocess.Popen[bytes], command: Command, output: BinaryIO) -> None:
    """Wait for the end of a command.

    Raises:
        LabError: it took too long, or printed without end.
    """
    problem = f"did not end within {command.seconds:g} s and was killed"
    for _ in poll(command.seconds, _POLL_SECONDS):
        if popen.poll() is not None:
            return
        if os.fstat(output.fileno()).st_size > MOST_PRINTED:
            problem = f"printed more than {MOST_PRINTED >> 20} MiB and was killed"
            break
    result = Done(0, _read(output))
    printed = f"; it printed last: {result.last_line}" if result.last_line else ""
    raise LabError(
        f"the command {command.name} {problem}{printed}",
        command=command.words,
        log=result.tail,
    )


def _kill(popen: subprocess.Popen[bytes]) -> None:
    """End a command with all that it has started in its process group."""
    with suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        popen.wait(_KILL_SECONDS)


def _read(output: BinaryIO) -> str:
    """Return the end of the output, control characters escaped in each line."""
    size = os.fstat(output.fileno()).st_size
    # Do not seek: a daemon that still writes shares the file's offset.
    data = os.pread(output.fileno(), MOST_KEPT, max(0, size - MOST_KEPT))
    text = data.decode(errors="replace")
    return "\n".join(printable(line.expandtabs()) for line in text.splitlines())
