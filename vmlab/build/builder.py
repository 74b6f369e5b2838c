# SPDX-License-Identifier: GPL-2.0-only
"""Runs the commands of a build: by default on this machine."""

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self

from vmlab.errors import LabError
from vmlab.tool import find, run

CORES = "ISCSI_ASSAY_CORES"
"""The environment variable with the number of processors that a build may use."""

END_SECONDS = 20.0
"""A compiler ends at once at a signal; if it does not, it is killed."""


class Job(Protocol):
    """A running command."""

    def wait(self, seconds: float) -> int | None:
        """Return its exit code; None if it still runs after that time.

        Raises:
            LabError: the result is unknown.
        """

    def end(self) -> None:
        """End the job and all its processes; files built so far are kept."""


class Builder(AbstractContextManager["Builder"], Protocol):
    """A place with a toolchain; its processes end with the context."""

    @property
    def cc(self) -> str:
        """The arguments of make for the compiler."""

    @property
    def compiler(self) -> str:
        """Its part of the hash of a result."""

    @property
    def processors(self) -> int:
        """The number of parallel jobs."""

    def begin(
        self,
        words: Sequence[str],
        *,
        cwd: Path | None,
        environment: Mapping[str, str],
        log: Path,
        writes: Collection[Path],
    ) -> Job:
        """Start a command whose output is appended to a log.

        Args:
            words: the command.
            cwd: the folder in which it runs.
            environment: variables to set.
            log: the log, in an existing folder.
            writes: the existing folders below which it writes.

        Raises:
            LabError: it cannot be started.
        """


class Host:
    """This machine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Do nothing: jobs have ended, or are ended by their callers."""

    @property
    def cc(self) -> str:
        """The arguments of make for the compiler."""
        try:
            find("ccache")
        except LabError:
            return "gcc"
        return "ccache gcc"

    @property
    def compiler(self) -> str:
        """Its part of the hash of a result."""
        return run("gcc", "--version").partition("\n")[0]

    @property
    def processors(self) -> int:
        """The number of parallel jobs."""
        available = len(os.sched_getaffinity(0))
        limit = os.environ.get(CORES, "")
        return (
            min(available, int(limit))
            if limit.isdecimal() and int(limit)
            else available
        )

    def begin(
        self,
        words: Sequence[str],
        *,
        cwd: Path | None,
        environment: Mapping[str, str],
        log: Path,
        writes: Collection[Path],  # noqa: ARG002  # it can write anywhere
    ) -> Job:
        """Start a command whose output is appended to a log."""
        # The command ends with this process, however that ends.
        dying = (find("setpriv"), "--pdeathsig", "TERM")
        with log.open("ab") as file:
            child = subprocess.Popen(
                [*dying, find(words[0]), *words[1:]],
                cwd=cwd,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return _Child(child)


class _Child:
    """A command that runs on this machine."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child

    def wait(self, seconds: float) -> int | None:
        try:
            return self._child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        if self.wait(0) is not None:
            return
        os.killpg(self._child.pid, 15)
        if self.wait(END_SECONDS) is None:
            os.killpg(self._child.pid, 9)
            self._child.wait()


HOST: Builder = Host()
"""This machine."""
