# SPDX-License-Identifier: GPL-2.0-only
"""Errors of the lab, as opposed to failures of the target."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class LabError(Exception):
    """The lab failed: for example, a tool is missing, or a process died.

    Args:
        message: one sentence that says what is wrong.
        hint: what the reader can do about it.
        command: the command that failed, if one did.
        log: the last lines of its log.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        command: Sequence[str] = (),
        log: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.command = tuple(command)
        self.log = log

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def details(self) -> str:
        """Return the message with the command and the last lines of its log."""
        lines = [str(self)]
        if self.command:
            lines.append("command: " + " ".join(self.command))
        if self.log:
            lines.append("log:")
            lines += ["    " + line for line in self.log.splitlines()]
        return "\n".join(lines)


@contextmanager
def oserror_as_lab_error(doing: str) -> Iterator[None]:
    """Turn an OSError into a LabError.

    Raises:
        LabError: instead of an OSError; the message names the action and the object.
    """
    try:
        yield
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        raise LabError(f"{doing}: {file}{error.strerror or error}") from error
